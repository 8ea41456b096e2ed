// lipsync-seat: watches a show, with both tracks in a sync group and without, and tells how sound
// and picture fitted.
#include <iostream>
#include <memory>
#include <utility>

#include "echostream/node.h"

#include "arguments/arguments.h"
#include "intercom/console.h"
#include "intercom/contact.h"
#include "report.h"
#include "stage.h"
#include "viewing.h"

namespace {

using echostream::Duration;
using echostream::Loop;
using echostream::Node;
using echostream::NodeOptions;
using echostream::Session;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using lipsync::Viewing;
using lipsync::ViewingFigures;

struct Options {
  std::string contact_path;
  std::string to;
  double seconds = 15;
  std::string sync = "both";
  std::string out;
};

// Above any distance on earth. It is known with the first exchange.
constexpr Duration kClockBound = std::chrono::seconds(1);

class Seat {
 public:
  Seat(Node& node, const Options& options) : node_(node), options_(options) {}

  Task<Status> watch(std::string address) {
    auto session = co_await node_.connect(address);
    if (!session) co_return session.error();
    Status watched = co_await watch_all(*session);
    const echostream::ClockEstimate clock = session->clock().estimate();
    co_await node_.shutdown(std::chrono::milliseconds(500));
    if (!watched.is_ok()) co_return watched;
    std::cout << lipsync::report_table(figures_, clock) << std::flush;
    co_return Status::ok();
  }

 private:
  Task<Status> watch_all(Session session) {
    Status known = co_await session.clock().wait_until_known(kClockBound);
    if (!known.is_ok()) co_return known;
    for (const bool in_sync_group : {true, false}) {
      if (options_.sync == (in_sync_group ? "no" : "yes")) continue;
      Status watched = co_await watch_once(session, in_sync_group);
      if (!watched.is_ok()) co_return watched;
    }
    co_return Status::ok();
  }

  Task<Status> watch_once(Session session, bool in_sync_group) {
    Viewing::Options viewing_options;
    viewing_options.length = Duration(static_cast<Duration::rep>(options_.seconds * 1e9));
    viewing_options.in_sync_group = in_sync_group;
    auto viewing = Viewing::make(node_.loop(), session, viewing_options);
    if (!viewing) co_return viewing.error();
    intercom::say(node_.loop(), "seat",
                  in_sync_group ? "watches the show, both tracks in one sync group"
                                : "watches the show, each track by itself");
    Status status = co_await (*viewing)->run();
    figures_.push_back(lipsync::figures_of(**viewing));
    if (!status.is_ok() || options_.out.empty()) co_return status;
    co_return (*viewing)->save(options_.out + (in_sync_group ? "/together" : "/alone"));
  }

  Node& node_;
  const Options& options_;
  std::vector<ViewingFigures> figures_;
};

Status watch(const Options& options) {
  auto contact = intercom::read_contact(options.contact_path);
  if (!contact) return contact.error();
  auto loop = echostream::make_loop();
  if (!loop) return loop.error();
  NodeOptions node_options;
  node_options.trust = echostream::Trust::pinned({contact->fingerprint});
  Node node(**loop, std::move(node_options));
  // Ctrl-C closes the session; the show then ends with an error of its own.
  auto signals = (*loop)->watch_stop_signals([&](int) {
    for (Session session : node.sessions()) session.close("the seat was left");
  });
  if (!signals) return signals.error();
  Seat seat(node, options);
  return echostream::run(**loop, seat.watch(options.to.empty() ? contact->address : options.to));
}

Status check(const Options& options) {
  if (options.sync != "yes" && options.sync != "no" && options.sync != "both") {
    return {StatusCode::kInvalidArgument, "--sync is 'yes', 'no' or 'both'"};
  }
  const double most = std::chrono::duration<double>(lipsync::kLongestShow).count();
  if (options.seconds < 1 || options.seconds > most) {
    return {StatusCode::kInvalidArgument, "--seconds is from 1 to 600"};
  }
  return Status::ok();
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  examples::Arguments flags("lipsync-seat",
                            "Watches the show of a lipsync-stage, and tells how sound and picture "
                            "arrived and how well\nthey fitted.");
  flags.text("--contact", "FILE", "what the stage wrote", options.contact_path);
  flags.required();
  flags.text("--to", "ADDRESS", "where the stage is, if not at the address in that file",
             options.to);
  flags.seconds("--seconds", "how long to watch, each time [15]", options.seconds);
  flags.text("--sync", "yes|no|both",
             "both tracks in one sync group, each by itself, or one after the other [both]",
             options.sync);
  flags.text("--out", "FOLDER", "where to write what became of each frame, and the sound",
             options.out);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const Status valid = check(options);
  if (!valid.is_ok()) {
    std::cerr << "lipsync-seat: " << valid.message() << '\n';
    return 2;
  }

  const Status status = watch(options);
  if (status.is_ok()) return 0;
  std::cerr << "lipsync-seat: " << status << '\n';
  return 1;
}
