// A client of bytes above services with generated code.
#include "echostream/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "echostream/generated_support.h"

#include "tests/support/lab.h"

namespace echostream {
namespace {

using ::testing::ElementsAre;

Buffer bytes_of(const google::protobuf::MessageLite& message) {
  return internal::encode_message(message).value();
}

template <class Message>
Message message_of(const Buffer& bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  return message;
}

Buffer count_of(std::int64_t number) {
  lab::v1::Count count;
  count.set_count(number);
  return bytes_of(count);
}

class RawClientTest : public ::testing::Test {
 protected:
  RawClientTest() {
    EXPECT_TRUE(server.serve(lab).is_ok());
    at_client.emplace(testing::connect_in_memory(client, server).first);
  }
  template <class T>
  T run(Task<T> task) {
    auto result = sim.run(loop, std::move(task), std::chrono::seconds(60));
    EXPECT_TRUE(result.has_value()) << "took too long";
    return *std::move(result);
  }
  RawClient raw() const { return RawClient(at_client->channel()); }
  const MethodInfo& named(std::string_view name) const {
    for (const MethodInfo& info : lab->info().methods) {
      if (info.name == name) return info;
    }
    ADD_FAILURE() << name;
    return lab->info().methods[0];
  }

  testing::Simulation sim{1};
  Loop& loop = sim.add_node("both", *SocketAddress::parse("192.0.2.1:1"));
  Node server{loop};
  Node client{loop};
  std::shared_ptr<testing::LabHandler> lab = std::make_shared<testing::LabHandler>();
  std::optional<Session> at_client;
};

TEST_F(RawClientTest, CallsWithBytesAndMetadata) {
  CallOptions options = CallOptions().metadata("room", "blue");
  const auto reply =
      run(raw().call(named("Echo"), bytes_of(testing::text("hello")), std::move(options)));
  ASSERT_TRUE(reply.has_value()) << reply.status();
  EXPECT_EQ(message_of<lab::v1::Text>(*reply).text(), "hello");
  EXPECT_EQ(lab->last_metadata.find("room"), "blue");
}

TEST_F(RawClientTest, GivesTheStatusOfACall) {
  lab::v1::Text request = testing::text("as it was asked to");
  request.set_number(static_cast<int>(StatusCode::kAborted));
  const Status status = run(raw().call(named("Fail"), bytes_of(request))).status();
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(status.message(), "as it was asked to");
  EXPECT_EQ(status.details().size(), 1u);
  MethodInfo unknown = named("Echo");
  unknown.id = 12345;
  EXPECT_EQ(run(raw().call(unknown, Buffer())).status().code(), StatusCode::kUnimplemented);
}

TEST_F(RawClientTest, SendsEvents) {
  EXPECT_TRUE(run(raw().emit(named("Note"), bytes_of(testing::text("note")))).is_ok());
  sim.run_for(std::chrono::seconds(1));
  EXPECT_THAT(lab->notes, ElementsAre("note"));
}

Task<std::vector<std::int64_t>> count_up(RawClient raw, const MethodInfo& info) {
  auto reader = co_await raw.open_reader(info, count_of(3));
  std::vector<std::int64_t> counts;
  while (auto frame = co_await reader.next()) {
    counts.push_back(message_of<lab::v1::Count>(frame->message).count());
  }
  EXPECT_TRUE(reader.status().is_ok()) << reader.status();
  co_return counts;
}

TEST_F(RawClientTest, ReadsStreams) {
  EXPECT_THAT(run(count_up(raw(), named("CountUp"))), ElementsAre(0, 1, 2));
}

Task<std::int64_t> sum(RawClient raw, const MethodInfo& info) {
  auto stream = co_await raw.open_client_stream(info);
  for (int i = 1; i <= 3; ++i) {
    Status written = co_await stream.write(count_of(i));
    EXPECT_TRUE(written.is_ok()) << written;
  }
  auto reply = co_await stream.finish();
  EXPECT_TRUE(reply.has_value()) << reply.status();
  co_return reply ? message_of<lab::v1::Count>(*reply).count() : -1;
}

TEST_F(RawClientTest, WritesStreams) { EXPECT_EQ(run(sum(raw(), named("Sum"))), 6); }

Task<std::string> mirror(RawClient raw, const MethodInfo& info) {
  auto stream = co_await raw.open_duplex(info);
  std::string seen;
  for (int i = 0; i < 3; ++i) {
    Status written = co_await stream.writer.write(bytes_of(testing::text(std::to_string(i))));
    EXPECT_TRUE(written.is_ok()) << written;
    auto frame = co_await stream.reader.next();
    if (frame) seen += message_of<lab::v1::Text>(frame->message).text();
  }
  Status finished = co_await stream.writer.finish();
  EXPECT_TRUE(finished.is_ok()) << finished;
  auto end = co_await stream.reader.next();
  EXPECT_FALSE(end.has_value());
  co_return seen;
}

TEST_F(RawClientTest, StreamsBothWays) { EXPECT_EQ(run(mirror(raw(), named("Mirror"))), "012"); }

TEST_F(RawClientTest, SaysWhyAStreamCouldNotBeOpened) {
  at_client->close();
  const auto status = [](RawClient raw, const MethodInfo& info) -> Task<Status> {
    auto reader = co_await raw.open_reader(info, Buffer());
    auto frame = co_await reader.next();
    EXPECT_FALSE(frame.has_value());
    co_return reader.status();
  };
  EXPECT_EQ(run(status(raw(), named("CountUp"))).code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace echostream
