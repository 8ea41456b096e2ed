// Pairing with a device that says anything. Input: one byte (bit 0: the other one is the guest, or
// else the host; bit 1: it speaks any bytes, or else the truth with edits; bit 2: it was told
// another code), then the text of a code, which is read as people's are, and what it says:
// messages, each after its length, or edits of its greeting and of its confirmation (fuzz_input.h).
// Nobody is believed who does not know the code and says it as it is.
#include <string>
#include <vector>

#include "echostream/pairing/v1/pairing.pb.h"

#include "discovery/pairing/code.h"
#include "discovery/pairing/exchange.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"

using namespace echostream;
using namespace echostream::pairing;
using echostream::testing::FuzzInput;

namespace {

Binding binding() {
  Fingerprint::Digest guest{};
  Fingerprint::Digest host{};
  guest.fill(1);
  host.fill(2);
  return {Fingerprint(guest), Fingerprint(host), std::string(32, 'x')};
}

Code code(std::string_view digits) { return Code::parse(digits).value(); }

// True when something was changed.
bool edit(std::string& text, FuzzInput& input) {
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  apply_edits(bytes, input);
  std::string edited(bytes.begin(), bytes.end());
  const bool is_changed = edited != text;
  text = std::move(edited);
  return is_changed;
}

void check_code(std::string_view text) {
  const auto parsed = Code::parse(text);
  if (!parsed) {
    FUZZ_CHECK(parsed.error().code() == StatusCode::kInvalidArgument);
    return;
  }
  FUZZ_CHECK(parsed->digits().size() == kCodeDigits);
  FUZZ_CHECK(Code::parse(parsed->for_people())->digits() == parsed->digits());
}

bool receive(Exchange& exchange, const Greeting& greeting) {
  const Status status = exchange.receive(greeting);
  FUZZ_CHECK(status.is_ok() || status.code() == StatusCode::kPermissionDenied);
  if (!status.is_ok()) return false;
  FUZZ_CHECK(check_name(exchange.their_name()).is_ok());
  return true;
}

void hear_anything(Exchange& us, Role role, FuzzInput& input) {
  v1::PairingStep step;
  const BytesView hello = input.bytes();
  if (!step.ParseFromArray(hello.data(), static_cast<int>(hello.size())) || !step.has_hello()) {
    return;
  }
  Greeting theirs;
  theirs.name = step.hello().name();
  theirs.share = step.hello().share();
  if (!receive(us, theirs)) return;
  if (role == Role::kGuest) FUZZ_CHECK(us.confirmation().size() == kConfirmationBytes);
  const BytesView word = input.bytes();
  if (!step.ParseFromArray(word.data(), static_cast<int>(word.size()))) return;
  FUZZ_CHECK(us.check(step.confirmation()).code() == StatusCode::kPermissionDenied);
}

void hear_edits(Exchange& us, Role role, const Greeting& ours, bool is_told_another,
                FuzzInput& input) {
  Exchange other(role == Role::kHost ? Role::kGuest : Role::kHost, binding(), "other");
  Greeting theirs = other.begin(code(is_told_another ? "654321" : "123456")).value();
  FUZZ_CHECK(receive(other, ours));
  bool is_false = edit(theirs.name, input);
  is_false |= edit(theirs.share, input) || is_told_another;
  if (!receive(us, theirs)) {
    FUZZ_CHECK(is_false);
    return;
  }
  // A host would not say it before it has heard the guest's, but then we are not heard by a cheat.
  if (role == Role::kGuest) {
    const bool is_believed = other.check(us.confirmation()).is_ok();
    FUZZ_CHECK(is_believed == !is_false);
    if (!is_believed) return;
  }
  std::string word = other.confirmation();
  is_false |= edit(word, input);
  FUZZ_CHECK(us.check(word).is_ok() == !is_false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choice = input.byte();
  const Role role = (choice & 1) != 0 ? Role::kHost : Role::kGuest;
  check_code(as_text(input.bytes()));
  Exchange us(role, binding(), "us");
  const Greeting ours = us.begin(code("123456")).value();
  if ((choice & 2) != 0) {
    hear_anything(us, role, input);
  } else {
    hear_edits(us, role, ours, (choice & 4) != 0, input);
  }
  return 0;
}
