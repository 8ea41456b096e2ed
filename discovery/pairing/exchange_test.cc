#include "discovery/pairing/exchange.h"

#include <gtest/gtest.h>

#include <functional>

namespace echostream::pairing {
namespace {

Fingerprint fingerprint(std::uint8_t of) {
  Fingerprint::Digest digest{};
  digest.fill(of);
  return Fingerprint(digest);
}

Binding binding() { return {fingerprint(1), fingerprint(2), std::string(32, 'x')}; }

Code code(std::string_view digits) { return Code::parse(digits).value(); }

// Two sides and what goes between them, which a test may change.
struct Pair {
  explicit Pair(Binding guest_sees = binding(), Binding host_sees = binding())
      : guest(Role::kGuest, std::move(guest_sees), "tablet"),
        host(Role::kHost, std::move(host_sees), "camera at the door") {}

  // What went wrong first, and where; OK when both believe each other.
  Status run(std::string_view guest_code, std::string_view host_code) {
    auto from_guest = guest.begin(code(guest_code));
    auto from_host = host.begin(code(host_code));
    if (!from_guest) return from_guest.status();
    if (!from_host) return from_host.status();
    change_guest(*from_guest);
    change_host(*from_host);
    Status status = host.receive(*from_guest);
    if (status.is_ok()) status = guest.receive(*from_host);
    if (!status.is_ok()) return status;
    std::string confirmation = guest.confirmation();
    change_guest_confirmation(confirmation);
    status = host.check(confirmation);
    if (!status.is_ok()) return status;
    host_believes = true;
    confirmation = host.confirmation();
    change_host_confirmation(confirmation);
    status = guest.check(confirmation);
    guest_believes = status.is_ok();
    return status;
  }

  std::function<void(Greeting&)> change_guest = [](Greeting&) {};
  std::function<void(Greeting&)> change_host = [](Greeting&) {};
  std::function<void(std::string&)> change_guest_confirmation = [](std::string&) {};
  std::function<void(std::string&)> change_host_confirmation = [](std::string&) {};
  bool guest_believes = false;
  bool host_believes = false;
  Exchange guest;
  Exchange host;
};

void expect_denied(Pair& pair, std::string_view guest_code = "123456",
                   std::string_view host_code = "123456") {
  const Status status = pair.run(guest_code, host_code);
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status;
  EXPECT_FALSE(pair.guest_believes);
}

TEST(PairingExchange, WithOneCodeBothBelieveEachOther) {
  Pair pair;
  const Status status = pair.run("123456", "123456");
  ASSERT_TRUE(status.is_ok()) << status;
  EXPECT_TRUE(pair.guest_believes && pair.host_believes);
  EXPECT_EQ(pair.guest.their_name(), "camera at the door");
  EXPECT_EQ(pair.guest.their_fingerprint(), fingerprint(2));
  EXPECT_EQ(pair.host.their_name(), "tablet");
  EXPECT_EQ(pair.host.their_fingerprint(), fingerprint(1));
}

TEST(PairingExchange, WithAnotherCodeNobodyBelieves) {
  for (const char* wrong : {"123457", "023456", "654321", "000000"}) {
    Pair pair;
    expect_denied(pair, wrong);
    EXPECT_FALSE(pair.host_believes) << wrong;
  }
}

TEST(PairingExchange, EachRunSaysSomethingElse) {
  Pair first;
  Pair second;
  const Greeting one = first.guest.begin(code("123456")).value();
  const Greeting two = second.guest.begin(code("123456")).value();
  EXPECT_NE(one.share, two.share);
}

// Whoever is in between has certificates of his own, and two connections.
TEST(PairingExchange, NoticesAnotherCertificateOrConnectionAtTheOtherEnd) {
  const std::function<void(Binding&)> changes[] = {
      [](Binding& seen) { seen.guest = fingerprint(3); },
      [](Binding& seen) { seen.host = fingerprint(3); },
      [](Binding& seen) { std::swap(seen.guest, seen.host); },
      [](Binding& seen) { seen.exported = std::string(32, 'y'); },
      [](Binding& seen) { seen.exported.pop_back(); },
  };
  for (const auto& change : changes) {
    Binding other = binding();
    change(other);
    Pair guest_deceived(other, binding());
    expect_denied(guest_deceived);
    EXPECT_FALSE(guest_deceived.host_believes);
    Pair host_deceived(binding(), other);
    expect_denied(host_deceived);
    EXPECT_FALSE(host_deceived.host_believes);
  }
}

TEST(PairingExchange, NoticesEveryChangedByte) {
  for (std::size_t i = 0; i < SPAKE2_MAX_MSG_SIZE; ++i) {
    const auto flip = [i](std::string& bytes) { bytes[i] = static_cast<char>(bytes[i] ^ 0x40); };
    Pair guests_share;
    guests_share.change_guest = [&](Greeting& greeting) { flip(greeting.share); };
    expect_denied(guests_share);
    EXPECT_FALSE(guests_share.host_believes);
    Pair hosts_share;
    hosts_share.change_host = [&](Greeting& greeting) { flip(greeting.share); };
    expect_denied(hosts_share);
    EXPECT_FALSE(hosts_share.host_believes);
    Pair guests_word;
    guests_word.change_guest_confirmation = flip;
    expect_denied(guests_word);
    EXPECT_FALSE(guests_word.host_believes);
    Pair hosts_word;
    hosts_word.change_host_confirmation = flip;
    expect_denied(hosts_word);
  }
}

TEST(PairingExchange, NoticesAChangedName) {
  Pair guests;
  guests.change_guest = [](Greeting& greeting) { greeting.name = "Tablet"; };
  expect_denied(guests);
  EXPECT_FALSE(guests.host_believes);
  Pair hosts;
  hosts.change_host = [](Greeting& greeting) { greeting.name += ' '; };
  expect_denied(hosts);
  EXPECT_FALSE(hosts.host_believes);
}

TEST(PairingExchange, RefusesSharesOfAnotherSize) {
  for (const std::size_t size : {0u, 1u, 31u, 33u, 64u, 4096u}) {
    Pair pair;
    pair.change_guest = [size](Greeting& greeting) { greeting.share.resize(size); };
    expect_denied(pair);
  }
}

TEST(PairingExchange, RefusesConfirmationsOfAnotherSize) {
  for (const std::size_t size : {0u, 31u, 33u, 64u}) {
    Pair pair;
    pair.change_guest_confirmation = [size](std::string& word) { word.resize(size); };
    expect_denied(pair);
    EXPECT_FALSE(pair.host_believes);
  }
}

TEST(PairingExchange, RefusesWhatIsNoPointOfTheCurve) {
  int refused = 0;
  int taken = 0;
  for (int byte = 0; byte < 256; ++byte) {
    Exchange host(Role::kHost, binding(), "camera at the door");
    ASSERT_TRUE(host.begin(code("123456")));
    Greeting greeting{"tablet", std::string(32, '\0')};
    greeting.share[0] = static_cast<char>(byte);
    const Status status = host.receive(greeting);
    ++(status.is_ok() ? taken : refused);
    if (!status.is_ok()) {
      EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
      continue;
    }
    // A point, some of them of small order: still the code is needed.
    EXPECT_EQ(host.check(std::string(kConfirmationBytes, '\0')).code(),
              StatusCode::kPermissionDenied);
  }
  // Every other coordinate belongs to a point.
  EXPECT_GT(refused, 64);
  EXPECT_GT(taken, 64);
}

TEST(PairingExchange, RefusesNamesThatNobodyCanBeKnownBy) {
  for (const std::string& name : {std::string(), std::string(256, 'n'), std::string("a\nb"),
                                  std::string("\x1b[2J"), std::string("\xff\xfe")}) {
    EXPECT_EQ(check_name(name).code(), StatusCode::kInvalidArgument);
    Pair pair;
    pair.change_host = [&](Greeting& greeting) { greeting.name = name; };
    expect_denied(pair);
    EXPECT_FALSE(pair.host_believes);
  }
  EXPECT_TRUE(check_name(std::string(255, 'n')).is_ok());
}

TEST(PairingExchange, IsNotFooledByItsOwnWordsComingBack) {
  Exchange guest(Role::kGuest, binding(), "tablet");
  const Greeting sent = guest.begin(code("123456")).value();
  EXPECT_EQ(guest.receive(sent).code(), StatusCode::kPermissionDenied);

  // Somebody who waits until the guest confirms, and says the same again.
  Pair pair;
  std::string word;
  pair.change_guest_confirmation = [&](std::string& confirmation) { word = confirmation; };
  pair.change_host_confirmation = [&](std::string& confirmation) { confirmation = word; };
  expect_denied(pair);
}

TEST(PairingExchange, WhatWasRecordedOpensNoOtherRun) {
  Pair recorded;
  Greeting greeting;
  std::string word;
  recorded.change_guest = [&](Greeting& seen) { greeting = seen; };
  recorded.change_guest_confirmation = [&](std::string& seen) { word = seen; };
  ASSERT_TRUE(recorded.run("123456", "123456").is_ok());

  // With the same code, certificates and even the same keys of TLS.
  Exchange host(Role::kHost, binding(), "camera at the door");
  ASSERT_TRUE(host.begin(code("123456")));
  ASSERT_TRUE(host.receive(greeting).is_ok());
  EXPECT_EQ(host.check(word).code(), StatusCode::kPermissionDenied);
}

TEST(PairingExchange, ADeviceIsNotPairedWithItself) {
  const Binding self{fingerprint(1), fingerprint(1), std::string(32, 'x')};
  for (const Role role : {Role::kGuest, Role::kHost}) {
    Exchange exchange(role, self, "camera");
    EXPECT_EQ(exchange.begin(code("123456")).status().code(), StatusCode::kPermissionDenied);
  }
}

}  // namespace
}  // namespace echostream::pairing
