#include <gtest/gtest.h>

#include <string>

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/gzip.h"
#include "runtime/gateway/protocol/protocol_test_support.h"

namespace echostream::gateway {
namespace {

RequestHead head_of(Protocol protocol, Compression compression = Compression::kNone) {
  RequestHead head;
  head.protocol = protocol;
  head.compression = compression;
  return head;
}

std::string packed(std::string_view text) { return std::string(gzip(as_bytes(text))->text()); }

TEST(RequestBody, OfAUnaryCallIsTheMessage) {
  for (const std::size_t piece : {1u, 2u, 100u}) {
    const BodyRead read = read_body(head_of(Protocol::kConnectUnary), "{\"a\":1}", piece);
    EXPECT_TRUE(read.status.is_ok());
    EXPECT_EQ(read.messages, std::vector<std::string>{"{\"a\":1}"});
  }
  EXPECT_EQ(read_body(head_of(Protocol::kConnectUnary), "").messages, std::vector<std::string>{""});
}

TEST(RequestBody, OfAUnaryCallIsUnpackedUnlessEmpty) {
  const RequestHead head = head_of(Protocol::kConnectUnary, Compression::kGzip);
  EXPECT_EQ(read_body(head, packed(std::string(500, 'a'))).messages,
            std::vector<std::string>{std::string(500, 'a')});
  EXPECT_EQ(read_body(head, "").messages, std::vector<std::string>{""});
  EXPECT_EQ(read_body(head, "{}").status.code(), StatusCode::kInvalidArgument);
}

TEST(RequestBody, OfAGetIsNone) {
  const RequestHead head = head_of(Protocol::kConnectGet);
  EXPECT_TRUE(read_body(head, "").status.is_ok());
  EXPECT_TRUE(read_body(head, "").messages.empty());
  EXPECT_EQ(read_body(head, "x").status.code(), StatusCode::kInvalidArgument);
}

TEST(RequestBody, OfStreamsIsCutIntoMessages) {
  const std::string body = enveloped(0, "one") + enveloped(0, "") + enveloped(0, "three");
  const std::vector<std::string> messages{"one", "", "three"};
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    for (const Protocol protocol :
         {Protocol::kConnectStream, Protocol::kGrpc, Protocol::kGrpcWeb}) {
      const BodyRead read = read_body(head_of(protocol), body, piece);
      EXPECT_TRUE(read.status.is_ok());
      EXPECT_EQ(read.messages, messages);
    }
  }
  EXPECT_TRUE(read_body(head_of(Protocol::kGrpc), "").messages.empty());
}

TEST(RequestBody, OfStreamsMayPackEachMessage) {
  const std::string text(500, 'a');
  const std::string body = enveloped(1, packed(text)) + enveloped(0, "plain") + enveloped(1, "");
  const BodyRead read = read_body(head_of(Protocol::kGrpc, Compression::kGzip), body, 7);
  EXPECT_TRUE(read.status.is_ok()) << read.status;
  EXPECT_EQ(read.messages, (std::vector<std::string>{text, "plain", ""}));
}

TEST(RequestBody, OfGrpcWebsTextIsBase64AtAnyChunking) {
  const std::string first = enveloped(0, "one");
  const std::string second = enveloped(0, "two!");
  const std::string forms[] = {
      to_padded_base64(as_bytes(first + second)),
      to_padded_base64(as_bytes(first)) + to_padded_base64(as_bytes(second)),
      to_padded_base64(as_bytes(first.substr(0, 4))) +
          to_padded_base64(as_bytes(first.substr(4) + second)),
      to_base64(as_bytes(first + second))};
  for (const std::string& form : forms) {
    for (std::size_t piece = 1; piece <= form.size(); ++piece) {
      const BodyRead read = read_body(head_of(Protocol::kGrpcWebText), form, piece);
      EXPECT_TRUE(read.status.is_ok()) << read.status;
      EXPECT_EQ(read.messages, (std::vector<std::string>{"one", "two!"}));
    }
  }
  for (const char* bad : {"!", "AAAAA", "AA=A", "\n"}) {
    EXPECT_EQ(read_body(head_of(Protocol::kGrpcWebText), bad).status.code(),
              StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(RequestBody, OfGrpcWebsTextHasTheSameFirstFaultAtAnyChunking) {
  // A message with unknown flags, and behind it what is no base64.
  const std::string body = to_padded_base64(as_bytes(enveloped(0, "one") + enveloped(9, ""))) + "!";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const BodyRead read = read_body(head_of(Protocol::kGrpcWebText), body, piece);
    EXPECT_NE(read.status.message().find("flags"), std::string_view::npos) << read.status;
    EXPECT_EQ(read.messages, std::vector<std::string>{"one"});
  }
}

TEST(RequestBody, OfGrpcWebsTextMayBeLong) {
  const std::string message(100'000, 'm');
  const std::string body = to_padded_base64(as_bytes(enveloped(0, message) + enveloped(0, "x")));
  const BodyRead read = read_body(head_of(Protocol::kGrpcWebText), body, body.size());
  EXPECT_TRUE(read.status.is_ok()) << read.status;
  EXPECT_EQ(read.messages, (std::vector<std::string>{message, "x"}));
}

TEST(RequestBody, R01_AMessageAboveTheLimitIsRefusedBeforeItIsHeld) {
  GatewayRules rules;
  rules.max_message_bytes = 1000;
  const std::string just(1000, 'x');
  EXPECT_TRUE(read_body(head_of(Protocol::kConnectUnary), just, 64, rules).status.is_ok());
  const BodyRead over = read_body(head_of(Protocol::kConnectUnary), just + 'x', 64, rules);
  EXPECT_EQ(over.status.code(), StatusCode::kResourceExhausted);
  EXPECT_LE(over.most_held, 1000u);
  EXPECT_TRUE(read_body(head_of(Protocol::kGrpc), enveloped(0, just), 64, rules).status.is_ok());
  const BodyRead enveloped_over =
      read_body(head_of(Protocol::kGrpc), enveloped(0, just + 'x'), 64, rules);
  EXPECT_EQ(enveloped_over.status.code(), StatusCode::kResourceExhausted);
  EXPECT_LE(enveloped_over.most_held, kEnvelopeHeaderBytes);
}

TEST(RequestBody, CanBeTakenMessageByMessage) {
  const std::string bytes = enveloped(0, "one") + enveloped(0, "") + enveloped(0, "three");
  const auto body = make_request_body(head_of(Protocol::kGrpc), {});
  BytesView data = as_bytes(bytes);
  Buffers messages;
  for (std::size_t count = 1; count <= 3; ++count) {
    EXPECT_TRUE(body->feed_some(data, messages).is_ok());
    EXPECT_EQ(messages.size(), count);
  }
  EXPECT_TRUE(data.empty());
  EXPECT_TRUE(body->feed_some(data, messages).is_ok());
  EXPECT_TRUE(body->finish(messages).is_ok());
  EXPECT_EQ(text_of(messages), "onethree");
}

TEST(RequestBody, R05_ABodyOfBombsIsTakenOneAtATime) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += enveloped(1, packed(std::string(1024 * 1024, '\0')));
  ASSERT_LT(bytes.size(), 128u * 1024);
  const auto body = make_request_body(head_of(Protocol::kGrpc, Compression::kGzip), {});
  BytesView data = as_bytes(bytes);
  Buffers messages;
  EXPECT_TRUE(body->feed_some(data, messages).is_ok());
  EXPECT_EQ(messages.size(), 1u);
  EXPECT_GT(data.size(), bytes.size() * 98 / 100);
}

TEST(RequestBody, R01_AfterARefusalNothingIsHeldOrTaken) {
  GatewayRules rules;
  rules.max_message_bytes = 10;
  for (const Protocol protocol : {Protocol::kConnectUnary, Protocol::kConnectStream}) {
    const auto body = make_request_body(head_of(protocol), rules);
    Buffers messages;
    const std::string bytes = enveloped(0, "12345678901");
    EXPECT_EQ(body->feed(as_bytes(bytes), messages).code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(body->held_bytes(), 0u);
    EXPECT_EQ(body->feed(as_bytes("x"), messages).code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(body->finish(messages).code(), StatusCode::kResourceExhausted);
    EXPECT_TRUE(messages.empty());
  }
}

TEST(RequestBody, R02_GarbageFlagsAreRefused) {
  for (const Protocol protocol : {Protocol::kConnectStream, Protocol::kGrpc, Protocol::kGrpcWeb}) {
    for (int flags = 2; flags < 256; ++flags) {
      const BodyRead read = read_body(head_of(protocol, Compression::kGzip),
                                      enveloped(static_cast<std::uint8_t>(flags), "{}"));
      EXPECT_EQ(read.status.code(), StatusCode::kInvalidArgument) << flags;
      EXPECT_TRUE(read.messages.empty());
    }
  }
}

TEST(RequestBody, R02_ATruncatedEnvelopeIsRefused) {
  const std::string body = enveloped(0, "one") + enveloped(0, "two");
  for (const Protocol protocol : {Protocol::kConnectStream, Protocol::kGrpc, Protocol::kGrpcWeb}) {
    for (std::size_t size = 0; size <= body.size(); ++size) {
      const BodyRead read = read_body(head_of(protocol), body.substr(0, size), 3);
      const bool is_whole = size % 8 == 0;
      EXPECT_EQ(read.status.code(), is_whole ? StatusCode::kOk : StatusCode::kInvalidArgument)
          << size;
      EXPECT_EQ(read.messages.size(), size / 8);
    }
  }
}

TEST(RequestBody, R05_ACompressedFlagWithoutAnEncodingIsRefused) {
  for (const Protocol protocol : {Protocol::kConnectStream, Protocol::kGrpc, Protocol::kGrpcWeb}) {
    EXPECT_EQ(
        read_body(head_of(protocol), enveloped(1, packed(std::string(100, 'a')))).status.code(),
        StatusCode::kInternal);
  }
}

TEST(RequestBody, R05_BombsStopAtTheLimit) {
  const std::string bomb = packed(std::string(2 * 1024 * 1024, '\0'));
  ASSERT_LT(bomb.size(), 4096u);
  EXPECT_EQ(
      read_body(head_of(Protocol::kConnectUnary, Compression::kGzip), bomb, 1000).status.code(),
      StatusCode::kResourceExhausted);
  const BodyRead read =
      read_body(head_of(Protocol::kGrpc, Compression::kGzip), enveloped(1, bomb), 1000);
  EXPECT_EQ(read.status.code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(read.messages.empty());
}

}  // namespace
}  // namespace echostream::gateway
