#include "tools/echostream/cert/certificate_text.h"

#include <ctime>

namespace echostream::tool {

namespace {

using transport::CertificateFacts;

constexpr Duration kSoon = std::chrono::hours(24 * 30);

std::string days_text(Duration time) {
  const auto days = std::chrono::floor<std::chrono::days>(time).count();
  return std::to_string(days) + (days == 1 ? " day" : " days");
}

void add_dates(const CertificateFacts& leaf, WallTime now, std::vector<std::string>& warnings) {
  const WallTime begin = leaf.identity.not_before();
  const WallTime end = leaf.identity.not_after();
  if (now < begin) warnings.push_back("it is not valid before " + date_text(begin));
  if (now > end) {
    warnings.push_back("it expired " + days_text(now - end) + " ago, on " + date_text(end));
  } else if (end - now < kSoon) {
    warnings.push_back("it expires in " + days_text(end - now));
  }
}

void add_uses(const CertificateFacts& leaf, std::vector<std::string>& warnings) {
  if (leaf.is_authority) {
    warnings.emplace_back(
        "it is an authority's (CA:TRUE), which peers that trust authorities refuse as a node's");
    return;
  }
  const PeerIdentity& identity = leaf.identity;
  if (identity.dns_names().empty() && identity.ip_addresses().empty()) {
    warnings.emplace_back(
        "it names no host (subjectAltName): peers that trust an authority refuse it as a "
        "server's; its fingerprint can be pinned");
  }
  if (!leaf.may_serve) warnings.emplace_back("it may not be used for a server");
  if (!leaf.may_dial) warnings.emplace_back("it may not be used for a client");
  if (leaf.is_self_issued) {
    warnings.emplace_back("it is self-signed: peers have to pin its fingerprint");
  }
}

void add_chain(const std::vector<CertificateFacts>& chain, std::vector<std::string>& warnings) {
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (chain[i - 1].issuer != chain[i].subject) {
      warnings.push_back("certificate " + std::to_string(i + 1) + " did not issue the one before");
    }
    if (i == 1 && outlives(chain[0], chain[1])) warnings.push_back(outliving_text(chain[1]));
    if (chain[i].is_self_issued) {
      warnings.push_back("certificate " + std::to_string(i + 1) +
                         " is a root, which peers have themselves: it can be left out");
    }
  }
}

}  // namespace

std::string date_text(WallTime time) {
  const auto seconds = static_cast<std::time_t>(
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[48];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

bool outlives(const CertificateFacts& certificate, const CertificateFacts& issuer) {
  constexpr Duration kDay = std::chrono::hours(24);
  return certificate.identity.not_after() - kDay > issuer.identity.not_after();
}

std::string outliving_text(const CertificateFacts& issuer) {
  return "it outlives who issued it, " + issuer.subject + ", whose certificate ends on " +
         date_text(issuer.identity.not_after()) + ": from then on peers refuse it";
}

std::vector<std::string> alternative_names(const PeerIdentity& identity) {
  std::vector<std::string> names;
  for (const auto& name : identity.dns_names()) names.push_back("DNS:" + name);
  for (const auto& address : identity.ip_addresses()) names.push_back("IP:" + address);
  for (const auto& uri : identity.uris()) names.push_back("URI:" + uri);
  for (const auto& address : identity.email_addresses()) names.push_back("email:" + address);
  return names;
}

std::vector<std::string> certificate_warnings(const std::vector<CertificateFacts>& chain,
                                              WallTime now) {
  std::vector<std::string> warnings;
  if (chain.empty()) return warnings;
  add_dates(chain.front(), now, warnings);
  add_uses(chain.front(), warnings);
  add_chain(chain, warnings);
  return warnings;
}

}  // namespace echostream::tool
