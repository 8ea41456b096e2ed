#include "echostream/middleware.h"

#include <gmock/gmock.h>

#include "tests/api/middleware_fixture.h"

namespace echostream::testing {
namespace {

using lab::v1::Count;
using lab::v1::Filter;
using lab::v1::Text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

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

TEST_P(MiddlewareTest, ALayerThatAddsAnotherWhenItIsAskedHasItFromTheNextCallOn) {
  class Recruiting final : public Layer {
   public:
    Recruiting(Node& node, std::shared_ptr<Middleware> recruit)
        : node_(node), recruit_(std::move(recruit)) {}
    bool wants(const MethodInfo&, InterceptedCall::Side) const override {
      if (recruit_) node_.add_middleware(std::move(recruit_));
      return true;
    }
    Task<Status> around(InterceptedCall&, Next next) override { return next(); }

   private:
    Node& node_;
    mutable std::shared_ptr<Middleware> recruit_;
  };
  at_client(
      std::make_shared<Recruiting>(*lab_.client_node, std::make_shared<Tracer>("recruit", trace_)));
  EXPECT_TRUE(echo_status().is_ok());
  EXPECT_THAT(trace_, IsEmpty());
  EXPECT_TRUE(echo_status().is_ok());
  EXPECT_THAT(trace_, Not(IsEmpty()));
}

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

TEST_P(MiddlewareTest, L04_AStreamThatALayerAnswersTakesNoFrames) {
  at_client(std::make_shared<Answerer>(Status::ok(), Buffer::copy(count(7).SerializeAsString())));
  auto sum = lab_.run(lab_.client().Sum());
  EXPECT_EQ(lab_.run(sum->write(count(1)))->code(), StatusCode::kCancelled);
  EXPECT_EQ(sum->target_bitrate(), 0u);
  auto reply = lab_.run(sum->finish());
  ASSERT_TRUE(reply && *reply) << reply->status();
  EXPECT_EQ((*reply)->count(), 7);
  auto mirror = lab_.run(lab_.client().Mirror());
  EXPECT_EQ(lab_.run(mirror->writer.write(text("a")))->code(), StatusCode::kCancelled);
  EXPECT_TRUE(lab_.run(mirror->writer.finish())->is_ok());
  EXPECT_FALSE(*lab_.run(mirror->reader.next()));
  EXPECT_TRUE(mirror->reader.status().is_ok());
  EXPECT_EQ(lab_.server_handler->started, 0);
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

TEST_P(MiddlewareTest, L04_ALayerThatReturnsNoTaskEndsTheCallWithInternalAndIsNamedInTheLog) {
  class Empty final : public Middleware {
   public:
    std::string_view name() const override { return "empty"; }
    Task<Status> call(InterceptedCall&, Next) override { return {}; }
    Task<Status> serve(InterceptedCall&, Next) override { return {}; }
  };
  at_server(std::make_shared<Empty>());
  EXPECT_EQ(echo_status().code(), StatusCode::kInternal);
  ASSERT_EQ(server_log_.size(), 1u);
  EXPECT_THAT(server_log_[0], HasSubstr("middleware empty threw: it returned an empty Task"));
  at_client(std::make_shared<Empty>());
  EXPECT_EQ(echo_status().code(), StatusCode::kInternal);
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

Task<Status> end_of(Task<Reader<lab::v1::Count>> opening) {
  auto reader = co_await std::move(opening);
  auto frame = co_await reader.next();
  EXPECT_FALSE(frame);
  co_return reader.status();
}
Task<Status> end_of(Task<Result<lab::v1::Text>> asking) {
  auto reply = co_await std::move(asking);
  co_return reply.status();
}

TEST_P(MiddlewareTest, CallsThatAreAwaitedWhenTheirNodeIsGoneFail) {
  at_client(std::make_shared<Tracer>("c", trace_));
  Loop& loop = lab_.client_loop();
  Task<Status> calls[3] = {end_of(lab_.client().Echo(text("x"))), lab_.client().Note(text("x")),
                           end_of(lab_.client().CountUp(count(3)))};
  lab_.client_node.reset();
  for (Task<Status>& call : calls) {
    auto end = lab_.sim.run(loop, std::move(call), 1s);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->code(), StatusCode::kUnavailable) << *end;
  }
  EXPECT_THAT(trace_, IsEmpty());
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
