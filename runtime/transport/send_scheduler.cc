#include "runtime/transport/send_scheduler.h"

#include <algorithm>
#include <utility>

namespace echostream::transport {
namespace {

std::size_t size_of(const OutgoingDatagramFrame& datagram) {
  return datagram.header.size() + datagram.payload.size();
}

Priority clamp(Priority priority) {
  return std::min<Priority>(priority, static_cast<Priority>(kPriorities - 1));
}

}  // namespace

void SendScheduler::update(SendStream& stream) {
  if (stream.wants_to_send()) {
    if (!stream.is_listed_) append(stream);
  } else {
    remove(stream);
  }
}

void SendScheduler::append(SendStream& stream) {
  List& list = streams_[stream.priority_];
  stream.previous_in_list_ = list.last;
  stream.next_in_list_ = nullptr;
  (list.last != nullptr ? list.last->next_in_list_ : list.first) = &stream;
  list.last = &stream;
  stream.is_listed_ = true;
}

void SendScheduler::remove(SendStream& stream) {
  if (!stream.is_listed_) return;
  List& list = streams_[stream.priority_];
  SendStream* before = stream.previous_in_list_;
  SendStream* after = stream.next_in_list_;
  (before != nullptr ? before->next_in_list_ : list.first) = after;
  (after != nullptr ? after->previous_in_list_ : list.last) = before;
  stream.is_listed_ = false;
}

void SendScheduler::rotate(SendStream& stream) {
  remove(stream);
  update(stream);
}

void SendScheduler::set_priority(SendStream& stream, Priority priority) {
  remove(stream);
  stream.priority_ = clamp(priority);
  update(stream);
}

void SendScheduler::push(OutgoingDatagramFrame datagram, std::vector<std::uint64_t>& dropped) {
  datagram.priority = clamp(datagram.priority);
  datagram_bytes_ += size_of(datagram);
  ++datagram_count_;
  datagrams_[datagram.priority].push_back(std::move(datagram));
  for (std::size_t p = kPriorities; datagram_bytes_ > max_datagram_bytes_ && p-- > 0;) {
    while (datagram_bytes_ > max_datagram_bytes_ && !datagrams_[p].empty()) {
      dropped.push_back(datagrams_[p].front().tag);
      pop_front(static_cast<Priority>(p));
    }
  }
}

void SendScheduler::drop_stale(LocalTime now, std::size_t largest,
                               std::vector<std::uint64_t>& dropped) {
  if (datagram_count_ == 0) return;
  for (std::size_t p = 0; p < kPriorities; ++p) {
    while (!datagrams_[p].empty() &&
           (datagrams_[p].front().expires_at <= now || size_of(datagrams_[p].front()) > largest)) {
      dropped.push_back(datagrams_[p].front().tag);
      pop_front(static_cast<Priority>(p));
    }
  }
}

void SendScheduler::pop_datagram(Priority priority) { pop_front(priority); }

void SendScheduler::pop_front(Priority priority) {
  datagram_bytes_ -= size_of(datagrams_[priority].front());
  --datagram_count_;
  datagrams_[priority].pop_front();
}

SendScheduler::Next SendScheduler::next(bool with_stream_bytes) {
  for (std::size_t p = 0; p < kPriorities; ++p) {
    if (datagram_count_ > 0 && !datagrams_[p].empty()) {
      return {&datagrams_[p].front(), nullptr, static_cast<Priority>(p)};
    }
    SendStream* stream = streams_[p].first;
    while (stream != nullptr && !with_stream_bytes && stream->unsent_bytes() > 0) {
      stream = stream->next_in_list_;
    }
    if (stream != nullptr) return {nullptr, stream, static_cast<Priority>(p)};
  }
  return {};
}

}  // namespace echostream::transport
