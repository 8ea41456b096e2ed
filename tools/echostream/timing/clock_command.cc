// echostream timing clock: what a session's clock would have made of recorded exchanges.
#include <iostream>

#include "tools/echostream/io/output_file.h"
#include "tools/echostream/options.h"
#include "tools/echostream/timing/clock_replay.h"
#include "tools/echostream/timing/exchanges.h"
#include "tools/echostream/timing/timing_command.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation =
    R"(Estimates the offset of a remote clock from recorded exchanges, as a session does.

The exchanges have the columns t1_us,t2_us,t3_us,t4_us, in the order of t4 or t1: the request left at
t1 and the reply arrived at t4, by the local clock A; the request arrived at t2 and the reply
left at t3, by the remote clock B.
The estimates have the columns t_us,offset_us,bound_us,estimated_error_us: one row for every
100 ms of clock A from the first t4 on, each from the exchanges up to its time. The offset is
B - A. It is never further from the truth than the bound, whatever the path does; the estimated
error assumes a path that takes the same time in both directions.

Example:
  echostream timing clock --input exchanges.csv --output estimates.csv
  echostream timing plot --estimates estimates.csv --exchanges exchanges.csv --output clock.svg)";

class ClockCommand final : public Command {
 public:
  explicit ClockCommand(CLI::App& timing)
      : Command(*timing.add_subcommand(
            "clock", "Estimate the offset of a remote clock from recorded exchanges")) {
    app().footer(kExplanation);
    add_file(app(), "--input", input_, "the exchanges")->required();
    add_file(app(), "--output", output_, "where to write the estimates")->required();
  }

  Status run() override {
    auto in = open_input(input_);
    if (!in) return in.error();
    auto out = OutputFile::create(output_, {input_});
    if (!out) return out.error();
    ExchangeReader exchanges(*in, input_);
    const auto summary = replay_clock(exchanges, out->stream());
    if (!summary) return summary.error();
    Status status = out->commit();
    if (status.is_ok()) std::cout << to_text(*summary);
    return status;
  }

 private:
  std::string input_;
  std::string output_;
};

}  // namespace

std::unique_ptr<Command> make_clock_command(CLI::App& timing) {
  return std::make_unique<ClockCommand>(timing);
}

}  // namespace echostream::tool
