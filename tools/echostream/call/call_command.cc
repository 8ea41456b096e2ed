// echostream call, emit and subscribe: a call of one method.
#include <iostream>
#include <string>

#include "tools/echostream/call/call_commands.h"
#include "tools/echostream/call/call_run.h"
#include "tools/echostream/call/describe_text.h"
#include "tools/echostream/call/method_command.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/io/latency_histogram.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr const char* kCallExplanation =
    R"(Calls METHOD, "acme.v1.Robot/Grip" or a part of that which only one method has, and prints each message that comes
as JSON, in a line of its own. The request is JSON too (protobuf's mapping): in --data, in a file (@FILE), or piped
in (-); of methods that take a stream, several messages one after the other. Services and types are what the node
says (docs/reflection.md), or those of --proto.

With --json each message stands in an object: {"message": ..., "sequence": 3, "lost_before": 0, "latency_ms": 1.2}.

Examples:
  echostream call 192.0.2.7:4433 Robot/Grip -d '{"force": 3}' --fingerprint 4f2a...
  echostream call robot.example:4433 acme.v1.Robot/Upload -d @parts.json --ca ca.pem --timeout 5000
  jq -c .moves[] plan.json | echostream call robot.example:4433 Robot/Drive -d - --ca ca.pem)";

constexpr const char* kEmitExplanation =
    R"(Sends one event to the node that serves METHOD. Nobody says whether it was received.

Example:
  echostream emit 192.0.2.7:4433 Greeter/Waved -d '{"hand": "left"}' --fingerprint 4f2a...)";

constexpr const char* kSubscribeExplanation =
    R"(Prints the events that the node publishes, or the messages of a stream to the caller, until it ends or is stopped
(Ctrl-C, which is no error). The filter, or request, is --data; of methods that take a stream as well, the messages
for that, as 'echostream call' takes them.

Example:
  echostream subscribe 192.0.2.7:4433 Robot/Bumped -d '{"least_force": 2}' --max 10 --fingerprint 4f2a...)";

enum class Manner { kCall, kEmit, kSubscribe };

struct MannerText {
  const char* name;
  const char* description;
  const char* explanation;
};

MannerText text_of(Manner manner) {
  switch (manner) {
    case Manner::kCall:
      return {"call", "Call a method", kCallExplanation};
    case Manner::kEmit:
      return {"emit", "Send an event", kEmitExplanation};
    case Manner::kSubscribe:
      return {"subscribe", "Print what a node publishes", kSubscribeExplanation};
  }
  return {"", "", ""};
}

class CallCommand final : public MethodCommand {
 public:
  CallCommand(CLI::App& program, Manner manner)
      : MethodCommand(*program.add_subcommand(text_of(manner).name, text_of(manner).description),
                      text_of(manner).explanation),
        manner_(manner) {
    if (manner != Manner::kEmit) {
      app().add_flag("--defaults", with_defaults_, "show fields that have their default, too");
      app()
          .add_option("--max", most_, "end after that many messages")
          ->check(CLI::Range(1u, 1'000'000'000u));
    }
  }

 private:
  Task<Status> use_method(Loop& loop, Remote& remote, const Schema& schema,
                          const SchemaMethod& method) override {
    CallRun run{loop, remote, schema, method, dial_options().call_options(), std::move(source()),
                {},   {}};
    Status unreadable;
    run.on_message = [&](const Frame<Buffer>& frame) {
      unreadable = show(schema, method, frame);
      return unreadable.is_ok() && (most_ == 0 || ++shown_ < most_);
    };
    CallOutcome outcome = co_await run_call(run);
    if (!outcome.usage.is_ok()) co_return outcome.usage;
    if (!unreadable.is_ok()) co_return unreadable;
    co_return call_ended(schema, method, outcome.status);
  }

  Status stopped() override {
    // Subscriptions end like that.
    if (manner_ == Manner::kSubscribe) return Status::ok();
    return {StatusCode::kCancelled, "stopped before the call had ended"};
  }

  Status check_kind(const SchemaMethod& method) const override {
    const MethodInfo& info = method.info;
    const auto refused = [&](const std::string& why) {
      return Status(StatusCode::kInvalidArgument, method.full_name + why);
    };
    if (manner_ == Manner::kEmit && info.kind == MethodKind::kPublished) {
      return refused(" is published by the node; use 'echostream subscribe'");
    }
    if (manner_ == Manner::kEmit && info.kind != MethodKind::kEvent) {
      return refused(" is a method of kind " + std::string(to_string(info.kind)) +
                     "; use 'echostream call'");
    }
    if (manner_ == Manner::kSubscribe && !info.server_streaming) {
      return refused(" answers with one message; use 'echostream call'");
    }
    return Status::ok();
  }

  Status show(const Schema& schema, const SchemaMethod& method, const Frame<Buffer>& frame) const {
    auto json = schema.reply_to_json(method, frame.message, with_defaults_);
    if (!json) return json.error();
    if (wants_json() && method.info.server_streaming) {
      JsonLine line;
      line.add_json("message", *json).add("sequence", frame.sequence);
      line.add("lost_before", frame.lost_before);
      if (frame.latency) {
        line.add("latency_ms", in_milliseconds(frame.latency->value));
        line.add("latency_bound_ms", in_milliseconds(frame.latency->bound));
      }
      std::cout << line.text() << std::endl;
    } else if (wants_json()) {
      std::cout << JsonLine().add_json("message", *json).text() << std::endl;
    } else {
      std::cout << *json << std::endl;
    }
    if (std::cout) return Status::ok();
    return {StatusCode::kUnavailable, "cannot write the output"};
  }

  Manner manner_;
  bool with_defaults_ = false;
  std::uint64_t most_ = 0;
  std::uint64_t shown_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_call_command(CLI::App& program) {
  return std::make_unique<CallCommand>(program, Manner::kCall);
}

std::unique_ptr<Command> make_emit_command(CLI::App& program) {
  return std::make_unique<CallCommand>(program, Manner::kEmit);
}

std::unique_ptr<Command> make_subscribe_command(CLI::App& program) {
  return std::make_unique<CallCommand>(program, Manner::kSubscribe);
}

}  // namespace echostream::tool
