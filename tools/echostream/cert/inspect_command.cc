// echostream cert inspect and cert fingerprint: what is in a PEM file.
#include <iostream>
#include <string>
#include <vector>

#include "echostream/base/printable.h"
#include "echostream/loop.h"
#include "echostream/security.h"

#include "tools/echostream/cert/cert_command.h"
#include "tools/echostream/cert/certificate_text.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

using transport::CertificateFacts;

constexpr const char* kInspectExplanation =
    R"(Says of each certificate in FILE what it is for, how long it is valid and what its fingerprint is, and warns of
what peers would refuse. With --key it also says whether that is the first one's private key.

Examples:
  echostream cert inspect robot.pem --key robot.key
  echostream cert inspect robot.pem --json | jq -r .warnings[])";

constexpr const char* kFingerprintExplanation =
    R"(Prints the SHA-256 of the first certificate in FILE, as it is pinned: Trust::pinned(), --fingerprint.

Example:
  echostream ping robot.example:4433 --fingerprint $(echostream cert fingerprint robot.pem))";

Result<std::vector<CertificateFacts>> read_certificates(const std::string& path) {
  auto text = transport::read_certificate_file(path);
  if (!text) return text.error();
  return transport::describe_certificates(*text, path);
}

class CertInspectCommand final : public Command {
 public:
  explicit CertInspectCommand(CLI::App& cert)
      : Command(*cert.add_subcommand("inspect", "Say what is in a file of certificates")) {
    app().footer(kInspectExplanation);
    add_file(app(), "FILE", file_, "a PEM file")->required();
    add_file(app(), "--key", key_, "a PEM file with the private key of the first certificate");
    add_json_flag("a JSON object for each certificate, in a line of its own");
  }

  Status run() override {
    auto chain = read_certificates(file_);
    if (!chain) return chain.error();
    auto loop = make_loop();
    if (!loop) return loop.error();
    std::vector<std::string> warnings = certificate_warnings(*chain, (*loop)->wall_time());
    if (!key_.empty()) {
      auto identity = Identity::from_pem_files(file_, key_);
      if (!identity) return identity.error();
      if (others_may_read(key_)) warnings.push_back("others may read the private key: chmod 600");
    }
    for (std::size_t i = 0; i < chain->size(); ++i) {
      const std::vector<std::string> of_this = i == 0 ? warnings : std::vector<std::string>();
      if (wants_json()) {
        show_json((*chain)[i], of_this);
      } else {
        show((*chain)[i], of_this);
      }
    }
    return Status::ok();
  }

 private:
  static std::string role(const CertificateFacts& facts) {
    if (facts.is_authority) return "an authority";
    if (facts.may_serve && facts.may_dial) return "servers and clients";
    if (facts.may_serve) return "servers";
    return facts.may_dial ? "clients" : "something other than TLS";
  }

  static void show(const CertificateFacts& facts, const std::vector<std::string>& warnings) {
    const auto line = [](const char* name, const std::string& value) {
      std::cout << name << value << '\n';
    };
    std::string names;
    for (const std::string& name : alternative_names(facts.identity)) {
      names += (names.empty() ? "" : ", ") + echostream::printable(name);
    }
    line("subject      ", facts.subject);
    line("issuer       ", facts.is_self_issued ? "itself" : facts.issuer);
    line("names        ", names.empty() ? "(none)" : names);
    line("valid        ",
         date_text(facts.identity.not_before()) + " to " + date_text(facts.identity.not_after()));
    line("key          ", facts.key);
    line("for          ", role(facts));
    line("fingerprint  ", facts.identity.fingerprint().to_string());
    for (const std::string& warning : warnings) line("warning      ", warning);
  }

  static void show_json(const CertificateFacts& facts, const std::vector<std::string>& warnings) {
    JsonLine line;
    line.add("subject", facts.subject).add("issuer", facts.issuer);
    line.add("self_issued", facts.is_self_issued).add("authority", facts.is_authority);
    line.add("names", alternative_names(facts.identity));
    line.add("not_before", date_text(facts.identity.not_before()));
    line.add("not_after", date_text(facts.identity.not_after()));
    line.add("key", facts.key).add("for_servers", facts.may_serve);
    line.add("for_clients", facts.may_dial);
    line.add("fingerprint", facts.identity.fingerprint().to_string());
    line.add("warnings", warnings);
    std::cout << line.text() << '\n';
  }

  std::string file_;
  std::string key_;
};

class CertFingerprintCommand final : public Command {
 public:
  explicit CertFingerprintCommand(CLI::App& cert)
      : Command(*cert.add_subcommand("fingerprint", "Print what peers pin")) {
    app().footer(kFingerprintExplanation);
    add_file(app(), "FILE", file_, "a PEM file with a certificate")->required();
  }

  Status run() override {
    auto chain = read_certificates(file_);
    if (!chain) return chain.error();
    std::cout << chain->front().identity.fingerprint().to_string() << '\n';
    return Status::ok();
  }

 private:
  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_cert_inspect_command(CLI::App& cert) {
  return std::make_unique<CertInspectCommand>(cert);
}

std::unique_ptr<Command> make_cert_fingerprint_command(CLI::App& cert) {
  return std::make_unique<CertFingerprintCommand>(cert);
}

}  // namespace echostream::tool
