// Identities read from PEM, and written to it. self_signed.cc makes new ones.
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "echostream/security.h"

#include "runtime/transport/certificate.h"
#include "runtime/transport/identity_impl.h"
#include "runtime/transport/pem.h"
#include "runtime/transport/printable.h"
#include "runtime/transport/tls_error.h"

namespace echostream {
namespace {

using transport::PemBlock;

const char kChainName[] = "the certificate chain";
const char kKeyName[] = "the private key";
constexpr unsigned kMinRsaBits = 2048;
// Every handshake carries the chain; a longer one is a CA bundle given by mistake.
constexpr std::size_t kMaxChainCertificates = 10;

Status bad_key(const std::string& why) {
  return {StatusCode::kInvalidArgument, std::string(kKeyName) + " " + why};
}

bool is_private_key(const PemBlock& block) { return block.label.ends_with("PRIVATE KEY"); }

bssl::UniquePtr<EVP_PKEY> parse_ec_key(CBS* der) {
  const bssl::UniquePtr<EC_KEY> ec_key(EC_KEY_parse_private_key(der, nullptr));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!ec_key || !key || EVP_PKEY_set1_EC_KEY(key.get(), ec_key.get()) != 1) return nullptr;
  return key;
}

bssl::UniquePtr<EVP_PKEY> parse_rsa_key(CBS* der) {
  const bssl::UniquePtr<RSA> rsa(RSA_parse_private_key(der));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  if (!rsa || !key || EVP_PKEY_set1_RSA(key.get(), rsa.get()) != 1) return nullptr;
  return key;
}

// OK when TLS 1.3 can sign with it and peers accept the signature.
Status check_key_kind(const EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
    const unsigned bits = RSA_bits(EVP_PKEY_get0_RSA(key));
    if (bits >= kMinRsaBits) return Status::ok();
    return bad_key("is an RSA key of " + std::to_string(bits) + " bits; at least " +
                   std::to_string(kMinRsaBits) + " are needed");
  }
  if (EVP_PKEY_id(key) == EVP_PKEY_EC) {
    const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
    if (curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1) {
      return Status::ok();
    }
    return bad_key("is on an elliptic curve that TLS 1.3 does not sign with; use P-256 or P-384");
  }
  return bad_key(
      "is neither an ECDSA nor an RSA key; make one with 'openssl ecparam -name "
      "prime256v1 -genkey'");
}

Result<bssl::UniquePtr<EVP_PKEY>> parse_private_key(const PemBlock& block) {
  if (block.is_encrypted) {
    return bad_key("is encrypted with a passphrase; write a decrypted copy with 'openssl pkey'");
  }
  CBS der;
  CBS_init(&der, block.data.get(), block.size);
  bssl::UniquePtr<EVP_PKEY> key;
  if (block.label == PEM_STRING_PKCS8INF) {
    key.reset(EVP_parse_private_key(&der));
  } else if (block.label == PEM_STRING_ECPRIVATEKEY) {
    key = parse_ec_key(&der);
  } else if (block.label == PEM_STRING_RSA) {
    key = parse_rsa_key(&der);
  } else {
    return bad_key("is a '" + transport::printable(block.label) +
                   "', which is not supported; use an ECDSA or RSA key");
  }
  if (!key || CBS_len(&der) != 0) {
    return bad_key("is damaged, or of an unknown kind (" + transport::take_tls_error() + ")");
  }
  if (Status status = check_key_kind(key.get()); !status.is_ok()) return status;
  return key;
}

Result<bssl::UniquePtr<EVP_PKEY>> read_private_key(std::string_view text) {
  auto blocks = transport::read_pem(text, kKeyName, transport::kMaxIdentityPemBytes);
  if (!blocks) return std::move(blocks).error();
  const PemBlock* found = nullptr;
  for (const PemBlock& block : *blocks) {
    if (!is_private_key(block)) continue;
    if (found != nullptr) return bad_key("text holds more than one private key");
    found = &block;
  }
  if (found == nullptr) {
    return bad_key("text has no PRIVATE KEY block; it begins with a block called '" +
                   transport::printable(blocks->front().label) + "'");
  }
  return parse_private_key(*found);
}

bool is_key_of(const EVP_PKEY* key, CRYPTO_BUFFER* certificate) {
  const bssl::UniquePtr<X509> x509 = transport::parse_certificate(certificate);
  const bssl::UniquePtr<EVP_PKEY> public_key(x509 ? X509_get_pubkey(x509.get()) : nullptr);
  const bool equal = public_key && EVP_PKEY_cmp(public_key.get(), key) == 1;
  ERR_clear_error();
  return equal;
}

Status check_key_of_leaf(const Identity::Impl& impl) {
  for (std::size_t i = 0; i < impl.chain.size(); ++i) {
    if (!is_key_of(impl.private_key.get(), impl.chain[i].get())) continue;
    if (i == 0) return Status::ok();
    return {StatusCode::kInvalidArgument,
            "the private key belongs to certificate " + std::to_string(i + 1) +
                " of the chain; the leaf, whose key it is, must come first"};
  }
  const bssl::UniquePtr<X509> leaf = transport::parse_certificate(impl.chain[0].get());
  return {StatusCode::kInvalidArgument, "the private key belongs to another certificate than '" +
                                            transport::subject_for_person(leaf.get()) +
                                            "', the first of the chain"};
}

}  // namespace

Result<Identity> Identity::from_pem(std::string_view certificate_chain,
                                    std::string_view private_key) {
  auto chain = transport::read_pem_certificates(certificate_chain, kChainName,
                                                transport::kMaxIdentityPemBytes);
  if (!chain) return std::move(chain).error();
  if (chain->size() > kMaxChainCertificates) {
    return Status(StatusCode::kInvalidArgument,
                  std::string(kChainName) + " has " + std::to_string(chain->size()) +
                      " certificates, more than " + std::to_string(kMaxChainCertificates) +
                      "; it should hold the leaf and its intermediates only");
  }
  auto key = read_private_key(private_key);
  if (!key) return std::move(key).error();
  const Fingerprint fingerprint = transport::fingerprint_of(chain->front().get());
  auto impl = std::make_shared<const Impl>(Impl{*std::move(chain), *std::move(key), fingerprint});
  if (Status status = check_key_of_leaf(*impl); !status.is_ok()) return status;
  return Identity(std::move(impl));
}

Result<Identity> Identity::from_pem_files(const std::string& certificate_chain_path,
                                          const std::string& private_key_path) {
  auto chain = transport::read_small_file(certificate_chain_path, transport::kMaxIdentityPemBytes);
  if (!chain) return chain.error().with_context(kChainName);
  auto key = transport::read_small_file(private_key_path, transport::kMaxIdentityPemBytes);
  if (!key) return key.error().with_context(kKeyName);
  auto identity = from_pem(*chain, *key);
  OPENSSL_cleanse(key->data(), key->size());
  if (identity) return identity;
  return identity.error().with_context("certificate chain '" + certificate_chain_path +
                                       "' with private key '" + private_key_path + "'");
}

Fingerprint Identity::fingerprint() const { return impl_->fingerprint; }

std::string Identity::certificate_chain_pem() const {
  std::string text;
  for (const auto& certificate : impl_->chain) {
    text += transport::write_pem(PEM_STRING_X509, {CRYPTO_BUFFER_data(certificate.get()),
                                                   CRYPTO_BUFFER_len(certificate.get())});
  }
  return text;
}

std::string Identity::private_key_pem() const {
  bssl::ScopedCBB builder;
  std::uint8_t* der = nullptr;
  std::size_t size = 0;
  ECHOSTREAM_CHECK(CBB_init(builder.get(), 256) == 1 &&
                       EVP_marshal_private_key(builder.get(), impl_->private_key.get()) == 1 &&
                       CBB_finish(builder.get(), &der, &size) == 1,
                   "encoding a private key in memory");
  const bssl::UniquePtr<std::uint8_t> owned(der);
  return transport::write_pem(PEM_STRING_PKCS8INF, {der, size});
}

}  // namespace echostream
