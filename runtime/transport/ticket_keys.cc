#include "runtime/transport/ticket_keys.h"

#include <openssl/aead.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <string>

#include "echostream/base/check.h"

#include "runtime/transport/tls_context_impl.h"

namespace echostream::transport {
namespace {

constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kNonceBytes = std::tuple_size_v<StrikeRegister::TicketId>;
constexpr std::size_t kTagBytes = 16;
static_assert(kNumberBytes + kNonceBytes + kTagBytes == TicketKeys::kOverheadBytes);

bool init(EVP_AEAD_CTX* context, BytesView key) {
  return EVP_AEAD_CTX_init(context, EVP_aead_aes_256_gcm(), key.data(), key.size(), kTagBytes,
                           nullptr) == 1;
}

}  // namespace

TicketKeys::Key TicketKeys::make_key(WallTime now) {
  Key key;
  RAND_bytes(key.number.data(), key.number.size());
  RAND_bytes(key.bytes.data(), key.bytes.size());
  key.made_at = now;
  return key;
}

// Called with the lock held. A clock that was set back leaves the key as it is.
void TicketKeys::rotate(WallTime now) {
  if (current_ && now - current_->made_at < kRotation) return;
  previous_ = current_;
  current_ = make_key(now);
}

std::optional<TicketKeys::Key> TicketKeys::key_with(WallTime now, BytesView number) {
  const std::lock_guard lock(mutex_);
  for (const auto* key : {&current_, &previous_}) {
    if (!*key || !equal_bytes((*key)->number, number)) continue;
    if (now - (*key)->made_at >= 2 * kRotation) return std::nullopt;
    return *key;
  }
  return std::nullopt;
}

std::vector<std::uint8_t> TicketKeys::seal(WallTime now, BytesView session, BytesView bound_to) {
  Key key;
  {
    const std::lock_guard lock(mutex_);
    rotate(now);
    key = *current_;
  }
  std::vector<std::uint8_t> ticket(kOverheadBytes + session.size());
  std::copy(key.number.begin(), key.number.end(), ticket.begin());
  std::uint8_t* nonce = ticket.data() + kNumberBytes;
  // Random, for the ticket's id must not be guessed; 2^32 of them are safe with one key (NIST SP
  // 800-38D section 8.3), and a day has fewer handshakes.
  RAND_bytes(nonce, kNonceBytes);
  bssl::ScopedEVP_AEAD_CTX context;
  std::size_t size = 0;
  const bool done =
      init(context.get(), key.bytes) &&
      EVP_AEAD_CTX_seal(context.get(), nonce + kNonceBytes, &size, session.size() + kTagBytes,
                        nonce, kNonceBytes, session.data(), session.size(), bound_to.data(),
                        bound_to.size()) == 1;
  ECHOSTREAM_CHECK(done, "sealing needs only memory");
  return ticket;
}

std::optional<TicketKeys::Opened> TicketKeys::open(WallTime now, BytesView ticket,
                                                   BytesView bound_to) {
  if (ticket.size() <= kOverheadBytes) return std::nullopt;
  const BytesView number = ticket.first(kNumberBytes);
  const BytesView nonce = ticket.subspan(kNumberBytes, kNonceBytes);
  const BytesView sealed = ticket.subspan(kNumberBytes + kNonceBytes);
  const std::optional<Key> key = key_with(now, number);
  if (!key) return std::nullopt;
  Opened opened;
  opened.session.resize(sealed.size());
  bssl::ScopedEVP_AEAD_CTX context;
  std::size_t size = 0;
  if (!init(context.get(), key->bytes) ||
      EVP_AEAD_CTX_open(context.get(), opened.session.data(), &size, opened.session.size(),
                        nonce.data(), nonce.size(), sealed.data(), sealed.size(), bound_to.data(),
                        bound_to.size()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  opened.session.resize(size);
  StrikeRegister::TicketId id;
  std::copy(nonce.begin(), nonce.end(), id.begin());
  opened.may_carry_early_data = strikes_.use(now, id);
  return opened;
}

namespace {

std::string bound_to(const SSL* ssl) {
  const char* host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const std::uint8_t* alpn = nullptr;
  unsigned alpn_bytes = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_bytes);
  // A host name holds no zero byte.
  std::string text = host != nullptr ? host : "";
  text += '\0';
  text += as_text({alpn, alpn_bytes});
  return text;
}

std::size_t max_overhead(SSL*) { return TicketKeys::kOverheadBytes; }

int seal_ticket(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t most,
                const std::uint8_t* in, std::size_t size) {
  const auto ticket =
      policy_of(ssl).ticket_keys->seal(handshake_time(), {in, size}, as_bytes(bound_to(ssl)));
  if (ticket.size() > most) return 0;
  std::copy(ticket.begin(), ticket.end(), out);
  *out_size = ticket.size();
  return 1;
}

// Comes before BoringSSL decides about early data, and before it has checked that the client knows
// the ticket's key: a copied ticket in a forged hello can use up another client's early data, which
// then goes the usual way, and nothing more.
ssl_ticket_aead_result_t open_ticket(SSL* ssl, std::uint8_t* out, std::size_t* out_size,
                                     std::size_t most, const std::uint8_t* in, std::size_t size) {
  const auto opened =
      policy_of(ssl).ticket_keys->open(handshake_time(), {in, size}, as_bytes(bound_to(ssl)));
  if (!opened || opened->session.size() > most) return ssl_ticket_aead_ignore_ticket;
  if (!opened->may_carry_early_data) SSL_set_early_data_enabled(ssl, 0);
  std::copy(opened->session.begin(), opened->session.end(), out);
  *out_size = opened->session.size();
  return ssl_ticket_aead_success;
}

}  // namespace

const SSL_TICKET_AEAD_METHOD kTicketMethod = {max_overhead, seal_ticket, open_ticket};

}  // namespace echostream::transport
