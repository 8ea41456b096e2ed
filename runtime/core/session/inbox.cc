#include "runtime/core/session/inbox.h"

#include <algorithm>
#include <utility>

namespace echostream::core {

void Inbox::push(InboundMessage message) {
  bytes_ += message.message.size();
  message.lost_before += std::exchange(lost_, 0);
  messages_.push_back(std::move(message));
}

void Inbox::push_newest(InboundMessage message) {
  while (!has_room()) {
    const InboundMessage oldest = pop();
    const std::uint64_t dropped = oldest.lost_before + (oldest.is_gap ? 0 : 1);
    (messages_.empty() ? message : messages_.front()).lost_before += dropped;
  }
  push(std::move(message));
}

void Inbox::push_gap(InboundMessage gap) {
  if (!messages_.empty() && messages_.back().is_gap) {
    messages_.back().duration += gap.duration;
  } else {
    messages_.push_back(std::move(gap));
  }
}

void Inbox::drop_older_than(LocalTime time) {
  // What was held back until its playout has waited in here since then only.
  const auto waits_since = [](const InboundMessage& message) {
    return std::max(message.arrived_at, message.playout_at);
  };
  while (!messages_.empty() && waits_since(messages_.front()) < time) {
    const InboundMessage oldest = pop();
    lost_ += oldest.lost_before + (oldest.is_gap ? 0 : 1);
  }
  if (!messages_.empty()) messages_.front().lost_before += std::exchange(lost_, 0);
}

std::optional<InboundMessage> Inbox::take() {
  if (messages_.empty()) return std::nullopt;
  InboundMessage message = pop();
  if (!message.is_gap) {
    ++taken_;
  } else if (!messages_.empty()) {
    messages_.front().lost_before += std::exchange(message.lost_before, 0);
  }
  return message;
}

void Inbox::clear() {
  messages_.clear();
  bytes_ = 0;
}

InboundMessage Inbox::pop() {
  InboundMessage message = messages_.pop_front();
  bytes_ -= message.message.size();
  return message;
}

}  // namespace echostream::core
