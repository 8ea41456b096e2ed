// echostream cert create: a key and a certificate for it.
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/printable.h"
#include "echostream/loop.h"
#include "echostream/security.h"

#include "runtime/transport/issue_certificate.h"
#include "tools/echostream/cert/cert_command.h"
#include "tools/echostream/cert/certificate_files.h"
#include "tools/echostream/cert/certificate_text.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr const char* kCreateExplanation =
    R"(Makes an ECDSA P-256 key, which nobody but this user may read, and a certificate for NAME: a host name, an IP
address, or any label. More names go into it with --host. It is self-signed: peers pin the fingerprint that is
printed. With --issuer and --issuer-key an authority signs it, and peers trust that (--ca). --authority makes such
an authority.

Files that are there are left alone, unless --force is given.

Examples:
  echostream cert create robot-7
  echostream cert create "Our CA" --authority --certificate ca.pem --key ca.key --days 3650
  echostream cert create robot-7.example --host 192.0.2.7 --issuer ca.pem --issuer-key ca.key \
      --certificate robot.pem --key robot.key --days 90)";

class CertCreateCommand final : public Command {
 public:
  explicit CertCreateCommand(CLI::App& cert)
      : Command(*cert.add_subcommand("create", "Make a key and a certificate")) {
    app().footer(kCreateExplanation);
    app().add_option("NAME", name_, "whom it is for")->required();
    app()
        .add_option("--host", hosts_,
                    "another host name or IP address that it is for; may be repeated")
        ->allow_extra_args(false);
    app()
        .add_option("--days", days_, "how long it is valid, from now")
        ->check(CLI::Range(1, 36500))
        ->capture_default_str();
    app().add_flag("--authority", request_.is_authority,
                   "a certificate authority, which signs others");
    add_file(app(), "--issuer", issuer_, "a PEM file with the certificate of who signs it");
    add_file(app(), "--issuer-key", issuer_key_, "a PEM file with that one's private key");
    add_file(app(), "--certificate,--cert", certificate_,
             "where the certificate goes [certificate.pem]");
    add_file(app(), "--key", key_, "where the private key goes [key.pem]");
    app().add_flag("--force", force_, "replace files that are there");
    add_json_flag("say what was made as a JSON object");
  }

  Status run() override {
    if (issuer_.empty() != issuer_key_.empty()) {
      return {StatusCode::kInvalidArgument, "--issuer and --issuer-key belong together"};
    }
    if (certificate_ == key_) {
      return {StatusCode::kInvalidArgument, "--certificate and --key must be two files"};
    }
    for (const std::string& path : {key_, certificate_}) {
      std::error_code error;
      if (!force_ && std::filesystem::exists(path, error)) {
        return {StatusCode::kAlreadyExists, path + " is there already; --force replaces it"};
      }
    }
    auto made = make();
    if (!made) return made.error();
    Status written = write_certificate_files(
        {key_, certificate_}, {made->private_key_pem(), made->certificate_chain_pem()}, force_);
    if (!written.is_ok()) return written;
    show(*made);
    return Status::ok();
  }

 private:
  Result<Identity> make() {
    auto loop = make_loop();
    if (!loop) return loop.error();
    std::optional<Identity> issuer;
    if (!issuer_.empty()) {
      auto read = Identity::from_pem_files(issuer_, issuer_key_);
      if (!read) return read.error();
      issuer = *read;
    }
    request_.now = (*loop)->wall_time();
    request_.validity = std::chrono::hours(24) * days_;
    if (Status status = take_names(); !status.is_ok()) return status;
    auto made = transport::issue_certificate(request_, issuer ? &*issuer : nullptr);
    if (!made || !issuer) return made;
    if (Status looked = look_at(*made, *issuer); !looked.is_ok()) return looked;
    return made;
  }

  Status take_names() {
    constexpr std::size_t kMostBytes = 64;  // RFC 5280 appendix A: ub-common-name
    const bool is_host = !request_.is_authority && transport::is_certificate_host(name_);
    if (is_host) request_.hosts.push_back(name_);
    if (is_host && name_ == "localhost") hosts_.insert(hosts_.end(), {"127.0.0.1", "::1"});
    request_.hosts.insert(request_.hosts.end(), hosts_.begin(), hosts_.end());
    request_.hosts = transport::distinct_hosts(request_.hosts);
    request_.common_name = name_;
    if (name_.size() > kMostBytes && is_host) {
      request_.common_name = name_.substr(0, name_.find('.'));
    }
    if (!name_.empty() && request_.common_name.size() <= kMostBytes) return Status::ok();
    return {StatusCode::kInvalidArgument, "NAME must have 1 to 64 bytes, or be a host name"};
  }

  // What is wrong with the certificate beside who issued it.
  Status look_at(const Identity& made, const Identity& issuer) {
    auto leaf = transport::describe_certificates(made.certificate_chain_pem(), certificate_);
    if (!leaf) return leaf.error();
    auto authority = transport::describe_certificates(issuer.certificate_chain_pem(), issuer_);
    if (!authority) return authority.error();
    if (outlives(leaf->front(), authority->front())) {
      warnings_.push_back(outliving_text(authority->front()));
    }
    return Status::ok();
  }

  void show(const Identity& made) const {
    const std::string fingerprint = made.fingerprint().to_string();
    if (wants_json()) {
      JsonLine line;
      line.add("certificate", certificate_).add("key", key_).add("fingerprint", fingerprint);
      line.add("hosts", request_.hosts).add("warnings", warnings_);
      std::cout << line.text() << '\n';
      return;
    }
    std::cout << "certificate  " << echostream::printable(certificate_) << "\nkey          "
              << echostream::printable(key_) << "  (secret)\nfingerprint  " << fingerprint << '\n';
    for (const std::string& warning : warnings_) std::cout << "warning      " << warning << '\n';
  }

  transport::CertificateRequest request_;
  std::string name_;
  std::vector<std::string> hosts_;
  std::vector<std::string> warnings_;
  int days_ = 365;
  std::string issuer_;
  std::string issuer_key_;
  std::string certificate_ = "certificate.pem";
  std::string key_ = "key.pem";
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_cert_create_command(CLI::App& cert) {
  return std::make_unique<CertCreateCommand>(cert);
}

}  // namespace echostream::tool
