// align(): two or three streams of one source, or of several, read as one: frames that were
// captured together come out together.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "echostream/base/task.h"
#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/internal/frame_matcher.h"
#include "echostream/stream.h"

namespace echostream {

/// By which time frames are matched.
enum class AlignBy : std::uint8_t {
  /// Frame::capture_time: for streams of one session, whose stamps are of one clock.
  kCaptureTime,
  /// Frame::local_capture_time: for streams of several sessions. As good as those sessions' clocks;
  /// frames that come while a clock is not known yet count as unmatched.
  kLocalClock,
};

struct AlignOptions {
  AlignBy by = AlignBy::kCaptureTime;
  /// A frame that has waited so long for a partner is given up. The default is what a jitter buffer
  /// may hold a frame back at most: a partner further behind is no partner.
  Duration max_wait = std::chrono::seconds(2);
  /// Frames of each stream that wait for partners. When the place is used up the stream is not read
  /// on: a RELIABLE sender waits, the others' frames are dropped as with any slow reader.
  std::size_t max_waiting_frames = 64;
};
static_assert(kSafeInAwait<AlignOptions>);

namespace internal {

template <class... T>
struct AlignedFrames {
  using Type = std::tuple<Frame<T>...>;
};
template <class A, class B>
struct AlignedFrames<A, B> {
  using Type = std::pair<Frame<A>, Frame<B>>;
};

/// Readers and the frames that wait. One task for each reader fills the queues from the first
/// next() on, whether anybody waits for frames or not.
template <class... T>
class AlignState {
 public:
  static constexpr std::size_t kStreams = sizeof...(T);
  using Frames = typename AlignedFrames<T...>::Type;

  AlignState(Duration tolerance, const AlignOptions& options, Reader<T>... readers)
      : matcher_(kStreams, tolerance, options.max_wait, options.max_waiting_frames),
        by_(options.by),
        channels_(Channel<T>{std::move(readers), {}}...) {}

  void start(Executor& executor) {
    if (pumps_ || is_over_) return;
    pumps_.emplace(executor);
    start_each(std::make_index_sequence<kStreams>());
  }
  bool is_over() const noexcept { return is_over_; }
  FrameMatcher& matcher() noexcept { return matcher_; }
  const FrameMatcher& matcher() const noexcept { return matcher_; }
  const Status& status() const noexcept { return status_; }
  WaitPoint& arrived() noexcept { return arrived_; }

  /// The heads, which the matcher has just taken out.
  Frames take_heads() {
    Frames frames =
        std::apply([](auto&... channel) { return Frames(channel.take()...); }, channels_);
    room_.notify_all();
    return frames;
  }
  void drop_head(std::size_t stream) {
    drop_each(stream, std::make_index_sequence<kStreams>());
    room_.notify_all();
  }
  /// A stream is exhausted: lets the others go.
  void end() {
    if (is_over_) return;
    end_with(exhausted_status(std::make_index_sequence<kStreams>()));
  }
  void end_with(Status status) {
    if (is_over_) return;
    is_over_ = true;
    status_ = std::move(status);
    pumps_.reset();
    std::apply([](auto&... channel) { (channel.close(), ...); }, channels_);
    arrived_.notify_all();
  }

 private:
  template <class M>
  struct Channel {
    std::optional<Reader<M>> reader;
    std::deque<Frame<M>> frames;

    Frame<M> take() {
      Frame<M> frame = std::move(frames.front());
      frames.pop_front();
      return frame;
    }
    void close() {
      reader.reset();
      frames.clear();
    }
  };

  template <std::size_t... I>
  void start_each(std::index_sequence<I...>) {
    (pumps_->spawn(pump<I>(*this)), ...);
  }
  template <std::size_t... I>
  void drop_each(std::size_t stream, std::index_sequence<I...>) {
    ((I == stream ? std::get<I>(channels_).frames.pop_front() : void()), ...);
  }
  template <std::size_t... I>
  Status exhausted_status(std::index_sequence<I...>) const {
    Status status;
    ((matcher_.is_exhausted(I) && status.is_ok()
          ? void(status = std::get<I>(channels_).reader->status())
          : void()),
     ...);
    return status;
  }

  // Runs in pumps_, which the state owns: the reference is safe.
  template <std::size_t I>
  static Task<void> pump(AlignState& state) {
    auto& channel = std::get<I>(state.channels_);
    for (;;) {
      while (!state.matcher_.has_room(I)) (void)co_await state.room_.wait();
      auto frame = co_await channel.reader->next();
      if (!frame) break;
      state.template add<I>(std::move(*frame));
    }
    state.matcher_.finish(I);
    state.arrived_.notify_all();
  }
  template <std::size_t I, class M>
  void add(Frame<M> frame) {
    std::optional<Duration> time = frame.capture_time.time_since_epoch();
    if (by_ == AlignBy::kLocalClock) {
      time.reset();
      if (frame.local_capture_time) time = frame.local_capture_time->time_since_epoch();
    }
    if (!time) {
      matcher_.count_unmatched(I);
      return;
    }
    std::get<I>(channels_).frames.push_back(std::move(frame));
    matcher_.add(I, *time, pumps_->executor().now());
    arrived_.notify_all();
  }

  FrameMatcher matcher_;
  AlignBy by_;
  std::tuple<Channel<T>...> channels_;
  WaitPoint arrived_;
  WaitPoint room_;
  Status status_;
  bool is_over_ = false;
  std::optional<TaskGroup> pumps_;  // Last: its tasks use all of the above.
};

}  // namespace internal

/// What align() gives. Move-only; lives on one loop. Dropping it drops the readers, as does the
/// end: calls of ours that go on are cancelled.
template <class... T>
class [[nodiscard]] Aligned {
 public:
  static_assert(sizeof...(T) == 2 || sizeof...(T) == 3, "two or three streams can be aligned");
  /// std::pair<Frame<A>, Frame<B>>, or a tuple of three.
  using Frames = typename internal::AlignedFrames<T...>::Type;

  explicit Aligned(std::unique_ptr<internal::AlignState<T...>> state) : state_(std::move(state)) {}
  Aligned(Aligned&&) noexcept = default;
  Aligned& operator=(Aligned&& other) noexcept {
    Aligned taken(std::move(other));
    state_.swap(taken.state_);
    return *this;
  }
  // Also under a task that waits in next(), which then gets nothing.
  ~Aligned() {
    if (state_) state_->end_with(Status(StatusCode::kCancelled, "the streams were let go"));
  }

  /// The next frames that belong together: in order, none twice, captured within the tolerance, and
  /// none of them could be changed for a neighbour that is closer. (While no frame is left out
  /// between matches, closer means by more than an eighth of the tolerance, so that streams half a
  /// frame apart do not change partners all the time.) A match is handed out when its last frame is
  /// there, unless a closer one can still come: that is waited for at most for twice the distance
  /// between its frames.
  ///
  /// Nothing once one stream has ended and its frames are used up; then status() says how. All
  /// streams are read side by side from the first call on. One task calls it at a time.
  Task<std::optional<Frames>> next() { return next(state_); }

  /// OK when the stream that ended first did so in order, otherwise why it broke. Meaningful after
  /// next() gave nothing.
  const Status& status() const noexcept { return state_->status(); }
  /// Frames that found no partner so far; those dropped at the end included.
  std::uint64_t unmatched(std::size_t stream) const {
    ECHOSTREAM_CHECK(stream < sizeof...(T), "there are not as many streams");
    return state_->matcher().unmatched(stream);
  }
  std::uint64_t unmatched_a() const { return unmatched(0); }
  std::uint64_t unmatched_b() const { return unmatched(1); }
  std::uint64_t unmatched_c() const requires(sizeof...(T) == 3) { return unmatched(2); }

 private:
  using State = internal::AlignState<T...>;
  using Action = internal::FrameMatcher::Action;

  // Shared: a task that waits here may outlive the Aligned it came from.
  static Task<std::optional<Frames>> next(std::shared_ptr<State> state) {
    const internal::TaskContext context = co_await internal::current_context();
    state->start(*context.executor);
    const LocalTime call_deadline = context.call != nullptr ? context.call->deadline() : kNever;
    while (!state->is_over()) {
      const LocalTime now = context.executor->now();
      const internal::FrameMatcher::Step step = state->matcher().poll(now);
      switch (step.action) {
        case Action::kMatch: {
          std::optional<Frames> frames = state->take_heads();
          co_return std::move(frames);
        }
        case Action::kDrop:
          state->drop_head(step.stream);
          break;
        case Action::kEnd:
          state->end();
          break;
        case Action::kWait: {
          const LocalTime until = std::min(call_deadline, state->matcher().next_deadline());
          const WaitResult result = co_await state->arrived().wait(until);
          end_with_call(*state, result, call_deadline <= context.executor->now());
          break;
        }
      }
    }
    co_return std::nullopt;
  }
  // As Reader::next() does: streams end with the call they are read for.
  static void end_with_call(State& state, WaitResult result, bool is_past_deadline) {
    if (result == WaitResult::kCancelled) {
      state.end_with(Status(StatusCode::kCancelled, "the call was cancelled"));
    } else if (result == WaitResult::kDeadline && is_past_deadline) {
      state.end_with(Status(StatusCode::kDeadlineExceeded, "the call's deadline has passed"));
    }
  }

  std::shared_ptr<State> state_;
};

/// Reads both streams as pairs of frames that were captured within `tolerance` of each other.
/// Streams of different rates may be aligned: the frames in between find no partner, and are
/// counted. Choose a tolerance of about half the interval of the faster one.
template <class A, class B>
Aligned<A, B> align(Reader<A> a, Reader<B> b, Duration tolerance, AlignOptions options = {}) {
  return Aligned<A, B>(
      std::make_unique<internal::AlignState<A, B>>(tolerance, options, std::move(a), std::move(b)));
}

/// The same for three; `tolerance` holds between any two of the frames.
template <class A, class B, class C>
Aligned<A, B, C> align(Reader<A> a, Reader<B> b, Reader<C> c, Duration tolerance,
                       AlignOptions options = {}) {
  return Aligned<A, B, C>(std::make_unique<internal::AlignState<A, B, C>>(
      tolerance, options, std::move(a), std::move(b), std::move(c)));
}

}  // namespace echostream
