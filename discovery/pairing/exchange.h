// One run of the pairing protocol, as one side computes it: SPAKE2 with the code as the password,
// then a confirmation by each side of all that the two have seen. No I/O, no clock; the random
// numbers are BoringSSL's own. docs/pairing.md has the formulas.
#pragma once

#include <openssl/curve25519.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/base/status.h"
#include "echostream/security.h"

#include "discovery/pairing/code.h"

namespace echostream::pairing {

inline constexpr std::size_t kConfirmationBytes = 32;

/// The guest dials and was given the code; the host shows it.
enum class Role : std::uint8_t { kGuest, kHost };

/// The connection as this side sees it: if both see the same, nobody is in between.
struct Binding {
  Fingerprint guest;
  Fingerprint host;
  /// Of Session::export_keying_material().
  std::string exported;
};

/// What each side says first.
struct Greeting {
  std::string name;
  std::string share;
};

/// The order: begin(); receive(); then a guest confirmation() and check(), a host check() and
/// confirmation(). So a stranger who guesses a code has to show his guess before he learns anything
/// by which it could be judged, and can be made to pay for it. An error of any step ends the run.
class Exchange {
 public:
  Exchange(Role role, Binding binding, std::string name);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// What to send. PERMISSION_DENIED when the other one has this side's own certificate, INTERNAL
  /// without memory.
  Result<Greeting> begin(const Code& code);
  /// PERMISSION_DENIED when that cannot be what another device of this protocol says; nothing is
  /// learnt of the code, on either side, whatever it says.
  Status receive(const Greeting& theirs);
  /// What to send, 32 bytes.
  std::string confirmation() const;
  /// PERMISSION_DENIED: another code, or another connection at the other end. Once only.
  Status check(std::string_view confirmation);

  /// What the other side calls itself; true once it was checked.
  const std::string& their_name() const noexcept { return theirs_.name; }
  const Fingerprint& their_fingerprint() const noexcept;

 private:
  enum class State : std::uint8_t { kNew, kBegun, kKeyed, kConfirmed, kFailed };
  std::string mac(Role sender) const;

  const Role role_;
  const Binding binding_;
  State state_ = State::kNew;
  std::unique_ptr<SPAKE2_CTX, decltype(&SPAKE2_CTX_free)> spake_{nullptr, &SPAKE2_CTX_free};
  Greeting ours_;
  Greeting theirs_;
  std::array<std::uint8_t, SPAKE2_MAX_KEY_SIZE> key_{};
};

/// INVALID_ARGUMENT when nobody can be known by that name (KnownPeer::name).
Status check_name(std::string_view name);

}  // namespace echostream::pairing
