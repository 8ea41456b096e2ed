// echostream timing plot: pictures of what `timing jitter` and `timing clock` wrote.
#include "tools/echostream/io/output_file.h"
#include "tools/echostream/options.h"
#include "tools/echostream/plot/gnuplot.h"
#include "tools/echostream/plot/svg.h"
#include "tools/echostream/timing/clock_figure.h"
#include "tools/echostream/timing/delay_figure.h"
#include "tools/echostream/timing/timing_command.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation = R"(Draws what 'timing jitter' or 'timing clock' wrote.

Of a trace and its decisions: the network's delay of each frame, the playout delay, late, lost
and dropped frames, and what was concealed. Of estimates: how the offset moved, and its bound
as a band around it; with the exchanges, what each of them measured.
The name of the output says the format: .svg, or .png, which needs the program gnuplot.

Example:
  echostream timing plot --trace trace.csv --decisions decisions.csv --output delay.svg
  echostream timing plot --estimates estimates.csv --exchanges exchanges.csv --output clock.png)";

Result<Figure> read_delay_figure(const std::string& trace_path, const std::string& decisions_path,
                                 const std::string& title) {
  auto in = open_input(trace_path);
  if (!in) return in.error();
  const auto trace = read_trace(*in, trace_path);
  if (!trace) return trace.error();
  auto decisions_in = open_input(decisions_path);
  if (!decisions_in) return decisions_in.error();
  const auto decisions = read_decisions(*decisions_in, decisions_path, *trace);
  if (!decisions) return decisions.error();
  return make_delay_figure(*trace, *decisions, title);
}

Result<Figure> read_clock_figure(const std::string& estimates_path,
                                 const std::string& exchanges_path, const std::string& title) {
  auto in = open_input(estimates_path);
  if (!in) return in.error();
  const auto estimates = read_estimates(*in, estimates_path);
  if (!estimates) return estimates.error();
  std::vector<Exchange> exchanges;
  if (!exchanges_path.empty()) {
    auto exchanges_in = open_input(exchanges_path);
    if (!exchanges_in) return exchanges_in.error();
    auto read = read_exchanges(*exchanges_in, exchanges_path);
    if (!read) return read.error();
    exchanges = std::move(*read);
  }
  return make_clock_figure(*estimates, exchanges, title);
}

class PlotCommand final : public Command {
 public:
  explicit PlotCommand(CLI::App& timing)
      : Command(*timing.add_subcommand("plot", "Draw what the other commands wrote")) {
    app().footer(kExplanation);
    CLI::Option* trace = add_file(app(), "--trace", trace_, "a trace");
    CLI::Option* decisions =
        add_file(app(), "--decisions", decisions_, "what 'timing jitter' made of it");
    CLI::Option* estimates =
        add_file(app(), "--estimates", estimates_, "what 'timing clock' wrote");
    CLI::Option* exchanges =
        add_file(app(), "--exchanges", exchanges_, "what the estimates were made of");
    trace->needs(decisions);
    decisions->needs(trace);
    exchanges->needs(estimates);
    estimates->excludes(trace);
    app().add_option("--title", title_, "above the picture")->type_name("TEXT");
    add_file(app(), "--output", output_, "where to draw: a name that ends in .svg or .png")
        ->required();
  }

  Status run() override {
    const bool is_png = output_.ends_with(".png");
    if (!is_png && !output_.ends_with(".svg")) {
      return {StatusCode::kInvalidArgument,
              "--output: '" + output_ + "' ends neither in .svg nor in .png"};
    }
    if (trace_.empty() && estimates_.empty()) {
      return {StatusCode::kInvalidArgument,
              "there is nothing to draw: give --trace and --decisions, or --estimates"};
    }
    auto figure = trace_.empty() ? read_clock_figure(estimates_, exchanges_, title_)
                                 : read_delay_figure(trace_, decisions_, title_);
    if (!figure) return figure.error();
    // Half a pixel is finer than any screen shows.
    thin(*figure, 2 * kPictureWidth, 2 * kPictureHeight);
    auto out = OutputFile::create(output_, {trace_, decisions_, estimates_, exchanges_});
    if (!out) return out.error();
    if (is_png) {
      Status status = draw_png(*figure, out->unfinished().string());
      if (!status.is_ok()) return status;
    } else {
      write_svg(out->stream(), *figure);
    }
    return out->commit();
  }

 private:
  std::string trace_;
  std::string decisions_;
  std::string estimates_;
  std::string exchanges_;
  std::string title_;
  std::string output_;
};

}  // namespace

std::unique_ptr<Command> make_plot_command(CLI::App& timing) {
  return std::make_unique<PlotCommand>(timing);
}

}  // namespace echostream::tool
