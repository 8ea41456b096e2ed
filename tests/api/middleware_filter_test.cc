// What filters see of calls, and do to them.
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

class FilterTest : public MiddlewareTest {};

TEST_P(FilterTest, FiltersSeeAndChangeTheMessagesOfAnRpcAndAnEvent) {
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

TEST_P(FilterTest, TwoNodesWithTheSameWireFiltersUnderstandEachOther) {
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

TEST_P(FilterTest, AFilterSeesEachFrameWithItsNumberAndTimes) {
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

TEST_P(FilterTest, FiltersFurtherInAreMadeAnewForEachAttempt) {
  int outside = 0;
  int inside = 0;
  at_client(std::make_shared<Filterer>([&](CallMessage&) { return ++outside, Status::ok(); }));
  at_client(std::make_shared<Repeater>(3));
  at_client(std::make_shared<Filterer>([&](CallMessage&) { return ++inside, Status::ok(); }));
  EXPECT_TRUE(echo_status().is_ok());
  EXPECT_EQ(outside, 6);
  EXPECT_EQ(inside, 6);
}

TEST_P(FilterTest, AFiltersErrorEndsTheCallOnBothSides) {
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

TEST_P(FilterTest, AFilterThatThrowsEndsTheCallWithInternal) {
  at_client(std::make_shared<Filterer>(
      [](CallMessage&) -> Status { throw std::runtime_error("a filter's mistake"); }));
  EXPECT_EQ(echo_status().code(), StatusCode::kInternal);
  ASSERT_FALSE(client_log_.empty());
  EXPECT_THAT(client_log_.back(), HasSubstr("test_layer's filter threw: a filter's mistake"));
}

TEST_P(FilterTest, WhatAWireFilterMakesIsWithinTheLimits) {
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

TEST_P(FilterTest, AFilterKnowsTheResponseMetadataWhenAMessageComes) {
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

TEST_P(FilterTest, TrailingMetadataOfALayerThatAnswersReachesTheCaller) {
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

TEST_P(FilterTest, UntypedCallersAndReadersGetTheBytes) {
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

INSTANTIATE_TEST_SUITE_P(Wires, FilterTest, ::testing::Values(Wire::kMemory, Wire::kQuic),
                         [](const auto& wire) {
                           return wire.param == Wire::kMemory ? "Memory" : "Quic";
                         });

}  // namespace
}  // namespace echostream::testing
