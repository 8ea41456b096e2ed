#include "echostream/middleware.h"

#include <gmock/gmock.h>

#include "tests/support/lab.h"
#include "tests/support/layers.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Filter;
using lab::v1::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

Count count(std::int64_t value) {
  Count message;
  message.set_count(value);
  return message;
}

Buffer encoded(const Text& message) { return Buffer::copy(message.SerializeAsString()); }
Text decoded(const Buffer& bytes) {
  Text message;
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

class MiddlewareTest : public ::testing::TestWithParam<Wire> {
 protected:
  Lab::Options options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    chosen.tune_server = [this](NodeOptions& node) {
      node.log = [this](LogLevel, std::string_view line) { server_log_.emplace_back(line); };
    };
    chosen.tune_client = [this](NodeOptions& node) {
      node.log = [this](LogLevel, std::string_view line) { client_log_.emplace_back(line); };
    };
    return chosen;
  }
  void SetUp() override { lab_.connect(); }

  void at_client(std::shared_ptr<Middleware> layer) {
    lab_.client_node->add_middleware(std::move(layer));
  }
  void at_server(std::shared_ptr<Middleware> layer) {
    lab_.server_node->add_middleware(std::move(layer));
  }
  void at_both(std::shared_ptr<Middleware> layer) {
    at_client(layer);
    at_server(std::move(layer));
  }
  Status echo_status() {
    auto reply = lab_.run(lab_.client().Echo(text("x")));
    return reply ? reply->status() : Status(StatusCode::kUnknown, "no reply");
  }

  std::vector<std::string> server_log_;
  std::vector<std::string> client_log_;
  std::vector<std::string> trace_;
  Lab lab_{options()};
};

// ---- Order.

TEST_P(MiddlewareTest, TheFirstLayerIsTheOutermostOnBothSides) {
  at_client(std::make_shared<Tracer>("a", trace_));
  at_client(std::make_shared<Tracer>("b", trace_));
  at_server(std::make_shared<Tracer>("c", trace_));
  at_server(std::make_shared<Tracer>("d", trace_));
  EXPECT_TRUE(echo_status().is_ok());
  EXPECT_THAT(trace_, ElementsAre("a>", "b>", "c>", "d>", "d<OK", "c<OK", "b<OK", "a<OK"));
}

TEST_P(MiddlewareTest, EachKindOfCallPassesTheLayersOfBothSidesOnce) {
  at_client(std::make_shared<Tracer>("c", trace_));
  at_server(std::make_shared<Tracer>("s", trace_));
  ASSERT_TRUE(lab_.run(lab_.client().Note(text("n")))->is_ok());
  ASSERT_TRUE(lab_.sim.run_until([&] { return trace_.size() == 4; }, 5s));
  EXPECT_THAT(trace_, ::testing::UnorderedElementsAre("c>", "c<OK", "s>", "s<OK"));
  trace_.clear();
  auto reader = lab_.run(lab_.client().CountUp(count(3)));
  for (int i = 0; i < 4; ++i) (void)lab_.run(reader->next());
  EXPECT_TRUE(reader->status().is_ok());
  EXPECT_THAT(trace_, ElementsAre("c>", "s>", "s<OK", "c<OK"));
}

class Picky final : public Layer {
 public:
  bool wants(const MethodInfo& method, InterceptedCall::Side) const override {
    ++asked;
    return method.name == "Delay";
  }
  Task<Status> around(InterceptedCall&, Next next) override {
    ++entered;
    return next();
  }
  mutable int asked = 0;
  int entered = 0;
};

TEST_P(MiddlewareTest, ALayerIsAskedOnceForAMethodAndSkippedWhereItDoesNotWantToBe) {
  const auto picky = std::make_shared<Picky>();
  at_client(picky);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(echo_status().is_ok());
  EXPECT_EQ(picky->asked, 1);
  EXPECT_EQ(picky->entered, 0);
  ASSERT_TRUE(*lab_.run(lab_.client().Delay(text("d"))));
  EXPECT_EQ(picky->entered, 1);
}

// ---- Layers that do odd things.

TEST_P(MiddlewareTest, L04_ALayerShortCircuitsOnTheCallingSide) {
  at_client(std::make_shared<Tracer>("outer", trace_));
  at_client(std::make_shared<Answerer>(Status(StatusCode::kPermissionDenied, "not today")));
  EXPECT_EQ(echo_status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(lab_.server_handler->calls, 0);
  EXPECT_THAT(trace_, ElementsAre("outer>", "outer<PERMISSION_DENIED"));
  auto reader = lab_.run(lab_.client().CountUp(count(3)));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kPermissionDenied);
  auto stream = lab_.run(lab_.client().Sum());
  EXPECT_EQ(lab_.run(stream->write(count(1)))->code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(lab_.run(stream->finish())->status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(lab_.run(lab_.client().Note(text("n")))->code(), StatusCode::kPermissionDenied);
  lab_.run_for(100ms);
  EXPECT_EQ(lab_.server_handler->started, 0);
}

TEST_P(MiddlewareTest, L04_ALayerShortCircuitsOnTheServingSide) {
  at_server(std::make_shared<Answerer>(Status(StatusCode::kPermissionDenied, "not today")));
  const Status status = echo_status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(status.message(), "not today");
  auto reader = lab_.run(lab_.client().CountUp(count(3)));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kPermissionDenied);
  auto stream = lab_.run(lab_.client().Sum());
  EXPECT_EQ(lab_.run(stream->finish())->status().code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(lab_.run(lab_.client().Note(text("n")))->is_ok());
  lab_.run_for(100ms);
  EXPECT_THAT(lab_.server_handler->notes, IsEmpty());
  EXPECT_EQ(lab_.server_handler->started, 0);
}

TEST_P(MiddlewareTest, L04_ALayerAnswersInPlaceOfTheHandler) {
  at_server(std::make_shared<Answerer>(Status::ok(), encoded(text("from the server's cache"))));
  auto reply = lab_.run(lab_.client().Echo(text("x")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "from the server's cache");
  at_client(std::make_shared<Answerer>(Status::ok(), encoded(text("from the client's cache"))));
  reply = lab_.run(lab_.client().Echo(text("x")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "from the client's cache");
  EXPECT_EQ(lab_.server_handler->calls, 0);
}

TEST_P(MiddlewareTest, L04_OkWithoutNextAndWithoutAReplyIsInternal) {
  at_server(std::make_shared<Answerer>(Status::ok()));
  for (const char* side : {"server", "client"}) {
    const Status status = echo_status();
    EXPECT_EQ(status.code(), StatusCode::kInternal) << side;
    EXPECT_THAT(std::string(status.message()), HasSubstr("without a reply")) << side;
    auto stream = lab_.run(lab_.client().Sum());
    const Status end = lab_.run(stream->finish())->status();
    EXPECT_EQ(end.code(), StatusCode::kInternal) << side;
    EXPECT_THAT(std::string(end.message()), HasSubstr("without a reply")) << side;
    at_client(std::make_shared<Answerer>(Status::ok()));
  }
}

TEST_P(MiddlewareTest, L04_ALayerDropsWhatHasNoReply) {
  at_server(std::make_shared<Answerer>(Status::ok()));
  EXPECT_TRUE(lab_.run(lab_.client().Note(text("n")))->is_ok());
  auto reader = lab_.run(lab_.client().CountUp(count(3)));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_TRUE(reader->status().is_ok());
  lab_.run_for(100ms);
  EXPECT_THAT(lab_.server_handler->notes, IsEmpty());
}

TEST_P(MiddlewareTest, L04_NextTwiceTriesTheCallersRpcAgain) {
  at_client(std::make_shared<Tracer>("outside", trace_));
  at_client(std::make_shared<Repeater>(3));
  at_client(std::make_shared<Tracer>("inside", trace_));
  EXPECT_TRUE(echo_status().is_ok());
  EXPECT_EQ(lab_.server_handler->calls, 3);
  EXPECT_THAT(trace_, ElementsAre("outside>", "inside>", "inside<OK", "inside>", "inside<OK",
                                  "inside>", "inside<OK", "outside<OK"));
  EXPECT_TRUE(lab_.run(lab_.client().Note(text("n")))->is_ok());
  EXPECT_TRUE(lab_.sim.run_until([&] { return lab_.server_handler->notes.size() == 3; }, 5s));
}

TEST_P(MiddlewareTest, L04_NextTwiceFailsWhereACallCannotBeTriedAgain) {
  at_client(std::make_shared<Peeker>(nullptr, [](InterceptedCall&, Status&) {}));
  at_server(std::make_shared<Repeater>(2));
  const Status status = echo_status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("next()"));
  EXPECT_EQ(lab_.server_handler->calls, 1);
  at_client(std::make_shared<Repeater>(2));
  auto reader = lab_.run(lab_.client().Tick({}));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kFailedPrecondition);
}

class Hedger final : public Layer {
 public:
  Task<Status> around(InterceptedCall&, Next next) override {
    auto [first, second] = co_await when_all(next(), next());
    refused = second.code();
    co_return first;
  }
  StatusCode refused = StatusCode::kOk;
};

TEST_P(MiddlewareTest, L04_NextTwiceAtOnceFails) {
  const auto hedger = std::make_shared<Hedger>();
  at_client(hedger);
  const Status status = echo_status();
  EXPECT_TRUE(status.is_ok() != (hedger->refused == StatusCode::kOk)) << status;
  EXPECT_EQ(lab_.server_handler->calls, 1);
}

class GivesUp final : public Layer {
 public:
  GivesUp(Duration after, int most) : after_(after), most_(most) {}
  Task<Status> around(InterceptedCall& call, Next next) override {
    for (int attempts = 1;; ++attempts) {
      std::optional<Status> status;
      TaskGroup group(call.executor());
      group.spawn(internal::store(next(), status));
      (void)co_await group.join(call.executor().now() + after_);
      if (status) co_return *std::move(status);
      if (attempts == most_) break;
    }
    // Long enough for the peer to hear of what was dropped.
    (void)co_await sleep_for(30ms);
    co_return Status(StatusCode::kUnavailable, "gave up");
  }

 private:
  Duration after_;
  int most_;
};

TEST_P(MiddlewareTest, L04_AnAttemptThatIsDroppedIsCancelledAndCanBeMadeAgain) {
  at_client(std::make_shared<GivesUp>(50ms, 2));
  at_client(std::make_shared<Tracer>("inside", trace_));
  Text request;
  request.set_number(10'000);
  auto reply = lab_.run(lab_.client().Delay(request));
  EXPECT_EQ(reply->status().message(), "gave up");
  EXPECT_THAT(trace_, ElementsAre("inside>", "inside!", "inside>", "inside!"));
  lab_.run_for(50ms);
  EXPECT_EQ(lab_.server_handler->started, 2);
  EXPECT_EQ(lab_.server_handler->cancelled, 2);
}

TEST_P(MiddlewareTest, L04_ALayerThatDropsNextEndsTheCallWithAStatusOfItsOwn) {
  for (const bool on_server : {true, false}) {
    Lab lab(options());
    lab.connect();
    Node& node = on_server ? *lab.server_node : *lab.client_node;
    node.add_middleware(std::make_shared<GivesUp>(50ms, 1));
    Text request;
    request.set_number(10'000);
    auto reply = lab.run(lab.client().Delay(request));
    EXPECT_EQ(reply->status().message(), "gave up");
    auto news = lab.run(lab.client().News({}));
    EXPECT_FALSE(*lab.run(news->next()));
    EXPECT_EQ(news->status().message(), "gave up");
    auto mirror = lab.run(lab.client().Mirror());
    EXPECT_FALSE(*lab.run(mirror->reader.next()));
    EXPECT_EQ(mirror->reader.status().message(), "gave up");
    auto sum = lab.run(lab.client().Sum());
    lab.run_for(100ms);
    EXPECT_EQ(lab.run(sum->write(count(1)))->message(), "gave up");
    EXPECT_EQ(lab.run(sum->finish())->status().message(), "gave up");
    // Nobody can take back an event that was sent.
    if (on_server) {
      EXPECT_TRUE(lab.run(lab.client().Note(request))->is_ok());
    }
    lab.run_for(200ms);
    EXPECT_EQ(lab.server_handler->running, 0) << on_server;
  }
}

TEST_P(MiddlewareTest, L04_ALayerThatThrowsEndsTheCallWithInternalAndIsNamedInTheLog) {
  at_server(std::make_shared<Thrower>(true));
  EXPECT_EQ(echo_status().code(), StatusCode::kInternal);
  EXPECT_THAT(echo_status().message(), ::testing::Not(HasSubstr("mistake")));
  ASSERT_FALSE(server_log_.empty());
  EXPECT_THAT(server_log_.back(),
              HasSubstr("lab.v1.Lab/Echo: middleware thrower threw: a layer's mistake"));
  at_client(std::make_shared<Tracer>("outer", trace_));
  at_client(std::make_shared<Thrower>(false));
  EXPECT_EQ(echo_status().code(), StatusCode::kInternal);
  EXPECT_THAT(trace_, ElementsAre("outer>", "outer<INTERNAL"));
  ASSERT_FALSE(client_log_.empty());
  auto reader = lab_.run(lab_.client().CountUp(count(3)));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kInternal);
}

TEST_P(MiddlewareTest, L04_ALayerChangesTheOutcome) {
  at_server(std::make_shared<Peeker>(nullptr, [](InterceptedCall& call, Status& status) {
    if (call.method().name != "Fail") return;
    call.set_reply(encoded(text("mended")));
    status = Status::ok();
  }));
  auto reply = lab_.run(lab_.client().Fail(text("broken")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "mended");
  at_client(std::make_shared<Peeker>(nullptr, [](InterceptedCall&, Status& status) {
    status = Status(StatusCode::kAborted, "changed my mind");
  }));
  EXPECT_EQ(echo_status().code(), StatusCode::kAborted);
  auto reader = lab_.run(lab_.client().CountUp(count(1)));
  EXPECT_TRUE(*lab_.run(reader->next()));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kAborted);
}

// ---- What layers see and change.

TEST_P(MiddlewareTest, L04_LayersRewriteRequestReplyAndMetadata) {
  std::vector<std::string> seen;
  at_client(std::make_shared<Peeker>(
      [&](InterceptedCall& call) {
        EXPECT_EQ(call.side(), InterceptedCall::Side::kCaller);
        EXPECT_EQ(call.method().full_name, "lab.v1.Lab/Echo");
        EXPECT_TRUE(call.session() && *call.session() == *lab_.at_client);
        seen.push_back(decoded(*call.request()).text());
        call.set_request(encoded(text("two")));
        call.metadata().add("x-echo", "from a layer");
      },
      [&](InterceptedCall& call, Status&) {
        seen.push_back(decoded(*call.reply()).text());
        EXPECT_EQ(call.response_metadata().find("x-echo"), "changed");
        EXPECT_EQ(call.trailing_metadata().find("x-trailer"), "end");
        EXPECT_EQ(call.trailing_metadata().find("x-late"), "1");
        call.set_reply(encoded(text("four")));
        call.response_metadata().add("x-mine", "too");
      }));
  at_server(std::make_shared<Peeker>(
      [&](InterceptedCall& call) {
        EXPECT_EQ(call.side(), InterceptedCall::Side::kServer);
        EXPECT_FALSE(call.request());
        EXPECT_EQ(call.metadata().find("x-echo"), "from a layer");
        call.metadata() = {{"x-echo", "changed"}};
        call.response_metadata().add("x-layer", "early");
      },
      [&](InterceptedCall& call, Status&) {
        seen.push_back(decoded(*call.request()).text());
        EXPECT_EQ(decoded(*call.reply()).text(), "two");
        call.set_reply(encoded(text("three")));
        call.trailing_metadata().add("x-late", "1");
        call.response_metadata().add("x-last", "moment");
      }));
  Metadata response;
  auto reply =
      lab_.run(lab_.client().Echo(text("one"), CallOptions().response_metadata(&response)));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "four");
  EXPECT_THAT(seen, ElementsAre("one", "two", "three"));
  EXPECT_EQ(lab_.server_handler->last_metadata.find("x-echo"), "changed");
  EXPECT_EQ(response.find("x-echo"), "changed");
  EXPECT_EQ(response.find("x-layer"), "early");
  EXPECT_EQ(response.find("x-last"), "moment");
  EXPECT_EQ(response.find("x-mine"), "too");
}

TEST_P(MiddlewareTest, LayersSetTheDeadlineOnEitherSide) {
  at_client(std::make_shared<Peeker>([](InterceptedCall& call) {
    EXPECT_NE(call.deadline(), kNever);
    call.set_deadline(call.executor().now() + 100ms);
  }));
  Text request;
  request.set_number(10'000);
  LocalTime before = lab_.client_loop().now();
  EXPECT_EQ(lab_.run(lab_.client().Delay(request))->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(lab_.client_loop().now() - before, 100ms);
  at_server(std::make_shared<Peeker>([](InterceptedCall& call) {
    const LocalTime mine = call.deadline();
    call.set_deadline(mine + 1s);  // never later
    EXPECT_EQ(call.deadline(), mine);
    call.set_deadline(call.executor().now() + 50ms);
  }));
  before = lab_.client_loop().now();
  EXPECT_EQ(lab_.run(lab_.client().Delay(request))->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_LT(lab_.client_loop().now() - before, 100ms);
}

TEST_P(MiddlewareTest, TheDeadlineIsAnsweredWhateverLayersDo) {
  at_server(std::make_shared<Sleeper>(0s, 10s));
  const LocalTime before = lab_.client_loop().now();
  auto reply = lab_.run(lab_.client().Echo(text("x"), CallOptions().timeout(200ms)));
  EXPECT_EQ(reply->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_LE(lab_.client_loop().now() - before, 220ms);
}

TEST_P(MiddlewareTest, ACallOfAHandlerKnowsTheCallThatItWorksFor) {
  struct Mark {
    int value = 0;
  };
  int found = 0;
  at_server(std::make_shared<Peeker>([&](InterceptedCall& call) {
    if (call.side() == InterceptedCall::Side::kServer) {
      EXPECT_EQ(call.parent(), nullptr);
      call.state().emplace<Mark>().value = 7;
    } else {
      ASSERT_NE(call.parent(), nullptr);
      EXPECT_EQ(call.parent()->method().name, "CallBack");
      found = call.parent()->state().get<Mark>()->value;
    }
  }));
  ASSERT_TRUE(*lab_.run(lab_.client().CallBack(text("x"))));
  EXPECT_EQ(found, 7);
}

// ---- Filters.

TEST_P(MiddlewareTest, FiltersSeeAndChangeTheMessagesOfAnRpcAndAnEvent) {
  at_client(std::make_shared<Filterer>([](CallMessage& message) {
    Text changed = decoded(message.bytes);
    const bool is_sent = message.direction == CallMessage::Direction::kSent;
    changed.set_text(changed.text() + (is_sent ? "+out" : "+in"));
    message.bytes = encoded(changed);
    return Status::ok();
  }));
  at_server(std::make_shared<Filterer>([](CallMessage& message) {
    Text changed = decoded(message.bytes);
    const bool is_sent = message.direction == CallMessage::Direction::kSent;
    changed.set_text(changed.text() + (is_sent ? "+answered" : "+served"));
    message.bytes = encoded(changed);
    return Status::ok();
  }));
  auto reply = lab_.run(lab_.client().Echo(text("x")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "x+out+served+answered+in");
  ASSERT_TRUE(lab_.run(lab_.client().Note(text("n")))->is_ok());
  ASSERT_TRUE(lab_.sim.run_until([&] { return !lab_.server_handler->notes.empty(); }, 5s));
  EXPECT_EQ(lab_.server_handler->notes.back(), "n+out+served");
}

TEST_P(MiddlewareTest, TwoNodesWithTheSameWireFiltersUnderstandEachOther) {
  at_both(std::make_shared<Filterer>(marked_with("first:"), FilterPlace::kWire));
  at_both(std::make_shared<Filterer>(marked_with("second:"), FilterPlace::kWire));
  std::vector<std::string> notes;
  at_both(std::make_shared<Filterer>([](CallMessage& message) {
    EXPECT_FALSE(message.bytes.text().starts_with("first:"));
    EXPECT_FALSE(message.bytes.text().starts_with("second:"));
    return Status::ok();
  }));
  auto reply = lab_.run(lab_.client().Echo(text("x")));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->text(), "x");
  ASSERT_TRUE(lab_.run(lab_.client().Note(text("n")))->is_ok());
  ASSERT_TRUE(lab_.sim.run_until([&] { return !lab_.server_handler->notes.empty(); }, 5s));

  auto up = lab_.run(lab_.client().CountUp(count(3)));
  for (int i = 0; i < 3; ++i) {
    auto frame = lab_.run(up->next());
    ASSERT_TRUE(frame && *frame) << up->status();
    EXPECT_EQ((*frame)->message.count(), i);
  }
  EXPECT_FALSE(*lab_.run(up->next()));
  EXPECT_TRUE(up->status().is_ok()) << up->status();

  auto sum = lab_.run(lab_.client().Sum());
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(lab_.run(sum->write(count(i)))->is_ok());
  auto total = lab_.run(sum->finish());
  ASSERT_TRUE(total && *total) << total->status();
  EXPECT_EQ((*total)->count(), 6);

  auto mirror = lab_.run(lab_.client().Mirror());
  ASSERT_TRUE(lab_.run(mirror->writer.write(text("m")))->is_ok());
  auto frame = lab_.run(mirror->reader.next());
  ASSERT_TRUE(frame && *frame) << mirror->reader.status();
  EXPECT_EQ((*frame)->message.text(), "m");
  ASSERT_TRUE(lab_.run(mirror->writer.finish())->is_ok());
  EXPECT_FALSE(*lab_.run(mirror->reader.next()));
  EXPECT_TRUE(mirror->reader.status().is_ok()) << mirror->reader.status();

  lab_.server_handler->PublishNews(text("kept"));
  auto news = lab_.run(lab_.client().News({}));
  auto kept = lab_.run(news->next());
  ASSERT_TRUE(kept && *kept) << news->status();
  EXPECT_EQ((*kept)->message.text(), "kept");
  lab_.server_handler->PublishNews(text("new"));
  auto fresh = lab_.run(news->next());
  ASSERT_TRUE(fresh && *fresh) << news->status();
  EXPECT_EQ((*fresh)->message.text(), "new");
}

TEST_P(MiddlewareTest, AFilterSeesEachFrameWithItsNumberAndTimes) {
  std::vector<std::uint64_t> sent;
  std::vector<std::uint64_t> received;
  at_server(std::make_shared<Filterer>([&](CallMessage& message) {
    if (message.direction == CallMessage::Direction::kSent) {
      EXPECT_TRUE(message.is_frame);
      EXPECT_EQ(message.capture_time, RemoteTime(message.time.time_since_epoch()));
      sent.push_back(message.sequence);
    } else {
      EXPECT_FALSE(message.is_frame);
    }
    return Status::ok();
  }));
  at_client(std::make_shared<Filterer>([&](CallMessage& message) {
    if (message.direction == CallMessage::Direction::kReceived) {
      EXPECT_TRUE(message.is_frame);
      EXPECT_GE(message.playout_time, message.time);
      received.push_back(message.sequence);
    }
    return Status::ok();
  }));
  auto reader = lab_.run(lab_.client().CountUp(count(3)));
  for (int i = 0; i < 4; ++i) (void)lab_.run(reader->next());
  EXPECT_TRUE(reader->status().is_ok());
  EXPECT_THAT(sent, ElementsAre(0u, 1u, 2u));
  EXPECT_THAT(received, ElementsAre(0u, 1u, 2u));
}

TEST_P(MiddlewareTest, FiltersFurtherInAreMadeAnewForEachAttempt) {
  int outside = 0;
  int inside = 0;
  at_client(std::make_shared<Filterer>([&](CallMessage&) { return ++outside, Status::ok(); }));
  at_client(std::make_shared<Repeater>(3));
  at_client(std::make_shared<Filterer>([&](CallMessage&) { return ++inside, Status::ok(); }));
  EXPECT_TRUE(echo_status().is_ok());
  EXPECT_EQ(outside, 6);
  EXPECT_EQ(inside, 6);
}

TEST_P(MiddlewareTest, AFiltersErrorEndsTheCallOnBothSides) {
  struct Case {
    CallMessage::Direction direction;
    bool at_client;
  };
  const auto refuse = [](CallMessage::Direction direction) {
    return [direction](CallMessage& message) {
      if (message.direction != direction) return Status::ok();
      return Status(StatusCode::kDataLoss, "refused by a filter");
    };
  };
  using Direction = CallMessage::Direction;
  for (const Case& chosen : {Case{Direction::kSent, true}, Case{Direction::kReceived, true},
                             Case{Direction::kSent, false}, Case{Direction::kReceived, false}}) {
    Lab lab(options());
    lab.connect();
    Node& node = chosen.at_client ? *lab.client_node : *lab.server_node;
    node.add_middleware(std::make_shared<Filterer>(refuse(chosen.direction)));
    auto reply = lab.run(lab.client().Echo(text("x")));
    EXPECT_EQ(reply->status().code(), StatusCode::kDataLoss);
    auto mirror = lab.run(lab.client().Mirror());
    (void)lab.run(mirror->writer.write(text("m")));
    EXPECT_FALSE(*lab.run(mirror->reader.next()));
    EXPECT_EQ(mirror->reader.status().code(), StatusCode::kDataLoss);
    lab.run_for(100ms);
    EXPECT_EQ(lab.server_handler->running, 0);
    auto news = lab.run(lab.client().News({}));
    lab.run_for(100ms);
    lab.server_handler->PublishNews(text("n"));
    EXPECT_FALSE(*lab.run(news->next()));
    EXPECT_EQ(news->status().code(), StatusCode::kDataLoss);
    lab.run_for(100ms);
  }
}

TEST_P(MiddlewareTest, AFilterThatThrowsEndsTheCallWithInternal) {
  at_client(std::make_shared<Filterer>(
      [](CallMessage&) -> Status { throw std::runtime_error("a filter's mistake"); }));
  EXPECT_EQ(echo_status().code(), StatusCode::kInternal);
  ASSERT_FALSE(client_log_.empty());
  EXPECT_THAT(client_log_.back(), HasSubstr("test_layer's filter threw: a filter's mistake"));
}

TEST_P(MiddlewareTest, WhatAWireFilterMakesIsWithinTheLimits) {
  at_server(std::make_shared<Filterer>(
      [](CallMessage& message) {
        if (message.direction == CallMessage::Direction::kReceived) {
          message.bytes = Buffer::copy(std::string(1024 * 1024 + 1, '\0'));
        }
        return Status::ok();
      },
      FilterPlace::kWire));
  EXPECT_EQ(echo_status().code(), StatusCode::kResourceExhausted);
  at_client(std::make_shared<Filterer>(
      [](CallMessage& message) {
        message.bytes = Buffer::copy(std::string(1024 * 1024 + 1, '\0'));
        return Status::ok();
      },
      FilterPlace::kWire));
  lab_.run_for(50ms);  // the peer's settings arrive
  const Status status = echo_status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the peer takes at most"));
}

TEST_P(MiddlewareTest, AFilterKnowsTheResponseMetadataWhenAMessageComes) {
  std::vector<std::string> seen;
  at_server(std::make_shared<Peeker>(
      [](InterceptedCall& call) { call.response_metadata().add("x-encoding", "plain"); }));
  at_client(std::make_shared<Peeker>([&](InterceptedCall& call) {
    const auto look = [&](CallMessage& message) {
      if (message.direction == CallMessage::Direction::kReceived) {
        seen.emplace_back(call.response_metadata().find("x-encoding").value_or("nothing"));
      }
      return Status::ok();
    };
    call.add_filter(std::make_unique<FunctionFilter>(look), FilterPlace::kWire);
  }));
  EXPECT_TRUE(echo_status().is_ok());
  auto reader = lab_.run(lab_.client().CountUp(count(1)));
  EXPECT_TRUE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->response_metadata().find("x-encoding"), "plain");
  EXPECT_THAT(seen, ElementsAre("plain", "plain"));
}

TEST_P(MiddlewareTest, TrailingMetadataOfALayerThatAnswersReachesTheCaller) {
  at_server(std::make_shared<Peeker>(
      [](InterceptedCall& call) { call.trailing_metadata().add("retry-after-ms", "5"); }));
  at_server(std::make_shared<Answerer>(Status(StatusCode::kResourceExhausted, "too many")));
  std::string told;
  at_client(std::make_shared<Peeker>(nullptr, [&](InterceptedCall& call, Status&) {
    told = call.trailing_metadata().find("retry-after-ms").value_or("nothing");
  }));
  EXPECT_EQ(echo_status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(told, "5");
  auto reader = lab_.run(lab_.client().CountUp(count(1)));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->trailing_metadata().find("retry-after-ms"), "5");
}

TEST_P(MiddlewareTest, UntypedCallersAndReadersGetTheBytes) {
  at_both(std::make_shared<Filterer>(marked_with("mark:"), FilterPlace::kWire));
  const MethodInfo& echo = lab_.server_handler->info().methods[0];
  ASSERT_EQ(echo.name, "Echo");
  auto reply = lab_.run(internal::call_encoded<Buffer>(lab_.at_client->channel(), echo,
                                                       encoded(text("bytes")), CallOptions()));
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ(decoded(**reply).text(), "bytes");
  const MethodInfo* mirror = nullptr;
  for (const MethodInfo& method : lab_.server_handler->info().methods) {
    if (method.name == "Mirror") mirror = &method;
  }
  auto stream = lab_.run(
      internal::open_duplex<Buffer, Buffer>(lab_.at_client->channel(), *mirror, CallOptions()));
  ASSERT_TRUE(lab_.run(stream->writer.write(encoded(text("frame"))))->is_ok());
  auto frame = lab_.run(stream->reader.next());
  ASSERT_TRUE(frame && *frame) << stream->reader.status();
  EXPECT_EQ(decoded((*frame)->message).text(), "frame");
}

// ---- Ends.

TEST_P(MiddlewareTest, DroppingAReaderDestroysTheLayersWhereTheyWait) {
  at_client(std::make_shared<Tracer>("c", trace_));
  at_server(std::make_shared<Tracer>("s", trace_));
  {
    auto reader = lab_.run(lab_.client().News({}));
    lab_.run_for(50ms);
    EXPECT_THAT(trace_, ElementsAre("c>", "s>"));
  }
  EXPECT_THAT(trace_, ElementsAre("c>", "s>", "c!"));
  lab_.run_for(50ms);
  EXPECT_THAT(trace_, ElementsAre("c>", "s>", "c!", "s<CANCELLED"));
}

TEST_P(MiddlewareTest, LayersOfAStreamSeeThatItWasCancelled) {
  at_client(std::make_shared<Tracer>("c", trace_));
  auto reader = lab_.run(lab_.client().News({}));
  reader->cancel();
  EXPECT_EQ(reader->status().code(), StatusCode::kCancelled);
  lab_.run_for(1ms);
  EXPECT_THAT(trace_, ElementsAre("c>", "c<CANCELLED"));
}

TEST_P(MiddlewareTest, AStreamsDeadlineHoldsWhateverItsLayersDo) {
  at_client(std::make_shared<Sleeper>(0s, 10s));
  const LocalTime before = lab_.client_loop().now();
  auto reader = lab_.run(lab_.client().News({}, CallOptions().timeout(100ms)));
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(lab_.client_loop().now() - before, 100ms);
  at_client(std::make_shared<Sleeper>(10s, 0s));
  reader = lab_.run(lab_.client().News({}, CallOptions().timeout(100ms)));
  EXPECT_EQ(lab_.client_loop().now() - before, 200ms);
  EXPECT_EQ(reader->status().code(), StatusCode::kDeadlineExceeded);
}

TEST_P(MiddlewareTest, ACallCanBeDroppedWhereverItsLayersWait) {
  at_client(std::make_shared<Sleeper>(10ms, 10ms));
  at_client(std::make_shared<Tracer>("c", trace_));
  at_server(std::make_shared<Sleeper>(10ms, 10ms));
  for (int ms = 0; ms <= 60; ms += 3) {
    TaskGroup group(lab_.client_loop());
    std::optional<Result<Text>> reply;
    group.spawn(internal::store(lab_.client().Delay(text("d")), reply));
    std::optional<Reader<Count>> reader;
    group.spawn(internal::store(lab_.client().CountUp(count(1)), reader));
    lab_.run_for(std::chrono::milliseconds(ms));
    reader.reset();
    group.clear();
    lab_.run_for(100ms);
    EXPECT_EQ(lab_.server_handler->running, 0) << ms;
  }
  EXPECT_TRUE(lab_.run(lab_.client().Echo(text("still there")))->has_value());
}

TEST_P(MiddlewareTest, ClosingTheSessionEndsCallsAndTheirLayersOnBothSides) {
  at_client(std::make_shared<Tracer>("c", trace_));
  at_server(std::make_shared<Tracer>("s", trace_));
  auto reader = lab_.run(lab_.client().News({}));
  lab_.run_for(50ms);
  lab_.at_client->close();
  EXPECT_FALSE(*lab_.run(reader->next()));
  EXPECT_EQ(reader->status().code(), StatusCode::kUnavailable);
  lab_.run_for(50ms);
  EXPECT_THAT(trace_, ::testing::UnorderedElementsAre("c>", "s>", "c<UNAVAILABLE", "s<CANCELLED"));
}

INSTANTIATE_TEST_SUITE_P(Wires, MiddlewareTest, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& wire) {
                           return wire.param == Wire::kMemory ? "Memory" : "Quic";
                         });

}  // namespace
}  // namespace echostream::testing
