// echostream timing jitter: what the jitter buffer would have made of a recorded stream.
#include <iostream>

#include "tools/echostream/io/output_file.h"
#include "tools/echostream/options.h"
#include "tools/echostream/timing/decisions.h"
#include "tools/echostream/timing/playout_summary.h"
#include "tools/echostream/timing/replay.h"
#include "tools/echostream/timing/timing_command.h"
#include "tools/echostream/timing/trace.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation =
    R"(Plays a recorded stream out through the runtime's jitter buffer, on a virtual clock: it sees
each frame when it arrived, and not before.

The trace has the columns seq,send_us,arrival_us, in the order of sending: send_us on the
sender's clock, arrival_us on the receiver's, empty if the packet was lost. Rows with one
send_us are packets of one frame; a repeated seq is a duplicate.
The decisions have the columns seq,playout_us,state,dur_us. Each frame has one row, under the
seq of its first packet, with the state played, late, lost or dropped (dur_us: what no filler
stood for); rows with the state concealed are filler before a frame, from playout_us on for
dur_us.

Example:
  echostream timing jitter --input trace.csv --output decisions.csv --profile low-latency
  echostream timing plot --trace trace.csv --decisions decisions.csv --output delay.svg)";

// A time of zero would mean "the default" to the runtime.
constexpr double kLeastMs = 0.001;
constexpr double kMostStretch = 0.5;

Status write_stats(const std::string& path, const std::string& json,
                   const std::vector<std::string>& inputs) {
  auto file = OutputFile::create(path, inputs);
  if (!file) return file.error();
  file->stream() << json;
  return file->commit();
}

class JitterCommand final : public Command {
 public:
  explicit JitterCommand(CLI::App& timing)
      : Command(*timing.add_subcommand("jitter",
                                       "Play a recorded stream out through the jitter buffer")) {
    app().footer(kExplanation);
    add_file(app(), "--input", input_, "the trace")->required();
    add_file(app(), "--output", output_, "where to write the decisions")->required();
    add_choice(app(), "--profile", profile_, {"low-latency", "balanced", "strict"},
               "what delay is worth against late frames: 5, 20 or 60 ms for each percent "
               "[balanced]");
    add_milliseconds(app(), "--min-delay", options_.min_delay, 0,
                     "least delay above the network's least [0]");
    add_milliseconds(app(), "--max-delay", options_.max_delay, kLeastMs, "most delay [2000]");
    add_milliseconds(app(), "--initial-delay", options_.initial_delay, kLeastMs,
                     "before anything is known of the network [60]");
    add_share(app(), "--max-late-share", options_.max_late_share, 1,
              "frames that may be late, whatever that costs in delay [0.1]");
    add_share(app(), "--max-stretch", options_.max_stretch, kMostStretch,
              "how much faster or slower frames may be played to change the delay [0.12]");
    add_choice(app(), "--late-policy", late_policy_, {"auto", "skip", "wait"},
               "when a frame is not there: skip it, wait for it, or as the network suggests "
               "[auto]");
    add_file(app(), "--stats", stats_,
             "also write the buffer's statistics, as JSON; '-': to standard output instead of the "
             "summary");
  }

  Status run() override {
    Status status = check_options();
    if (!status.is_ok()) return status;
    auto in = open_input(input_);
    if (!in) return in.error();
    auto out = OutputFile::create(output_, {input_});
    if (!out) return out.error();
    const auto trace = read_trace(*in, input_);
    if (!trace) return trace.error();
    const auto result = replay(*trace, options_);
    if (!result) return result.error();
    write_decisions(out->stream(), *trace, result->decisions);
    const PlayoutSummary summary = summarize(*trace, result->decisions);
    const std::string json = to_json(summary, result->stats);
    if (!stats_.empty() && stats_ != "-") {
      status = write_stats(stats_, json, {input_});
      if (!status.is_ok()) return status;
    }
    status = out->commit();
    if (status.is_ok()) std::cout << (stats_ == "-" ? json : to_text(summary));
    return status;
  }

 private:
  Status check_options() {
    options_.enabled = true;
    options_.profile = static_cast<PlayoutProfile>(profile_);
    options_.late_policy = static_cast<LatePolicy>(late_policy_);
    if (options_.max_delay > Duration::zero() && options_.min_delay > options_.max_delay) {
      return {StatusCode::kInvalidArgument, "--min-delay is more than --max-delay"};
    }
    if (stats_ == output_) {
      return {StatusCode::kInvalidArgument, "--stats and --output name the same file"};
    }
    return Status::ok();
  }

  std::string input_;
  std::string output_;
  std::string stats_;
  JitterBufferOptions options_;
  std::size_t profile_ = static_cast<std::size_t>(PlayoutProfile::kBalanced);
  std::size_t late_policy_ = static_cast<std::size_t>(LatePolicy::kAuto);
};

}  // namespace

std::unique_ptr<Command> make_jitter_command(CLI::App& timing) {
  return std::make_unique<JitterCommand>(timing);
}

}  // namespace echostream::tool
