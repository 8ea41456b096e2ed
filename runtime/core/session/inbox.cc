#include "runtime/core/session/inbox.h"

#include <utility>

namespace echostream::core {

void Inbox::push(InboundMessage message) {
  bytes_ += message.message.size();
  message.lost_before += std::exchange(lost_, 0);
  messages_.push_back(std::move(message));
}

void Inbox::push_newest(InboundMessage message) {
  while (!has_room()) {
    const std::uint64_t dropped = pop().lost_before + 1;
    (messages_.empty() ? message : messages_.front()).lost_before += dropped;
  }
  push(std::move(message));
}

void Inbox::drop_older_than(LocalTime time) {
  while (!messages_.empty() && messages_.front().arrived_at < time) {
    lost_ += pop().lost_before + 1;
  }
  if (!messages_.empty()) messages_.front().lost_before += std::exchange(lost_, 0);
}

std::optional<InboundMessage> Inbox::take() {
  if (messages_.empty()) return std::nullopt;
  ++taken_;
  return pop();
}

void Inbox::clear() {
  messages_.clear();
  bytes_ = 0;
}

InboundMessage Inbox::pop() {
  InboundMessage message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= message.message.size();
  return message;
}

}  // namespace echostream::core
