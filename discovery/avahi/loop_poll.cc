#include "discovery/avahi/loop_poll.h"

#include <poll.h>

#include <chrono>
#include <memory>
#include <utility>

#include "echostream/base/check.h"

namespace echostream::discovery {
namespace {

constexpr short kAlways = POLLERR | POLLHUP;

// Avahi's types of these names are declared and never defined; ours stand behind their pointers.
template <class Ours, class Theirs>
Ours* ours(Theirs* object) {
  return reinterpret_cast<Ours*>(object);
}

}  // namespace

class LoopPoll::Watch {
 public:
  Watch(LoopPoll& owner, int fd, AvahiWatchCallback callback, void* userdata)
      : owner_(owner), fd_(fd), callback_(callback), userdata_(userdata) {
    ++owner_.watches_;
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    --owner_.watches_;
    if (was_freed_ != nullptr) *was_freed_ = true;
  }

  /// False when the loop cannot watch: what was watched for before is still.
  bool watch_for(AvahiWatchEvent events) {
    const auto wanted = static_cast<short>(events & (POLLIN | POLLOUT));
    if (pending_ != nullptr && wanted == wanted_) return true;
    std::unique_ptr<Pending> pending;
    // A loop watches for something; hang-ups alone are not worth a poll in each of its turns.
    if (wanted != 0) {
      auto watched = owner_.loop_.watch_fd(fd_, (wanted & POLLIN) != 0, (wanted & POLLOUT) != 0,
                                           [this] { on_ready(); });
      if (!watched) return false;
      pending = *std::move(watched);
    }
    pending_ = std::move(pending);
    wanted_ = wanted;
    return true;
  }
  AvahiWatchEvent events() const { return static_cast<AvahiWatchEvent>(happened_); }

 private:
  void on_ready() {
    // The loop says that something happened, not what.
    pollfd polled{fd_, wanted_, 0};
    if (::poll(&polled, 1, 0) <= 0) return;
    auto happened = static_cast<short>(polled.revents & (wanted_ | kAlways));
    // Closed by its owner, who has not noticed yet.
    if ((polled.revents & POLLNVAL) != 0) happened = POLLERR;
    bool was_freed = false;
    was_freed_ = &was_freed;
    happened_ = happened;
    callback_(reinterpret_cast<AvahiWatch*>(this), fd_, events(), userdata_);
    if (was_freed) return;
    was_freed_ = nullptr;
    happened_ = 0;
  }

  LoopPoll& owner_;
  int fd_;
  AvahiWatchCallback callback_;
  void* userdata_;
  short wanted_ = 0;
  short happened_ = 0;
  bool* was_freed_ = nullptr;  // set while the callback runs
  std::unique_ptr<Pending> pending_;
};

class LoopPoll::Timeout final : public TimerNode {
 public:
  Timeout(LoopPoll& owner, AvahiTimeoutCallback callback, void* userdata)
      : owner_(owner), callback_(callback), userdata_(userdata) {
    ++owner_.timeouts_;
  }
  ~Timeout() override { --owner_.timeouts_; }

  void set(const timeval* at) { owner_.loop_.arm(*this, at == nullptr ? kNever : deadline(*at)); }

 private:
  LocalTime deadline(const timeval& at) const {
    const LocalTime now = owner_.loop_.now();
    // What nanoseconds since 1970 cannot count comes in 2262.
    if (at.tv_sec >= std::chrono::floor<std::chrono::seconds>(Duration::max()).count())
      return kNever;
    const WallTime time(std::chrono::seconds(at.tv_sec) + std::chrono::microseconds(at.tv_usec));
    const Duration left = time - owner_.loop_.wall_time();
    return left <= Duration::zero() ? now : deadline_after(now, left);
  }
  void on_timer(LocalTime) override {
    callback_(reinterpret_cast<AvahiTimeout*>(this), userdata_);
    // May have freed this.
  }

  LoopPoll& owner_;
  AvahiTimeoutCallback callback_;
  void* userdata_;
};

LoopPoll::LoopPoll(Loop& loop) : loop_(loop) {
  api_.userdata = this;
  api_.watch_new = [](const AvahiPoll* api, int fd, AvahiWatchEvent events,
                      AvahiWatchCallback callback, void* userdata) -> AvahiWatch* {
    auto& self = *static_cast<LoopPoll*>(api->userdata);
    auto watch = std::make_unique<Watch>(self, fd, callback, userdata);
    if (!watch->watch_for(events)) return nullptr;
    return reinterpret_cast<AvahiWatch*>(watch.release());
  };
  api_.watch_update = [](AvahiWatch* watch, AvahiWatchEvent events) {
    (void)ours<Watch>(watch)->watch_for(events);
  };
  api_.watch_get_events = [](AvahiWatch* watch) { return ours<Watch>(watch)->events(); };
  api_.watch_free = [](AvahiWatch* watch) { delete ours<Watch>(watch); };
  api_.timeout_new = [](const AvahiPoll* api, const timeval* at, AvahiTimeoutCallback callback,
                        void* userdata) {
    auto& self = *static_cast<LoopPoll*>(api->userdata);
    auto* timeout = new Timeout(self, callback, userdata);
    timeout->set(at);
    return reinterpret_cast<AvahiTimeout*>(timeout);
  };
  api_.timeout_update = [](AvahiTimeout* timeout, const timeval* at) {
    ours<Timeout>(timeout)->set(at);
  };
  api_.timeout_free = [](AvahiTimeout* timeout) { delete ours<Timeout>(timeout); };
}

LoopPoll::~LoopPoll() {
  ECHOSTREAM_CHECK(watches_ == 0 && timeouts_ == 0, "an AvahiWatch or AvahiTimeout was not freed");
}

}  // namespace echostream::discovery
