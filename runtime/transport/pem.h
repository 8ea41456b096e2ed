// PEM text and the files that hold it: certificates, keys and CA bundles of a user, so every error
// is for a person. Bounded in size.
#pragma once

#include <openssl/base.h>
#include <openssl/mem.h>
#include <openssl/pool.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::transport {

/// A chain of a dozen certificates has 30 KB; more than this is some other file.
inline constexpr std::size_t kMaxIdentityPemBytes = std::size_t{1} << 20;
/// The bundles of operating systems have 250 KB.
inline constexpr std::size_t kMaxAuthoritiesPemBytes = std::size_t{16} << 20;

/// One "-----BEGIN label-----" block. BoringSSL wipes the bytes when they are freed.
struct PemBlock {
  std::string label;
  bool is_encrypted = false;
  bssl::UniquePtr<std::uint8_t> data;
  std::size_t size = 0;
  BytesView bytes() const { return {data.get(), size}; }
};

/// All blocks of the text, at least one. `what` names the text in errors ("the private key").
Result<std::vector<PemBlock>> read_pem(std::string_view text, const std::string& what,
                                       std::size_t max_bytes);

/// All certificates of the text, at least one; other blocks are passed over, for key and chain are
/// often kept in one file.
Result<std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>> read_pem_certificates(std::string_view text,
                                                                          const std::string& what,
                                                                          std::size_t max_bytes);

std::string write_pem(const char* label, BytesView der);

/// The contents of a regular file; the error names it, with the system's reason. kNotFound,
/// kPermissionDenied, kInvalidArgument (too large, not a file) or kUnavailable.
Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes);

}  // namespace echostream::transport
