// A service of bytes under clients with generated code.
#include "echostream/raw_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/lab.h"

namespace echostream {
namespace {

using ::testing::ElementsAre;

template <class Message>
Message decoded(const Buffer& bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

// Serves lab.v1.Lab without knowing a type of it.
class RawLab final : public RawService {
 public:
  const ServiceInfo& info() const override { return lab_.info(); }

  Task<Result<Buffer>> serve_rpc(Call& call, Buffer request) override {
    methods.emplace_back(call.method().name);
    if (call.method().name == "Fail") co_return Status(StatusCode::kAborted, "as it was asked to");
    co_return request;
  }
  Task<Status> serve_event(Call&, Buffer event) override {
    events.push_back(event);
    co_return Status::ok();
  }
  Task<Status> serve_server_stream(Call& call, Buffer request, Writer<Buffer> out) override {
    methods.emplace_back(call.method().name);
    for (int i = 0; i < 3; ++i) {
      Status written = co_await out.write(request);
      if (!written.is_ok()) co_return written;
    }
    co_return Status::ok();
  }
  Task<Result<Buffer>> serve_client_stream(Call&, Reader<Buffer> in) override {
    Buffer last;
    while (auto frame = co_await in.next()) last = frame->message;
    co_return last;
  }
  Task<Status> serve_duplex(Call&, Reader<Buffer> in, Writer<Buffer> out) override {
    while (auto frame = co_await in.next()) {
      Status written = co_await out.write(frame->message);
      if (!written.is_ok()) co_return written;
    }
    co_return in.status();
  }

  std::vector<std::string> methods;
  std::vector<Buffer> events;

 private:
  testing::LabHandler lab_;
};

// Two nodes, of which the server serves bytes.
class RawLabTest : public ::testing::Test {
 protected:
  RawLabTest() {
    EXPECT_TRUE(server.serve(raw).is_ok());
    at_client.emplace(testing::connect_in_memory(client, server).first);
  }
  template <class T>
  T run(Task<T> task) {
    auto result = sim.run(loop, std::move(task), std::chrono::seconds(60));
    EXPECT_TRUE(result.has_value()) << "took too long";
    return *std::move(result);
  }
  lab::v1::Lab::Client lab() { return at_client->client<lab::v1::Lab>(); }

  testing::Simulation sim{1};
  Loop& loop = sim.add_node("both", *SocketAddress::parse("192.0.2.1:1"));
  Node server{loop};
  Node client{loop};
  std::shared_ptr<RawLab> raw = std::make_shared<RawLab>();
  std::optional<Session> at_client;
};

TEST_F(RawLabTest, AnswersCallsWithBytes) {
  const auto reply = run(lab().Echo(testing::text("hello")));
  ASSERT_TRUE(reply.has_value()) << reply.status();
  EXPECT_EQ(reply->text(), "hello");
  EXPECT_THAT(raw->methods, ElementsAre("Echo"));
}

TEST_F(RawLabTest, AnswersCallsWithErrors) {
  EXPECT_EQ(run(lab().Fail(testing::text(""))).status(),
            Status(StatusCode::kAborted, "as it was asked to"));
}

TEST_F(RawLabTest, TakesEvents) {
  EXPECT_TRUE(run(lab().Note(testing::text("note"))).is_ok());
  sim.run_for(std::chrono::seconds(1));
  ASSERT_EQ(raw->events.size(), 1u);
  EXPECT_EQ(decoded<lab::v1::Text>(raw->events[0]).text(), "note");
}

Task<std::vector<std::int64_t>> count_up(lab::v1::Lab::Client lab) {
  lab::v1::Count request;
  request.set_count(7);
  auto reader = co_await lab.CountUp(request);
  std::vector<std::int64_t> counts;
  while (auto frame = co_await reader.next()) counts.push_back(frame->message.count());
  EXPECT_TRUE(reader.status().is_ok()) << reader.status();
  co_return counts;
}

TEST_F(RawLabTest, StreamsToTheCaller) { EXPECT_THAT(run(count_up(lab())), ElementsAre(7, 7, 7)); }

Task<std::vector<std::string>> subscribe(lab::v1::Lab::Client lab) {
  lab::v1::Filter filter;
  filter.set_prefix("p");
  auto reader = co_await lab.News(filter);
  std::vector<std::string> texts;
  while (auto frame = co_await reader.next()) texts.push_back(frame->message.text());
  co_return texts;
}

TEST_F(RawLabTest, PublishesToSubscribers) {
  // A Filter's prefix has the number of a Text's text.
  EXPECT_THAT(run(subscribe(lab())), ElementsAre("p", "p", "p"));
}

Task<std::int64_t> sum(lab::v1::Lab::Client lab) {
  auto stream = co_await lab.Sum();
  for (int i = 1; i <= 3; ++i) {
    lab::v1::Count count;
    count.set_count(i);
    Status written = co_await stream.write(count);
    EXPECT_TRUE(written.is_ok()) << written;
  }
  auto reply = co_await stream.finish();
  EXPECT_TRUE(reply.has_value()) << reply.status();
  co_return reply ? reply->count() : -1;
}

TEST_F(RawLabTest, TakesStreamsOfTheCaller) { EXPECT_EQ(run(sum(lab())), 3); }

Task<std::string> mirror(lab::v1::Lab::Client lab) {
  auto stream = co_await lab.Mirror();
  std::string seen;
  for (int i = 0; i < 3; ++i) {
    Status written = co_await stream.writer.write(testing::text(std::to_string(i)));
    EXPECT_TRUE(written.is_ok()) << written;
    auto frame = co_await stream.reader.next();
    if (frame) seen += frame->message.text();
  }
  Status finished = co_await stream.writer.finish();
  EXPECT_TRUE(finished.is_ok()) << finished;
  auto end = co_await stream.reader.next();
  EXPECT_FALSE(end.has_value());
  EXPECT_TRUE(stream.reader.status().is_ok()) << stream.reader.status();
  co_return seen;
}

TEST_F(RawLabTest, StreamsBothWays) { EXPECT_EQ(run(mirror(lab())), "012"); }

// What the handlers of a session may hold is bounded, decoded or not.
TEST(RawService, CountsWhatItsHandlersHold) {
  testing::Simulation sim(1);
  Loop& loop = sim.add_node("both", *SocketAddress::parse("192.0.2.1:1"));
  NodeOptions tight;
  tight.limits.max_handler_bytes = 1000;
  Node server(loop, tight);
  Node client(loop);
  EXPECT_TRUE(server.serve(std::make_shared<RawLab>()).is_ok());
  const Session at_client = testing::connect_in_memory(client, server).first;
  const auto reply =
      sim.run(loop, at_client.client<lab::v1::Lab>().Echo(testing::text(std::string(2000, 'x'))),
              std::chrono::seconds(60));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status().code(), StatusCode::kResourceExhausted) << reply->status();
}

class EmptyService final : public RawService {
 public:
  const ServiceInfo& info() const override { return lab_.info(); }

 private:
  testing::LabHandler lab_;
};

Task<Status> mirror_status(lab::v1::Lab::Client lab) {
  auto stream = co_await lab.Mirror();
  auto frame = co_await stream.reader.next();
  EXPECT_FALSE(frame.has_value());
  co_return stream.reader.status();
}

TEST(RawService, SaysThatItHasNotWhatNobodyOverrides) {
  testing::Simulation sim(1);
  Loop& loop = sim.add_node("both", *SocketAddress::parse("192.0.2.1:1"));
  Node server(loop);
  Node client(loop);
  EXPECT_TRUE(server.serve(std::make_shared<EmptyService>()).is_ok());
  const Session at_client = testing::connect_in_memory(client, server).first;
  auto lab = at_client.client<lab::v1::Lab>();
  const auto reply = sim.run(loop, lab.Echo(testing::text("")), std::chrono::seconds(60));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status().code(), StatusCode::kUnimplemented);
  const auto streamed = sim.run(loop, mirror_status(lab), std::chrono::seconds(60));
  ASSERT_TRUE(streamed.has_value());
  EXPECT_EQ(streamed->code(), StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace echostream
