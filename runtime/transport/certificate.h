// One X.509 certificate: its fingerprint, and what a person wants to know of it when it was
// refused.
#pragma once

#include <openssl/base.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include <optional>
#include <string>

#include "echostream/base/bytes.h"
#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream::transport {

Fingerprint fingerprint_of(const CRYPTO_BUFFER* certificate);

/// Null when the bytes are not a certificate; the reason is in BoringSSL's queue.
bssl::UniquePtr<X509> parse_certificate(CRYPTO_BUFFER* certificate);

/// Of the 4 or 16 bytes of an iPAddress: "192.0.2.1", "2001:db8::1". None for other sizes.
std::optional<std::string> ip_address_text(BytesView address);

/// The common name, or the whole name where there is none.
std::string subject_for_person(const X509* certificate);
std::string issuer_for_person(const X509* certificate);
/// The hosts and addresses that it is for: "a.example, 192.0.2.1 and 3 more"; empty when it names
/// none.
std::string hosts_for_person(const X509* certificate);

/// "2024-03-01 12:00:00 UTC".
std::string date_for_person(const ASN1_TIME* time);
std::string date_for_person(WallTime time);

/// Whole seconds of Unix time, rounded down.
std::int64_t unix_seconds(WallTime time);

}  // namespace echostream::transport
