// Makes an identity that nobody else signed: peers trust it by its fingerprint.
#include "echostream/security.h"

#include "runtime/transport/host_name.h"
#include "runtime/transport/issue_certificate.h"

namespace echostream {
namespace {

// RFC 5280 appendix A: ub-common-name.
constexpr std::size_t kMaxCommonName = 64;

Status check_name(std::string_view name) {
  const auto bad = [](const std::string& why) {
    return Status(StatusCode::kInvalidArgument, "no certificate can be made for this name: " + why);
  };
  if (name.empty()) return bad("it is empty");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return bad("it has control characters");
  }
  if (!transport::is_host_name(name) && name.size() > kMaxCommonName) {
    return bad("it is no host name, and as a label it is longer than " +
               std::to_string(kMaxCommonName) + " bytes");
  }
  return Status::ok();
}

std::vector<std::string> hosts_of_name(std::string_view name) {
  if (transport::NumericAddress::parse(name)) return {std::string(name)};
  if (!transport::is_host_name(name)) return {};  // A label for people only.
  const std::string host(transport::without_root_dot(name));
  if (host == "localhost") return {host, "127.0.0.1", "::1"};
  return {host};
}

}  // namespace

Result<Identity> Identity::self_signed(std::string_view name, WallTime now, Duration validity) {
  if (Status status = check_name(name); !status.is_ok()) return status;
  transport::CertificateRequest request;
  // A common name is short; that of a long host name is only its first label, for the whole name
  // stands in the subjectAltName.
  request.common_name = name.size() <= kMaxCommonName ? name : name.substr(0, name.find('.'));
  request.hosts = hosts_of_name(name);
  request.now = now;
  request.validity = validity;
  return transport::issue_certificate(request);
}

}  // namespace echostream
