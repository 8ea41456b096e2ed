// Middleware that hands the messages of each call to the recorder's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "echostream/middleware.h"
#include "echostream/plugins/recorder.h"
#include "echostream/session.h"

#include "runtime/plugins/recorder/call_slots.h"
#include "runtime/plugins/recorder/recorder_thread.h"
#include "runtime/plugins/recorder/recording_clock.h"

namespace echostream::recorder {

/// What all calls of a node share. One thread, the loop's; the RecorderThread has its own.
class CallLog {
 public:
  CallLog(const RecorderOptions& options, std::shared_ptr<RecorderThread> thread,
          RecordingClock clock)
      : options_(options), thread_(std::move(thread)), clock_(clock) {}

  /// The session's number; the first time the recording is told of it.
  std::uint64_t session_number(const Session& session);
  void handle_session_closed(const Session& session);
  void record_clock(const Session& session, LocalTime now);

  const RecorderOptions& options() const { return options_; }
  const RecordingClock& clock() const { return clock_; }
  CallSlots& slots() { return slots_; }
  std::uint32_t next_call() { return next_call_++; }
  /// At the end of a call.
  void give_back(std::unique_ptr<CallSlot> slot, const Session& session);
  void push(QueuedMessage message) { thread_->push(std::move(message)); }
  /// On /echostream/calls.
  void push_ended(std::uint64_t time, std::string encoded);

 private:
  // Calls may outlive the plugin by the time that it takes to destroy a node.
  const RecorderOptions options_;
  std::shared_ptr<RecorderThread> thread_;
  RecordingClock clock_;
  CallSlots slots_;
  std::shared_ptr<const Topic> calls_topic_;
  std::uint64_t next_session_ = 1;
  std::uint32_t next_call_ = 0;
};

class RecordingMiddleware final : public Middleware {
 public:
  explicit RecordingMiddleware(std::shared_ptr<CallLog> log) : log_(std::move(log)) {}

  std::string_view name() const override { return "recorder"; }
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override;
  Task<Status> call(InterceptedCall& call, Next next) override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  std::shared_ptr<CallLog> log_;
};

}  // namespace echostream::recorder
