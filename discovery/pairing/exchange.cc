#include "discovery/pairing/exchange.h"

#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>

#include <utility>

#include "echostream/base/bytes.h"
#include "echostream/base/check.h"
#include "echostream/known_peers.h"

namespace echostream::pairing {
namespace {

constexpr std::string_view kGuestName = "echostream pairing v1 guest ";
constexpr std::string_view kHostName = "echostream pairing v1 host ";

// Length first, so that no two transcripts are written the same.
void append_field(std::string& out, std::string_view field) {
  const auto size = static_cast<std::uint32_t>(field.size());
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(size >> shift));
  out.append(field);
}

std::string_view digest_of(const Fingerprint& fingerprint) {
  return as_text(BytesView(fingerprint.digest()));
}

const std::uint8_t* data_of(std::string_view text) { return as_bytes(text).data(); }

Status denied(const char* why) { return Status(StatusCode::kPermissionDenied, why); }

}  // namespace

Exchange::Exchange(Role role, Binding binding, std::string name)
    : role_(role), binding_(std::move(binding)) {
  ours_.name = std::move(name);
}

Exchange::~Exchange() { OPENSSL_cleanse(key_.data(), key_.size()); }

const Fingerprint& Exchange::their_fingerprint() const noexcept {
  return role_ == Role::kGuest ? binding_.host : binding_.guest;
}

Result<Greeting> Exchange::begin(const Code& code) {
  ECHOSTREAM_CHECK(state_ == State::kNew, "a run of pairing begins once");
  state_ = State::kFailed;
  if (binding_.guest == binding_.host) {
    return denied(
        "the other side has this device's own certificate: a device is not paired with "
        "itself, and two devices need two certificates");
  }
  const std::string guest = std::string(kGuestName) + binding_.guest.to_string();
  const std::string host = std::string(kHostName) + binding_.host.to_string();
  const bool is_guest = role_ == Role::kGuest;
  const std::string& mine = is_guest ? guest : host;
  const std::string& other = is_guest ? host : guest;
  spake_.reset(SPAKE2_CTX_new(is_guest ? spake2_role_alice : spake2_role_bob, data_of(mine),
                              mine.size(), data_of(other), other.size()));
  std::array<std::uint8_t, SPAKE2_MAX_MSG_SIZE> share{};
  std::size_t size = 0;
  if (spake_ == nullptr || SPAKE2_generate_msg(spake_.get(), share.data(), &size, share.size(),
                                               data_of(code.digits()), code.digits().size()) != 1) {
    return Status(StatusCode::kInternal, "BoringSSL could not begin SPAKE2");
  }
  ours_.share = as_text(BytesView(share).first(size));
  state_ = State::kBegun;
  return ours_;
}

Status Exchange::receive(const Greeting& theirs) {
  ECHOSTREAM_CHECK(state_ == State::kBegun, "begin() comes before receive()");
  state_ = State::kFailed;
  if (!check_name(theirs.name).is_ok()) {
    return denied("the other side calls itself by a name that is none");
  }
  if (theirs.share.size() != SPAKE2_MAX_MSG_SIZE) {
    return denied("the other side's message of SPAKE2 has another size");
  }
  if (theirs.share == ours_.share) return denied("the other side repeats this side's message");
  std::size_t size = 0;
  const int done = SPAKE2_process_msg(spake_.get(), key_.data(), &size, key_.size(),
                                      data_of(theirs.share), theirs.share.size());
  spake_.reset();
  if (done != 1 || size != key_.size()) {
    return denied("the other side's message of SPAKE2 is no point of the curve");
  }
  theirs_ = theirs;
  state_ = State::kKeyed;
  return Status::ok();
}

std::string Exchange::mac(Role sender) const {
  std::string transcript;
  append_field(transcript, sender == Role::kGuest ? "echostream pairing v1 guest confirms"
                                                  : "echostream pairing v1 host confirms");
  const Greeting& guest = role_ == Role::kGuest ? ours_ : theirs_;
  const Greeting& host = role_ == Role::kGuest ? theirs_ : ours_;
  for (const std::string_view field :
       {digest_of(binding_.guest), digest_of(binding_.host), std::string_view(binding_.exported),
        std::string_view(guest.name), std::string_view(host.name), std::string_view(guest.share),
        std::string_view(host.share)}) {
    append_field(transcript, field);
  }
  std::array<std::uint8_t, kConfirmationBytes> out{};
  unsigned size = 0;
  const bool done = HMAC(EVP_sha256(), key_.data(), key_.size(), data_of(transcript),
                         transcript.size(), out.data(), &size) != nullptr;
  ECHOSTREAM_CHECK(done && size == out.size(), "HMAC-SHA256 gives 32 bytes");
  return std::string(as_text(out));
}

std::string Exchange::confirmation() const {
  ECHOSTREAM_CHECK(state_ == (role_ == Role::kGuest ? State::kKeyed : State::kConfirmed),
                   "the guest confirms first, and the host after it has checked that");
  return mac(role_);
}

Status Exchange::check(std::string_view confirmation) {
  ECHOSTREAM_CHECK(state_ == State::kKeyed, "receive() comes before check()");
  state_ = State::kFailed;
  const std::string expected = mac(role_ == Role::kGuest ? Role::kHost : Role::kGuest);
  if (confirmation.size() != expected.size() ||
      CRYPTO_memcmp(confirmation.data(), expected.data(), expected.size()) != 0) {
    return denied("the code was wrong, or somebody is between the two devices");
  }
  state_ = State::kConfirmed;
  return Status::ok();
}

Status check_name(std::string_view name) {
  // Lists decide what a name is; an empty one says it without being changed.
  KnownPeer peer;
  peer.name = name;
  return make_memory_known_peers()->add(peer);
}

}  // namespace echostream::pairing
