// Certificates and keys, as files of a user and as bytes of a peer: refused with words for a
// person, or understood. Names that a certificate is believed for are whole and printable.
// Input: one byte that chooses, then bytes, or edits (see fuzz_input.h) of something good.
#include <openssl/mem.h>

#include <optional>
#include <string>

#include "runtime/transport/certificate.h"
#include "runtime/transport/certificate_check.h"
#include "runtime/transport/certificate_names.h"
#include "runtime/transport/pem.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/test_certificates.h"

using namespace echostream;
using namespace echostream::testing;
using namespace echostream::transport;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kLongestMessage = 4000;

void check_words(const Status& status, StatusCode code) {
  FUZZ_CHECK(status.code() == code);
  FUZZ_CHECK(!status.message().empty() && status.message().size() < kLongestMessage);
  for (const char c : status.message()) FUZZ_CHECK(c == '\n' || (c >= ' ' && c <= '~'));
}

bssl::UniquePtr<CRYPTO_BUFFER> buffer_of(const Bytes& der) {
  return bssl::UniquePtr<CRYPTO_BUFFER>(CRYPTO_BUFFER_new(der.data(), der.size(), nullptr));
}

/// Made once; times and names are always the same, keys are not.
struct Good {
  Good() {
    CertificateSpec root;
    root.common_name = "root";
    root.is_ca = true;
    const TestCertificate authority = TestCertificate::self_signed(root);
    CertificateSpec spec;
    spec.common_name = "robot";
    spec.dns_names = {"robot.example", "*.robot.example"};
    spec.ip_addresses = {"192.0.2.1", "2001:db8::1"};
    spec.uris = {"spiffe://example.org/robot/7"};
    spec.email_addresses = {"robot@example.org"};
    const TestCertificate leaf = authority.issue(spec);
    chain_pem = leaf.certificate_pem() + authority.certificate_pem();
    key_pem = leaf.private_key_pem();
    authority_pem = authority.certificate_pem();
    leaf_der = der_of(leaf.certificate_pem());
    key_der = der_of(key_pem);
    authorities.emplace(CertificateAuthorities::make(authority_pem).value());
    const auto buffer = buffer_of(leaf_der);
    peer.emplace(describe_peer(buffer.get(), Trust::Mode::kAuthorities));
  }
  static Bytes der_of(const std::string& pem) {
    const auto blocks = read_pem(pem, "a test's PEM", kMaxIdentityPemBytes);
    const BytesView bytes = blocks.value().front().bytes();
    return {bytes.begin(), bytes.end()};
  }

  std::string chain_pem;
  std::string key_pem;
  std::string authority_pem;
  Bytes leaf_der;
  Bytes key_der;
  std::optional<CertificateAuthorities> authorities;
  std::optional<PeerIdentity> peer;
};

const Good& good() {
  static const Good made;
  return made;
}

Bytes changed(BytesView bytes, FuzzInput& input, bool anew) {
  if (anew) return {input.rest().begin(), input.rest().end()};
  Bytes copy(bytes.begin(), bytes.end());
  apply_edits(copy, input);
  return copy;
}

void try_identity(const std::string& chain, const std::string& key) {
  const auto identity = Identity::from_pem(chain, key);
  if (!identity) return check_words(identity.error(), StatusCode::kInvalidArgument);
  const auto again =
      Identity::from_pem(identity->certificate_chain_pem(), identity->private_key_pem());
  FUZZ_CHECK(again && again->fingerprint() == identity->fingerprint());
}

void try_authorities(const std::string& pem) {
  const auto trust = Trust::certificate_authorities(pem);
  if (!trust) check_words(trust.error(), StatusCode::kInvalidArgument);
}

void try_authority(const Bytes& der) {
  if (!der.empty()) try_authorities(write_pem("CERTIFICATE", der));
}

void check_name(const std::string& name) {
  FUZZ_CHECK(!name.empty());
  for (const char c : name) FUZZ_CHECK(c > ' ' && c <= '~');
}

void try_peer(const Bytes& der) {
  const auto leaf = buffer_of(der);
  const PeerIdentity peer = describe_peer(leaf.get(), Trust::Mode::kAuthorities);
  for (const auto& name : peer.dns_names()) check_name(name);
  for (const auto& name : peer.ip_addresses()) check_name(name);
  for (const auto& name : peer.uris()) check_name(name);
  for (const auto& name : peer.email_addresses()) check_name(name);

  for (const char* name : {"robot.example", "arm.robot.example", "192.0.2.1", "2001:db8::1"}) {
    ChainQuery query;
    query.chain = {leaf.get()};
    query.peer_is_server = true;
    query.server_name = name;
    query.now = kCertificateTestTime;
    const Verdict verdict = good().authorities->check(query);
    if (verdict.status.is_ok()) {
      // However it is written, it says what the CA has signed.
      FUZZ_CHECK(peer.dns_names() == good().peer->dns_names());
      FUZZ_CHECK(peer.ip_addresses() == good().peer->ip_addresses());
      FUZZ_CHECK(peer.uris() == good().peer->uris());
      FUZZ_CHECK(peer.not_after() == good().peer->not_after());
    } else {
      check_words(verdict.status, StatusCode::kUnauthenticated);
    }
  }
}

// PEM is only ever written of what there is.
void try_key(const Bytes& der) {
  if (!der.empty()) try_identity(good().chain_pem, write_pem("PRIVATE KEY", der));
}

std::string text_of(const Bytes& bytes) { return std::string(as_text(bytes)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const bool anew = (choice & 0x80) != 0;
  switch (choice % 8) {
    case 0:
      try_identity(text_of(changed(as_bytes(good().chain_pem), input, anew)), good().key_pem);
      break;
    case 1:
      try_identity(good().chain_pem, text_of(changed(as_bytes(good().key_pem), input, anew)));
      break;
    case 2:
      try_authorities(text_of(changed(as_bytes(good().authority_pem), input, anew)));
      break;
    case 3:
      try_key(changed(good().key_der, input, anew));
      break;
    case 4:
      try_authority(changed(good().leaf_der, input, anew));
      break;
    default:
      try_peer(changed(good().leaf_der, input, anew));
  }
  return 0;
}
