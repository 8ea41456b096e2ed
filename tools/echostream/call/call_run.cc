#include "tools/echostream/call/call_run.h"

#include <utility>

#include "echostream/base/task_group.h"

namespace echostream::tool {

namespace {

// Writes what is given until there is no more; what is wrong with it, or cannot be sent, ends the
// call.
Task<void> write_messages(CallRun& run, RemoteStream& stream, Status& usage, Status& unsent) {
  for (;;) {
    auto message = co_await run.source.next(run.loop, run.schema, run.method);
    if (!message) {
      usage = message.error();
      stream.cancel();
      co_return;
    }
    if (!*message) break;
    Status written = co_await stream.write(**std::move(message));
    if (!written.is_ok()) {
      // Unless the peer has ended it, and says why.
      if (written.code() == StatusCode::kResourceExhausted) stream.cancel();
      unsent = std::move(written);
      co_return;
    }
  }
  (void)co_await stream.finish();
}

Task<Status> read_messages(CallRun& run, RemoteStream& stream) {
  while (auto frame = co_await stream.next()) {
    if (!run.on_message(*frame)) {
      stream.cancel();
      co_return Status::ok();
    }
  }
  co_return stream.status();
}

Task<CallOutcome> run_unary(CallRun& run, Buffer request) {
  CallOutcome outcome;
  if (run.method.info.kind == MethodKind::kEvent) {
    outcome.status =
        co_await run.remote.emit(run.method, std::move(request), std::move(run.options));
    co_return outcome;
  }
  auto reply = co_await run.remote.unary(run.method, std::move(request), std::move(run.options));
  outcome.status = reply.status();
  if (!reply) co_return outcome;
  Frame<Buffer> frame;
  frame.message = *std::move(reply);
  (void)run.on_message(frame);
  co_return outcome;
}

Task<CallOutcome> run_client_streaming(CallRun& run) {
  CallOutcome outcome;
  auto stream = co_await run.remote.open(run.method, std::nullopt, std::move(run.options));
  if (run.on_open) run.on_open(*stream);
  const bool reads_at_once = run.method.info.server_streaming;
  Status unsent;
  // Before the group: the writer uses it.
  TaskGroup writer(run.loop);
  writer.spawn(write_messages(run, *stream, outcome.usage, unsent));
  // The one reply comes when everything is written.
  if (!reads_at_once) (void)co_await writer.join();
  if (!outcome.usage.is_ok()) co_return outcome;
  outcome.status = co_await read_messages(run, *stream);
  const bool tells_nothing =
      outcome.status.is_ok() || outcome.status.code() == StatusCode::kCancelled;
  if (!unsent.is_ok() && tells_nothing) outcome.status = std::move(unsent);
  co_return outcome;
}

}  // namespace

Task<CallOutcome> run_call(CallRun& run) {
  if (run.method.info.client_streaming) {
    CallOutcome streamed = co_await run_client_streaming(run);
    co_return streamed;
  }
  CallOutcome outcome;
  auto request = co_await run.source.only(run.loop, run.schema, run.method);
  if (!request) {
    outcome.usage = request.error();
    co_return outcome;
  }
  if (!run.method.info.server_streaming) {
    outcome = co_await run_unary(run, *std::move(request));
    co_return outcome;
  }
  auto stream = co_await run.remote.open(run.method, *std::move(request), std::move(run.options));
  if (run.on_open) run.on_open(*stream);
  outcome.status = co_await read_messages(run, *stream);
  co_return outcome;
}

}  // namespace echostream::tool
