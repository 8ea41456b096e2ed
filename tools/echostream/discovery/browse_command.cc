// echostream browse: who is there on the local network.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "echostream/discovery/browser.h"

#include "tools/echostream/discovery/daemon.h"
#include "tools/echostream/discovery/discovery_command.h"
#include "tools/echostream/discovery/node_text.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/discovery/until_stopped.h"
#include "tools/echostream/io/live_lines.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

using discovery::Browser;
using discovery::DnsSd;
using discovery::NodeEvent;

constexpr const char* kExplanation =
    R"(Shows the nodes that announce themselves on the networks that this machine is on: a table that
follows what changes, on a terminal; otherwise a line for each change:

  appeared  camera at the door  192.0.2.7:4433  acme.v1.Camera  location=door

With --json, an object for each change, with "event" (appeared, changed, gone), "name", "host",
"addresses", "services", "id", "fingerprint" (or null), "protocol_version" and "properties"; an error is
one with "status", "code", "message" and "details".
Ctrl-C ends it. With --once it shows those that are there now and ends; nobody is no error.

What is shown is what they say of themselves, and anybody on the network may say anything: whom to
trust is decided when one connects (docs/discovery.md). Bytes that are not printable are shown as
"\x1b", a backslash as two.

It needs avahi-daemon on this machine; exit code 1 says at once that there is none.

Examples:
  echostream browse
  echostream browse --service acme.v1.Camera --property location=door --once
  echostream browse --json | jq -r 'select(.event == "appeared") | .name')";

// Longest wait of --once for whoever is slow to say where it is.
constexpr Duration kOnceLimit = std::chrono::seconds(5);

// A table on a terminal, drawn over itself.
class LiveTable {
 public:
  void draw(const std::vector<discovery::DiscoveredNode>& nodes, const Status& status) {
    std::vector<std::string> lines = node_table(nodes);
    if (nodes.empty()) lines.front() = "Nobody is there yet. Ctrl-C ends this.";
    // One row is left for the cursor, one for what is told below the table.
    const std::size_t room = std::max<std::size_t>(terminal_rows(), 4) - 2;
    const std::size_t hidden = lines.size() > room ? lines.size() - room : 0;
    lines.resize(lines.size() - hidden);
    if (!status.is_ok()) {
      lines.emplace_back(status.message());
    } else if (hidden > 0) {
      lines.push_back("... and " + std::to_string(hidden) + " more");
    }
    table_.draw(lines);
  }

 private:
  LiveLines table_;
};

class BrowseCommand final : public Command {
 public:
  explicit BrowseCommand(CLI::App& program)
      : Command(*program.add_subcommand("browse", "Show the nodes on the local network")) {
    app().footer(kExplanation);
    app().add_option("--service", filter_.service, "only those that serve it: acme.v1.Camera");
    app().add_option("--name", filter_.name, "only those of exactly that name");
    app().add_option("--property", properties_,
                     "KEY=VALUE: only those that say so; may be repeated");
    app().add_flag("--once", once_, "show who is there now, and end");
    add_json_flag("an object for each change, or node, in a line of its own");
    limit_option_ = add_milliseconds(app(), "--timeout", limit_, 1,
                                     "end after that long; with --once, how long to wait for who "
                                     "is slow [5000]");
  }

  Status run() override {
    for (const std::string& text : properties_) {
      auto property = parse_property(text);
      if (!property) return property.error();
      filter_.properties.push_back(*property);
    }
    auto loop = make_loop();
    if (!loop) return loop.error();
    const auto dns_sd = discovery::make_system_dns_sd(**loop);
    const bool has_limit = limit_option_->count() > 0;
    if (once_) {
      return run_until_stopped(**loop, look_once(**loop, dns_sd, has_limit ? limit_ : kOnceLimit));
    }
    std::optional<Duration> limit;
    if (has_limit) limit = limit_;
    return run_until_stopped(**loop, follow(**loop, dns_sd), limit);
  }

 private:
  Task<Status> look_once(Loop& loop, std::shared_ptr<DnsSd> dns_sd, Duration limit) {
    const LocalTime deadline = loop.now() + limit;
    Status usable = co_await daemon_status(*dns_sd);
    if (!usable.is_ok()) co_return usable;
    Browser browser(loop, dns_sd, filter_);
    while (!browser.is_complete() && browser.status().is_ok() && loop.now() < deadline) {
      (void)co_await sleep_for(std::chrono::milliseconds(20));
    }
    if (!browser.status().is_ok()) co_return browser.status();
    show(browser.nodes());
    co_return Status::ok();
  }

  void show(const std::vector<discovery::DiscoveredNode>& nodes) const {
    if (wants_json()) {
      for (const auto& node : nodes) {
        std::cout << event_json({NodeEvent::Kind::kAppeared, node}) << '\n';
      }
    } else if (nodes.empty()) {
      std::cerr << "nobody is there\n";
    } else {
      for (const std::string& line : node_table(nodes)) std::cout << line << '\n';
    }
  }

  Task<Status> follow(Loop& loop, std::shared_ptr<DnsSd> dns_sd) {
    Status usable = co_await daemon_status(*dns_sd);
    if (!usable.is_ok()) co_return usable;
    Browser browser(loop, dns_sd, filter_);
    if (!wants_json() && terminal_rows() > 0) co_await follow_in_table(browser);
    for (;;) {
      auto event = co_await browser.next();
      if (!event) {
        // It goes on by itself when the daemon is back.
        std::cerr << "echostream browse: " << event.error().message() << '\n';
        continue;
      }
      std::cout << (wants_json() ? event_json(*event) : event_line(*event)) << std::endl;
      if (!std::cout) co_return Status(StatusCode::kUnavailable, "cannot write the output");
    }
  }

  static Task<void> follow_in_table(Browser& browser) {
    LiveTable table;
    table.draw({}, Status::ok());
    for (;;) {
      auto event = co_await browser.next();
      table.draw(browser.nodes(), event.status());
      // What changes faster than one can read is drawn together.
      (void)co_await sleep_for(std::chrono::milliseconds(100));
    }
  }

  discovery::BrowseFilter filter_;
  std::vector<std::string> properties_;
  bool once_ = false;
  Duration limit_{};
  CLI::Option* limit_option_ = nullptr;
};

}  // namespace

std::unique_ptr<Command> make_browse_command(CLI::App& program) {
  return std::make_unique<BrowseCommand>(program);
}

}  // namespace echostream::tool
