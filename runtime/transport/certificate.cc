#include "runtime/transport/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <openssl/time.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/socket_address.h"

#include "runtime/transport/printable.h"
namespace echostream::transport {
namespace {

constexpr std::size_t kMaxHostsShown = 5;

BytesView bytes_of(const ASN1_STRING* string) {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string name_for_person(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index >= 0) {
    std::uint8_t* utf8 = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    const bssl::UniquePtr<std::uint8_t> owned(utf8);
    if (size > 0) return printable(as_text({utf8, static_cast<std::size_t>(size)}));
  }
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0 ||
      BIO_mem_contents(bio.get(), &data, &size) != 1 || size == 0) {
    return "(no name)";
  }
  return printable(as_text({data, size}));
}

std::vector<std::string> hosts_of(const X509* certificate) {
  std::vector<std::string> hosts;
  const bssl::UniquePtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (std::size_t i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) hosts.push_back(printable(as_text(bytes_of(name->d.dNSName))));
    if (name->type == GEN_IPADD) {
      hosts.push_back(
          ip_address_text(bytes_of(name->d.iPAddress)).value_or("(a malformed address)"));
    }
  }
  return hosts;
}

std::string date_of_seconds(std::int64_t seconds) {
  struct tm parts {};
  if (OPENSSL_posix_to_tm(seconds, &parts) != 1) return "(a date out of range)";
  char text[64] = "";
  std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d UTC", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

}  // namespace

Fingerprint fingerprint_of(const CRYPTO_BUFFER* certificate) {
  Fingerprint::Digest digest;
  static_assert(digest.size() == SHA256_DIGEST_LENGTH);
  SHA256(CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate), digest.data());
  return Fingerprint(digest);
}

bssl::UniquePtr<X509> parse_certificate(CRYPTO_BUFFER* certificate) {
  return bssl::UniquePtr<X509>(X509_parse_from_buffer(certificate));
}

std::optional<std::string> ip_address_text(BytesView address) {
  // Written as a socket address, without the port: "192.0.2.1:0", "[::1]:0".
  std::string text;
  if (address.size() == 4) {
    std::array<std::uint8_t, 4> bytes{};
    std::copy(address.begin(), address.end(), bytes.begin());
    text = SocketAddress::ipv4(bytes, 0).to_string();
    return text.substr(0, text.size() - 2);
  }
  if (address.size() != 16) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  std::copy(address.begin(), address.end(), bytes.begin());
  text = SocketAddress::ipv6(bytes, 0).to_string();
  if (!text.starts_with('[')) return text.substr(0, text.size() - 2);  // IPv4-mapped.
  return text.substr(1, text.size() - 4);
}

std::string subject_for_person(const X509* certificate) {
  return name_for_person(X509_get_subject_name(certificate));
}

std::string issuer_for_person(const X509* certificate) {
  return name_for_person(X509_get_issuer_name(certificate));
}

std::string hosts_for_person(const X509* certificate) {
  const std::vector<std::string> hosts = hosts_of(certificate);
  std::string text;
  for (std::size_t i = 0; i < std::min(hosts.size(), kMaxHostsShown); ++i) {
    if (i > 0) text += ", ";
    text += hosts[i];
  }
  if (hosts.size() > kMaxHostsShown) {
    text += " and " + std::to_string(hosts.size() - kMaxHostsShown) + " more";
  }
  return text;
}

std::string date_for_person(const ASN1_TIME* time) {
  std::int64_t seconds = 0;
  if (ASN1_TIME_to_posix(time, &seconds) != 1) return "(an unreadable date)";
  return date_of_seconds(seconds);
}

std::string date_for_person(WallTime time) { return date_of_seconds(unix_seconds(time)); }

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace echostream::transport
