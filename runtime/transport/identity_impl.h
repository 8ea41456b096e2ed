// What an Identity holds: the chain and the key in BoringSSL's types, shared by all contexts that
// use it.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/pool.h>

#include <vector>

#include "echostream/security.h"

namespace echostream {

struct Identity::Impl {
  /// DER, the leaf first; never empty.
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> chain;
  bssl::UniquePtr<EVP_PKEY> private_key;
  Fingerprint fingerprint;
};

}  // namespace echostream
