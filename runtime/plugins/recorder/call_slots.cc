#include "runtime/plugins/recorder/call_slots.h"

#include <utility>

#include "runtime/plugins/recorder/descriptors.h"
#include "runtime/plugins/recorder/method_metadata.h"

namespace echostream::recorder {
namespace {

std::shared_ptr<const Topic> make_topic(const CallPlace& place, std::size_t slot,
                                        MessageRole role) {
  const bool is_request = role == MessageRole::kRequest;
  auto topic = std::make_shared<Topic>();
  topic->name =
      "/" + std::string(place.method->full_name) + (is_request ? "/request" : "/response");
  topic->type = find_message_type(place.method->full_name, role);
  topic->metadata = describe_method(*place.method);
  topic->metadata.emplace_back("direction", is_request ? "request" : "response");
  topic->metadata.emplace_back("side", side_name(place.side));
  topic->metadata.emplace_back("session", std::to_string(place.session));
  topic->metadata.emplace_back("peer", place.peer);
  const bool is_shared = slot == CallSlots::kMostSlots;
  topic->metadata.emplace_back("slot", is_shared ? std::string(kSharedSlot) : std::to_string(slot));
  return topic;
}

}  // namespace

std::string_view side_name(InterceptedCall::Side side) {
  return side == InterceptedCall::Side::kCaller ? "caller" : "server";
}

std::unique_ptr<CallSlot> CallSlots::take(const CallPlace& place) {
  auto& row = rows_[{place.session, place.side, place.method}];
  if (!row) row = std::make_shared<CallSlot::Row>();
  std::size_t number = 0;
  while (number < row->size() && number < kMostSlots && !(*row)[number].is_free) ++number;
  if (number == row->size()) {
    CallSlot::Topics topics;
    topics.request = make_topic(place, number, MessageRole::kRequest);
    topics.response = make_topic(place, number, MessageRole::kResponse);
    row->push_back(std::move(topics));
  }
  (*row)[number].is_free = false;
  return std::make_unique<CallSlot>(row, static_cast<std::uint32_t>(number));
}

void CallSlots::forget_session(std::uint64_t session) {
  const auto begin = rows_.lower_bound({session, InterceptedCall::Side::kCaller, nullptr});
  auto end = begin;
  while (end != rows_.end() && end->first.session == session) ++end;
  rows_.erase(begin, end);
}

}  // namespace echostream::recorder
