#include "runtime/transport/certificate_names.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "echostream/base/bytes.h"

#include "runtime/transport/certificate.h"
#include "runtime/transport/host_name.h"

namespace echostream::transport {
namespace {

// What a peer can make a session hold: certificates of real services have up to some 100 names, and
// URIs of up to 2048 bytes (SPIFFE).
constexpr std::size_t kMostNames = 64;
constexpr std::size_t kMostNameBytes = 2048;

BytesView bytes_of(const ASN1_STRING* string) {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A host name, perhaps with a wildcard for its first label; empty when it is neither.
std::string dns_name(std::string_view text) {
  const std::string_view host = text.starts_with("*.") ? text.substr(2) : text;
  if (!is_host_name(host) || host.ends_with('.')) return {};
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(), to_lower);
  return name;
}

// URIs and mailboxes are visible ASCII.
std::string visible(std::string_view text) {
  const bool is_fine =
      text.size() <= kMostNameBytes &&
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return is_fine ? std::string(text) : std::string();
}

bool is_control(std::uint32_t c) {
  // C0, C1, and what turns the direction of text around.
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

// Of text that BoringSSL has made, and so has checked.
bool has_controls(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size();) {
    const auto first = static_cast<std::uint8_t>(utf8[i++]);
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    std::uint32_t c = more == 0 ? first : first & (0x3fu >> more);
    for (int k = 0; k < more && i < utf8.size(); ++k) {
      c = c << 6 | (static_cast<std::uint8_t>(utf8[i++]) & 0x3f);
    }
    if (is_control(c)) return true;
  }
  return false;
}

std::string common_name_of(const X509* certificate, std::size_t& omitted) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  std::uint8_t* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  const bssl::UniquePtr<std::uint8_t> owned(utf8);
  if (size >= 0 && static_cast<std::size_t>(size) <= kMostNameBytes) {
    const std::string_view text = as_text({utf8, static_cast<std::size_t>(size)});
    if (!has_controls(text)) return std::string(text);
  }
  ++omitted;
  return {};
}

bssl::UniquePtr<GENERAL_NAMES> alternative_names(const X509* certificate) {
  return bssl::UniquePtr<GENERAL_NAMES>(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

void add_name(const GENERAL_NAME& name, PeerIdentity::Details& details) {
  std::vector<std::string>* list = nullptr;
  std::string text;
  switch (name.type) {
    case GEN_DNS:
      list = &details.dns_names;
      text = dns_name(as_text(bytes_of(name.d.dNSName)));
      break;
    case GEN_IPADD:
      list = &details.ip_addresses;
      text = ip_address_text(bytes_of(name.d.iPAddress)).value_or(std::string());
      break;
    case GEN_URI:
      list = &details.uris;
      text = visible(as_text(bytes_of(name.d.uniformResourceIdentifier)));
      break;
    case GEN_EMAIL:
      list = &details.email_addresses;
      text = visible(as_text(bytes_of(name.d.rfc822Name)));
      break;
    default:
      break;  // of a kind that is not shown
  }
  if (text.empty()) {
    ++details.omitted_names;
  } else {
    list->push_back(std::move(text));
  }
}

void add_names(const X509* certificate, PeerIdentity::Details& details) {
  const auto names = alternative_names(certificate);
  const std::size_t count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (std::size_t i = 0; i < std::min(count, kMostNames); ++i) {
    add_name(*sk_GENERAL_NAME_value(names.get(), i), details);
  }
  details.omitted_names += count - std::min(count, kMostNames);
}

// WallTime counts nanoseconds, and ends in the year 2262.
WallTime wall_time_of(const ASN1_TIME* time) {
  constexpr std::int64_t kMostSeconds =
      std::chrono::floor<std::chrono::seconds>(Duration::max()).count();
  std::int64_t seconds = 0;
  if (ASN1_TIME_to_posix(time, &seconds) != 1) return {};
  return WallTime(std::chrono::seconds(std::clamp(seconds, -kMostSeconds, kMostSeconds)));
}

}  // namespace

std::vector<std::string> dns_names_of(const X509* certificate) {
  std::vector<std::string> found;
  const auto names = alternative_names(certificate);
  for (std::size_t i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    std::string text = dns_name(as_text(bytes_of(name->d.dNSName)));
    if (!text.empty()) found.push_back(std::move(text));
  }
  ERR_clear_error();
  return found;
}

PeerIdentity describe_peer(CRYPTO_BUFFER* leaf, Trust::Mode verified_by) {
  auto details = std::make_shared<PeerIdentity::Details>();
  details->fingerprint = fingerprint_of(leaf);
  details->verified_by = verified_by;
  if (const bssl::UniquePtr<X509> certificate = parse_certificate(leaf)) {
    details->common_name = common_name_of(certificate.get(), details->omitted_names);
    add_names(certificate.get(), *details);
    details->not_before = wall_time_of(X509_get0_notBefore(certificate.get()));
    details->not_after = wall_time_of(X509_get0_notAfter(certificate.get()));
  }
  ERR_clear_error();
  return PeerIdentity(std::move(details));
}

}  // namespace echostream::transport
