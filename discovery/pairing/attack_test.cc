// Pairing with guests and hosts that do not keep to it, and with somebody in between.
#include <gmock/gmock.h>

#include <functional>

#include "discovery/pairing/pairing_test_support.h"

namespace echostream::pairing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// A guest that a test leads by the hand.
class Stranger {
 public:
  explicit Stranger(Device& device) : device_(device), node_(device.loop, options(device)) {}

  Task<Status> dial() {
    auto session = co_await node_.connect(kHostAddress);
    if (!session) co_return session.status();
    session_ = *session;
    Result<Binding> binding = bind(Role::kGuest, *session, device_.identity.fingerprint());
    if (!binding) co_return binding.status();
    exchange_.emplace(Role::kGuest, *std::move(binding), device_.name);
    co_return Status::ok();
  }
  Task<Status> call() {
    auto client = session_->client<v1::Pairing>();
    auto stream = co_await client.Pair();
    out_ = std::move(stream.writer);
    in_ = std::move(stream.reader);
    co_return Status::ok();
  }
  // Both greetings, with what the code says or with that of the test.
  Task<Status> greet(std::string code) {
    const Result<Greeting> greeting = exchange_->begin(Code::parse(code).value());
    Status status = co_await out_.write(greeting_step(*greeting));
    if (!status.is_ok()) co_return status;
    auto hello = co_await read_step(in_, Step::kHello);
    if (!hello) co_return hello.status();
    Greeting theirs;
    theirs.name = hello->hello().name();
    theirs.share = hello->hello().share();
    status = exchange_->receive(theirs);
    co_return status;
  }
  Task<Status> confirm() {
    Status status = co_await out_.write(confirmation_step(exchange_->confirmation()));
    if (!status.is_ok()) co_return status;
    auto step = co_await read_step(in_, Step::kConfirmation);
    if (!step) co_return step.status();
    co_return exchange_->check(step->confirmation());
  }
  Task<Status> say(Step step, Step::StepCase answer) {
    Status status = co_await out_.write(step);
    if (!status.is_ok()) co_return status;
    auto heard = co_await read_step(in_, answer);
    co_return heard.status();
  }
  Session& session() { return *session_; }

 private:
  static NodeOptions options(Device& device) { return node_options(device.options()); }
  Device& device_;
  Node node_;
  std::optional<Session> session_;
  std::optional<Exchange> exchange_;
  Writer<Step> out_;
  Reader<Step> in_;
};

class PairingAttacked : public Pairing {
 protected:
  Status run(Task<Status> task) {
    auto status = sim_.run(mallory_.loop, std::move(task), 60s);
    return status ? *status : Status(StatusCode::kInternal, "it does not end");
  }
  // Dials and calls.
  std::unique_ptr<Stranger> stranger() {
    auto stranger = std::make_unique<Stranger>(mallory_);
    Status status = run(stranger->dial());
    if (status.is_ok()) status = run(stranger->call());
    EXPECT_TRUE(status.is_ok()) << status;
    return stranger;
  }
  void expect_pairing_works() {
    const auto peer = pair(tablet_, code());
    ASSERT_TRUE(peer) << peer.status();
    EXPECT_TRUE(outcome()) << outcome().status();
    EXPECT_TRUE(camera_.knows(tablet_) && tablet_.knows(camera_));
    EXPECT_FALSE(camera_.knows(mallory_) || tablet_.knows(mallory_));
  }
  Device mallory_{sim_, "mallory", 66};
};

// ---- Guests.

TEST_F(PairingAttacked, OneDeviceIsServedAtATimeAndWhoStallsIsPutOut) {
  start();
  auto first = stranger();
  ASSERT_TRUE(run(first->greet("000000")).is_ok());
  const auto busy = pair(tablet_, code());
  EXPECT_EQ(busy.status().code(), StatusCode::kUnavailable) << busy.status();
  EXPECT_THAT(busy.status().message(), HasSubstr("busy"));
  sim_.run_for(tablet_.options().patience);
  EXPECT_FALSE(first->session().is_open());
  EXPECT_THAT(shown_, SizeIs(1)) << "who stalls has learnt nothing";
  expect_pairing_works();
}

TEST_F(PairingAttacked, WhoCallsNothingIsPutOutAsWell) {
  start();
  Stranger idler(mallory_);
  ASSERT_TRUE(run(idler.dial()).is_ok());
  sim_.run_for(tablet_.options().patience + 1s);
  EXPECT_FALSE(idler.session().is_open());
}

TEST_F(PairingAttacked, ARightCodeOfWhichNothingCameIsSpent) {
  start();
  {
    auto guest = stranger();
    ASSERT_TRUE(run(guest->greet(code())).is_ok());
    ASSERT_TRUE(run(guest->confirm()).is_ok());
    EXPECT_THAT(shown_, SizeIs(1));
  }
  sim_.run_for(1s);
  EXPECT_THAT(shown_, SizeIs(2));
  EXPECT_TRUE(camera_.peers->list().empty());
  expect_pairing_works();
}

TEST_F(PairingAttacked, StepsOutOfTheirTurnLeadNowhere) {
  start();
  Greeting greeting;
  greeting.name = "mallory";
  greeting.share = std::string(32, '\x02');
  Step twice = greeting_step(greeting);
  const std::vector<Step> first_steps = {Step(), listed_step(),
                                         confirmation_step(std::string(32, 'c'))};
  for (const Step& step : first_steps) {
    auto guest = stranger();
    EXPECT_EQ(run(guest->say(step, Step::kHello)).code(), StatusCode::kPermissionDenied);
  }
  for (const Step& step : {Step(), listed_step(), twice}) {
    auto guest = stranger();
    ASSERT_TRUE(run(guest->greet("000000")).is_ok());
    EXPECT_EQ(run(guest->say(step, Step::kConfirmation)).code(), StatusCode::kPermissionDenied);
  }
  EXPECT_THAT(shown_, SizeIs(1));
  expect_pairing_works();
}

TEST_F(PairingAttacked, BadGreetingsAreRefusedAndCostNothing) {
  start();
  for (const std::size_t size : {0u, 31u, 33u, 900u}) {
    auto guest = stranger();
    Greeting greeting;
    greeting.name = "mallory";
    greeting.share = std::string(size, '\x02');
    EXPECT_EQ(run(guest->say(greeting_step(greeting), Step::kHello)).code(),
              StatusCode::kPermissionDenied);
  }
  auto guest = stranger();
  Greeting large;
  large.name = std::string(4096, 'n');
  EXPECT_EQ(run(guest->say(greeting_step(large), Step::kHello)).code(),
            StatusCode::kResourceExhausted);
  EXPECT_THAT(shown_, SizeIs(1));
  expect_pairing_works();
}

// ---- Hosts.

// Takes a guest's call, and does with it what a test says.
class Impostor final : public v1::Pairing::Handler {
 public:
  using Serve = std::function<Task<Status>(Session, Reader<Step>&, Writer<Step>&)>;
  explicit Impostor(Serve serve) : serve_(std::move(serve)) {}
  Task<Status> Pair(Call& call, Reader<Step> in, Writer<Step> out) override {
    auto status = co_await serve_(call.peer(), in, out);
    co_return status;
  }

 private:
  Serve serve_;
};

class PairingWithAnImpostor : public PairingAttacked {
 protected:
  static constexpr char kImpostorAddress[] = "10.0.0.66:5000";
  void serve(Impostor::Serve serve) {
    ASSERT_TRUE(node_.serve(std::make_shared<Impostor>(std::move(serve))).is_ok());
    ASSERT_TRUE(node_.listen(kImpostorAddress));
  }
  Node node_{mallory_.loop, node_options(mallory_.options())};
};

// Certificates of his own on both sides, and every step handed on as it is.
TEST_F(PairingWithAnImpostor, SomebodyInBetweenWhoRelaysEverythingIsNoticed) {
  start();
  int relayed = 0;
  const auto relay = [&](Session, Reader<Step>& in, Writer<Step>& out) -> Task<Status> {
    auto session = co_await node_.connect(kHostAddress);
    if (!session) co_return session.status();
    auto client = session->client<v1::Pairing>();
    auto stream = co_await client.Pair();
    for (;;) {
      auto ours = co_await in.next();
      if (!ours) co_return in.status();
      Status status = co_await stream.writer.write(ours->message);
      if (!status.is_ok()) co_return status;
      auto theirs = co_await stream.reader.next();
      if (!theirs) co_return stream.reader.status();
      ++relayed;
      status = co_await out.write(theirs->message);
      if (!status.is_ok()) co_return status;
    }
  };
  serve(relay);
  const auto peer = pair(tablet_, code(), kImpostorAddress);
  EXPECT_EQ(peer.status().code(), StatusCode::kPermissionDenied) << peer.status();
  EXPECT_EQ(relayed, 1) << "the greetings";
  EXPECT_TRUE(tablet_.peers->list().empty());
  EXPECT_TRUE(camera_.peers->list().empty());
  EXPECT_THAT(shown_, SizeIs(2));
  expect_pairing_works();
}

TEST_F(PairingWithAnImpostor, AHostThatDoesNotKnowTheCodeIsNotListed) {
  const auto guess = [&](Session guest, Reader<Step>& in, Writer<Step>& out) -> Task<Status> {
    Result<Binding> binding = bind(Role::kHost, guest, mallory_.identity.fingerprint());
    Exchange exchange(Role::kHost, *std::move(binding), "camera");
    auto hello = co_await read_step(in, Step::kHello);
    Greeting theirs;
    theirs.name = hello->hello().name();
    theirs.share = hello->hello().share();
    const Result<Greeting> greeting = exchange.begin(Code::parse("000000").value());
    Status status = exchange.receive(theirs);
    status = co_await out.write(greeting_step(*greeting));
    auto confirmation = co_await read_step(in, Step::kConfirmation);
    EXPECT_FALSE(exchange.check(confirmation->confirmation()).is_ok());
    // Whatever it says now, and the guest's own words first.
    status = co_await out.write(confirmation_step(confirmation->confirmation()));
    auto listed = co_await read_step(in, Step::kListed);
    EXPECT_FALSE(listed);
    co_return status;
  };
  serve(guess);
  const auto peer = pair(tablet_, "123456", kImpostorAddress);
  EXPECT_EQ(peer.status().code(), StatusCode::kPermissionDenied) << peer.status();
  EXPECT_TRUE(tablet_.peers->list().empty());
}

// Whoever tries again while pair() says UNAVAILABLE, at other addresses for example, must not give
// him another guess.
TEST_F(PairingWithAnImpostor, AHostThatHangsUpWithTheConfirmationGetsNoOtherTry) {
  StatusCode answer{};
  const auto guess = [&](Session guest, Reader<Step>& in, Writer<Step>& out) -> Task<Status> {
    Result<Binding> binding = bind(Role::kHost, guest, mallory_.identity.fingerprint());
    Exchange exchange(Role::kHost, *std::move(binding), "camera");
    auto hello = co_await read_step(in, Step::kHello);
    const Result<Greeting> greeting = exchange.begin(Code::parse("000000").value());
    Status status = co_await out.write(greeting_step(*greeting));
    auto confirmation = co_await read_step(in, Step::kConfirmation);
    EXPECT_TRUE(confirmation) << "by which he judges his guess";
    if (answer != StatusCode::kOk) co_return Status(answer, "busy with another device");
    guest.close("gone");
    co_return Status::ok();
  };
  serve(guess);
  for (const StatusCode code : {StatusCode::kOk, StatusCode::kUnavailable,
                                StatusCode::kUnimplemented, StatusCode::kResourceExhausted}) {
    answer = code;
    const auto peer = pair(tablet_, "123456", kImpostorAddress);
    EXPECT_EQ(peer.status().code(), StatusCode::kAborted) << peer.status();
  }
}

TEST_F(PairingWithAnImpostor, AHostThatRepeatsTheGuestIsRefused) {
  const auto mirror = [](Session, Reader<Step>& in, Writer<Step>& out) -> Task<Status> {
    while (auto step = co_await in.next()) {
      Status status = co_await out.write(step->message);
      if (!status.is_ok()) co_return status;
    }
    co_return in.status();
  };
  serve(mirror);
  const auto peer = pair(tablet_, "123456", kImpostorAddress);
  EXPECT_EQ(peer.status().code(), StatusCode::kPermissionDenied) << peer.status();
  EXPECT_TRUE(tablet_.peers->list().empty());
}

TEST_F(PairingWithAnImpostor, AHostThatSaysNothingHoldsNobodyUp) {
  const auto silence = [](Session, Reader<Step>& in, Writer<Step>&) -> Task<Status> {
    while (auto step = co_await in.next()) {
    }
    co_return in.status();
  };
  serve(silence);
  const Duration before = sim_.elapsed();
  const auto peer = pair(tablet_, "123456", kImpostorAddress);
  EXPECT_EQ(peer.status().code(), StatusCode::kDeadlineExceeded) << peer.status();
  EXPECT_LT(sim_.elapsed() - before, tablet_.options().patience + 1s);
}

TEST_F(PairingWithAnImpostor, WhatAHostSaysIsShownAsItsWordsAndHarmless) {
  const auto refuse = [](Session, Reader<Step>&, Writer<Step>&) -> Task<Status> {
    co_return Status(StatusCode::kDataLoss, "\x1b[2Jyour disk is full");
  };
  serve(refuse);
  const auto peer = pair(tablet_, "123456", kImpostorAddress);
  EXPECT_EQ(peer.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(peer.status().message(), "the other device says: \\x1b[2Jyour disk is full");
}

}  // namespace
}  // namespace echostream::pairing
