#include "echostream/internal/publisher.h"

#include <deque>
#include <list>
#include <utility>

#include "runtime/api/call_chain.h"
#include "runtime/api/call_state.h"

namespace echostream::internal {
namespace {

constexpr std::size_t kDefaultQueue = 256;

struct Event {
  core::FrameHeader header;
  Buffer message;
  LocalTime published_at{};
};

struct Subscriber {
  std::unique_ptr<google::protobuf::MessageLite> filter;
  ServerCall* call;
  std::deque<Event> queue;
  std::uint64_t next_sequence = 0;
  bool too_slow = false;
  bool filter_threw = false;
  WaitPoint changed;

  bool is_over() const { return too_slow || filter_threw; }
  LocalTime now() const { return call->session()->executor().now(); }
  /// Whether its call takes an event at once: none waits before it, and no filter wants to see it,
  /// which is code of the program's and must not run inside publish().
  bool is_ready() const {
    const core::CallStream& stream = *call->state()->stream();
    const CallChain* chain = call->state()->chain();
    return queue.empty() && (chain == nullptr || !chain->has_filters()) && !is_over() &&
           !call->is_finished() && !stream.end() && stream.is_writable();
  }
  Status send(Event event) const {
    CallState& state = *call->state();
    if (state.chain() != nullptr) {
      const core::FrameHeader& header = event.header;
      Status passed = pass_sent_frame(*state.chain(), event.message, header.sequence,
                                      header.capture_time, event.published_at);
      if (!passed.is_ok()) return passed;
    }
    return state.stream()->send_numbered_frame(now(), event.header, std::move(event.message));
  }
};

}  // namespace

struct Publisher::Impl {
  struct Kept {
    std::unique_ptr<google::protobuf::MessageLite> event;
    Buffer encoded;
    RemoteTime published_at;
  };

  /// Enqueues the event when the user's filter lets it pass; a filter that throws ends the
  /// subscription, and nothing else.
  void offer(Subscriber& subscriber, const google::protobuf::MessageLite& event,
             const Buffer& encoded, RemoteTime published_at) const;
  void enqueue(Subscriber& subscriber, const Buffer& encoded, RemoteTime published_at) const;
  void keep(const google::protobuf::MessageLite& event, const Buffer& encoded, RemoteTime at);

  const MethodInfo& method;
  Accepts accepts;
  std::list<Subscriber> subscribers;
  std::deque<Kept> kept;
};

Publisher::Publisher(const MethodInfo& method, Accepts accepts)
    : impl_(new Impl{method, std::move(accepts), {}, {}}) {}

Publisher::~Publisher() = default;

std::size_t Publisher::subscriber_count() const noexcept { return impl_->subscribers.size(); }

void Publisher::Impl::offer(Subscriber& subscriber, const google::protobuf::MessageLite& event,
                            const Buffer& encoded, RemoteTime published_at) const {
  try {
    if (accepts(*subscriber.filter, event)) enqueue(subscriber, encoded, published_at);
  } catch (...) {
    subscriber.filter_threw = true;
    subscriber.changed.notify_all();
  }
}

// Every event takes a sequence number, also one that is dropped: the gap tells the subscriber. Most
// events find a subscriber that is ready, and are sent from here: ten thousand need not wake ten
// thousand coroutines. What cannot be sent so, for whatever reason, is left to serve().
void Publisher::Impl::enqueue(Subscriber& subscriber, const Buffer& encoded,
                              RemoteTime published_at) const {
  const std::size_t most = method.max_queue > 0 ? method.max_queue : kDefaultQueue;
  if (subscriber.queue.size() >= most) {
    if (method.slow_subscriber == SlowSubscriber::kDisconnect) {
      subscriber.too_slow = true;
      subscriber.changed.notify_all();
      return;
    }
    subscriber.queue.pop_front();
  }
  Event event{{subscriber.next_sequence++, published_at}, encoded, subscriber.now()};
  if (subscriber.is_ready() && subscriber.send(event).is_ok()) return;
  subscriber.queue.push_back(std::move(event));
  subscriber.changed.notify_all();
}

void Publisher::Impl::keep(const google::protobuf::MessageLite& event, const Buffer& encoded,
                           RemoteTime at) {
  if (method.keep_last == 0) return;
  if (kept.size() == method.keep_last) kept.pop_front();
  std::unique_ptr<google::protobuf::MessageLite> copy(event.New());
  copy->CheckTypeAndMergeFrom(event);
  kept.push_back({std::move(copy), encoded, at});
}

void Publisher::publish(const google::protobuf::MessageLite& event) {
  auto encoded = encode_message(event);
  if (!encoded) return;
  // Without a subscriber nobody has told us the time yet; zero means that it is not known.
  const RemoteTime now = impl_->subscribers.empty()
                             ? RemoteTime{}
                             : RemoteTime(impl_->subscribers.front().now().time_since_epoch());
  for (Subscriber& subscriber : impl_->subscribers) {
    impl_->offer(subscriber, event, *encoded, now);
  }
  impl_->keep(event, *encoded, now);
}

namespace {

// Takes the subscriber out of the list whichever way its coroutine ends.
class Membership {
 public:
  explicit Membership(std::list<Subscriber>& subscribers)
      : subscribers_(subscribers), self_(subscribers.emplace(subscribers.end())) {}
  ~Membership() { subscribers_.erase(self_); }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  Subscriber& operator*() const { return *self_; }

 private:
  std::list<Subscriber>& subscribers_;
  std::list<Subscriber>::iterator self_;
};

// Waits until the subscriber's call takes another event; false when it is over.
Task<bool> wait_writable(ServerCall& call) {
  core::CallStream& stream = *call.state()->stream();
  while (!stream.end() && !call.is_finished()) {
    if (stream.is_writable()) co_return true;
    (void)co_await call.state()->wait();
  }
  co_return false;
}

}  // namespace

Task<void> Publisher::serve(ServerCall& call,
                            std::unique_ptr<google::protobuf::MessageLite> filter) {
  Membership membership(impl_->subscribers);
  Subscriber& self = *membership;
  self.filter = std::move(filter);
  self.call = &call;
  // From here on no event is missed; the next one may be a long time coming.
  call.begin_response();
  for (const Impl::Kept& kept : impl_->kept) {
    impl_->offer(self, *kept.event, kept.encoded, kept.published_at);
  }
  for (;;) {
    while (!self.queue.empty() && !self.is_over()) {
      const bool writable = co_await wait_writable(call);
      if (!writable) co_return call.finish(Status(StatusCode::kCancelled, "the call is over"));
      // It may have been dropped, or the policy applied, while we waited.
      if (self.queue.empty() || self.is_over()) continue;
      Event event = std::move(self.queue.front());
      self.queue.pop_front();
      Status sent = self.send(std::move(event));
      if (!sent.is_ok()) co_return call.finish(sent);
    }
    if (self.filter_threw) {
      co_return call.finish(Status(StatusCode::kInternal, "the publisher's filter threw"));
    }
    if (self.too_slow) {
      co_return call.finish(
          Status(StatusCode::kResourceExhausted, "the subscriber took events too slowly"));
    }
    const WaitResult result = co_await self.changed.wait();
    if (result == WaitResult::kCancelled) {
      co_return call.finish(Status(StatusCode::kCancelled, "the subscription was cancelled"));
    }
  }
}

}  // namespace echostream::internal
