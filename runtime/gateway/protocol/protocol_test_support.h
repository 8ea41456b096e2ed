// Requests and answers in the words of tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/gateway/protocol/envelope.h"
#include "runtime/gateway/protocol/exchange.h"

namespace echostream::gateway {

inline http3::Fields with(http3::Fields fields, const http3::Fields& more) {
  for (const http3::Field& field : more) fields.add(field.name, field.value);
  return fields;
}

/// A POST to acme.v1.Robot/Grip, with more fields behind.
inline http3::Fields post(std::string content_type, const http3::Fields& more = {}) {
  return with({{":method", "POST"},
               {":scheme", "https"},
               {":authority", "robot.example:4433"},
               {":path", "/acme.v1.Robot/Grip"},
               {"content-type", std::move(content_type)}},
              more);
}

inline http3::Fields get(std::string query, const http3::Fields& more = {}) {
  return with({{":method", "GET"},
               {":scheme", "https"},
               {":authority", "robot.example:4433"},
               {":path", "/acme.v1.Robot/Grip?" + std::move(query)}},
              more);
}

/// The call that a head asks for; the test fails when it is refused.
inline RequestHead called(const http3::Fields& head, const GatewayRules& rules = {}) {
  const auto read = read_head(head, rules);
  if (const auto* request = std::get_if<RequestHead>(&read)) return *request;
  ADD_FAILURE() << "refused with " << std::get<ResponsePart>(read).head.get(":status");
  return {};
}

/// The answer that a head gets without a call.
inline ResponsePart refused(const http3::Fields& head, const GatewayRules& rules = {}) {
  auto read = read_head(head, rules);
  if (auto* part = std::get_if<ResponsePart>(&read)) {
    EXPECT_TRUE(part->is_end);
    return std::move(*part);
  }
  ADD_FAILURE() << "not refused";
  return {};
}

inline std::string text_of(const Buffers& pieces) {
  std::string text;
  for (const Buffer& piece : pieces) text += piece.text();
  return text;
}
inline std::string text_of(const ResponsePart& part) { return text_of(part.body); }
inline std::string status_of(const ResponsePart& part) {
  return std::string(part.head.get(":status"));
}

/// An envelope as bytes.
inline std::string enveloped(std::uint8_t flags, std::string_view message) {
  return std::string(envelope_header(flags, message.size()).text()) + std::string(message);
}

struct BodyRead {
  Status status;
  std::vector<std::string> messages;
  std::size_t most_held = 0;
};
/// The whole body in pieces of that size, and its end.
inline BodyRead read_body(const RequestHead& head, std::string_view bytes, std::size_t piece = 1,
                          const GatewayRules& rules = {}) {
  const auto body = make_request_body(head, rules);
  BodyRead read;
  Buffers messages;
  while (!bytes.empty() && read.status.is_ok()) {
    read.status = body->feed(as_bytes(bytes.substr(0, piece)), messages);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    read.most_held = std::max(read.most_held, body->held_bytes());
  }
  if (read.status.is_ok()) read.status = body->finish(messages);
  for (const Buffer& message : messages) read.messages.emplace_back(message.text());
  return read;
}

}  // namespace echostream::gateway
