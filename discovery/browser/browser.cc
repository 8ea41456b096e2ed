#include "echostream/discovery/browser.h"

#include <utility>

#include "echostream/base/backoff.h"
#include "echostream/base/printable.h"
#include "echostream/base/wait.h"

#include "discovery/browser/instance_table.h"
#include "discovery/browser/node_list.h"
#include "discovery/records/names.h"

namespace echostream::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kFirstRetry = milliseconds(100);
constexpr Duration kLongestRetry = seconds(10);
/// Between two looks for those that had been forgotten for want of room.
constexpr Duration kLookAgain = seconds(30);
/// For answers, after all have been named, until what is known counts as complete.
constexpr Duration kAnswersTime = seconds(2);
constexpr std::size_t kMostNameBytes = 63;

Status cancelled() { return Status(StatusCode::kCancelled, "browsing was cancelled"); }

}  // namespace

struct Browser::Impl final : InstanceTable::Owner {
  Impl(Loop& loop_in, std::shared_ptr<DnsSd> dns_sd_in, BrowseFilter filter_in);
  void close();

  static Task<Result<NodeEvent>> next(std::shared_ptr<Impl> self, LocalTime deadline);

  // What the daemon says.
  void handle_status(const Status& now);
  void handle_browse(Result<InstanceEvent> event);
  void lose(const Status& why);
  void browse();
  void browse_again();
  void handle_timer();
  /// After anything has changed.
  void settle();

  // InstanceTable::Owner
  bool has_room() const override { return nodes.has_room(); }
  bool is_wanted(const Instance& instance) const override {
    return nodes.has_room() || nodes.shows(instance.name);
  }
  InstanceTable::Verdict handle_answer(const Instance& instance,
                                       const ResolvedInstance& says) override;
  void handle_lost(const Instance& instance) override { nodes.remove(instance); }
  void handle_settled() override { settle(); }

  struct Timer final : TimerNode {
    explicit Timer(Impl& impl) : owner(impl) {}
    void on_timer(LocalTime) override { owner.handle_timer(); }
    Impl& owner;
  };

  Loop& loop;
  std::shared_ptr<DnsSd> dns_sd;
  BrowseFilter filter;
  NodeList nodes;
  InstanceTable table;
  Timer timer{*this};
  Backoff backoff{kFirstRetry, kLongestRetry, 2};
  std::unique_ptr<Pending> watching;
  std::unique_ptr<Pending> browsing;
  Status status;
  std::optional<Status> unreported;  // the error that next() has not said yet
  bool is_daemon_there = false;
  std::optional<LocalTime> named_at;  // when all had been named
  bool is_complete = false;
  bool is_closed = false;
  std::uint64_t nameless = 0;
  WaitPoint changed;
};

Browser::Impl::Impl(Loop& loop_in, std::shared_ptr<DnsSd> dns_sd_in, BrowseFilter filter_in)
    : loop(loop_in),
      dns_sd(std::move(dns_sd_in)),
      filter(std::move(filter_in)),
      nodes(filter),
      table(loop, *dns_sd, *this) {
  watching = dns_sd->watch_status([this](const Status& now) { handle_status(now); });
}

void Browser::Impl::close() {
  is_closed = true;
  watching.reset();
  browsing.reset();
  timer.disarm();
  table.clear();
  changed.notify_all();
}

void Browser::Impl::handle_status(const Status& now) {
  is_daemon_there = now.is_ok();
  if (!is_daemon_there) return lose(now);
  backoff.reset();
  status = Status();
  if (browsing == nullptr) browse();
}

void Browser::Impl::browse() {
  timer.disarm();
  const std::string type = filter.service.empty() ? kServiceType : subtype_of(filter.service);
  browsing = dns_sd->browse(
      type, [this](Result<InstanceEvent> event) { handle_browse(std::move(event)); });
}

// The daemon names them all once more; those that it does not name have gone meanwhile.
void Browser::Impl::browse_again() {
  is_complete = true;
  named_at.reset();
  table.begin_round();
  browse();
}

void Browser::Impl::lose(const Status& why) {
  if (status.is_ok()) unreported = why;
  status = why;
  timer.disarm();
  browsing.reset();
  named_at.reset();
  is_complete = false;
  table.clear();
  settle();
}

void Browser::Impl::handle_timer() {
  if (browsing == nullptr) return browse();
  browse_again();
}

void Browser::Impl::handle_browse(Result<InstanceEvent> event) {
  if (!event) {
    lose(event.error());
    std::uint64_t random = 0;
    loop.fill_random(MutableBytes(reinterpret_cast<std::uint8_t*>(&random), sizeof(random)));
    if (is_daemon_there) loop.arm(timer, loop.now() + backoff.next(random));
    return;
  }
  status = Status();
  const Instance& instance = event->instance;
  switch (event->kind) {
    case InstanceEvent::Kind::kAppeared:
      if (instance.name.empty() || instance.name.size() > kMostNameBytes) {
        ++nameless;
      } else if (filter.name.empty() || instance.name == filter.name) {
        table.add(instance);
      }
      break;
    case InstanceEvent::Kind::kGone:
      table.remove(instance);
      break;
    case InstanceEvent::Kind::kAllForNow:
      backoff.reset();
      if (!named_at) named_at = loop.now();
      table.end_round();
      break;
  }
  settle();
}

InstanceTable::Verdict Browser::Impl::handle_answer(const Instance& instance,
                                                    const ResolvedInstance& says) {
  using Verdict = InstanceTable::Verdict;
  auto sighting = read_sighting(instance, says);
  if (!sighting) {
    nodes.remove(instance);
    return Verdict::kMakesNoSense;
  }
  if (sighting->record.is_leaving) {
    // Until it says something else, or its goodbye has taken effect.
    nodes.remove(instance);
    return Verdict::kDoesNotFit;
  }
  switch (nodes.set(instance, *std::move(sighting))) {
    case NodeList::Verdict::kShown:
      return Verdict::kShown;
    case NodeList::Verdict::kNoRoom:
      return Verdict::kNoRoom;
    case NodeList::Verdict::kDoesNotFit:
      break;
  }
  return Verdict::kDoesNotFit;
}

void Browser::Impl::settle() {
  if (named_at && !table.has_questions()) is_complete = true;
  if (named_at && table.is_short() && !timer.is_armed()) loop.arm(timer, loop.now() + kLookAgain);
  if (nodes.has_event() || unreported) changed.notify_all();
}

Task<Result<NodeEvent>> Browser::Impl::next(std::shared_ptr<Impl> self, LocalTime deadline) {
  const internal::TaskContext context = co_await internal::current_context();
  while (true) {
    const bool is_cancelled = context.call != nullptr && context.call->is_cancelled();
    if (self->is_closed || is_cancelled) co_return cancelled();
    if (self->unreported) co_return *std::exchange(self->unreported, std::nullopt);
    if (auto event = self->nodes.take_event()) co_return *std::move(event);
    const WaitResult result = co_await self->changed.wait(deadline);
    if (result == WaitResult::kCancelled) co_return cancelled();
    if (result == WaitResult::kDeadline) {
      co_return Status(StatusCode::kDeadlineExceeded, "nothing has changed");
    }
  }
}

Browser::Browser(Loop& loop, std::shared_ptr<DnsSd> dns_sd, BrowseFilter filter)
    : impl_(std::make_shared<Impl>(loop, std::move(dns_sd), std::move(filter))) {}
Browser::~Browser() { impl_->close(); }

Task<Result<NodeEvent>> Browser::next() { return Impl::next(impl_, kNever); }
std::vector<DiscoveredNode> Browser::nodes() const { return impl_->nodes.nodes(); }
Status Browser::status() const { return impl_->status; }
bool Browser::is_complete() const {
  const auto& named_at = impl_->named_at;
  return impl_->is_complete || (named_at && impl_->loop.now() >= *named_at + kAnswersTime);
}
BrowserStats Browser::stats() const {
  BrowserStats stats;
  stats.ignored = impl_->table.ignored() + impl_->nameless;
  return stats;
}

namespace {

std::string wanted(const BrowseFilter& filter) {
  std::string text = "no node";
  if (!filter.name.empty()) text += " of the name \"" + printable(filter.name) + "\"";
  if (!filter.service.empty()) text += " that serves " + printable(filter.service);
  for (const auto& [key, value] : filter.properties) {
    text += " with " + printable(key) + "=" + printable(value);
  }
  return text;
}

}  // namespace

Task<Result<DiscoveredNode>> find(Loop& loop, std::shared_ptr<DnsSd> dns_sd, BrowseFilter filter,
                                  Duration timeout) {
  const LocalTime deadline = deadline_after(loop.now(), timeout);
  const std::string sought = wanted(filter);
  const auto browser = std::make_shared<Browser::Impl>(loop, std::move(dns_sd), std::move(filter));
  while (true) {
    auto event = co_await Browser::Impl::next(browser, deadline);
    if (!event && event.error().code() == StatusCode::kDeadlineExceeded) {
      const auto time = std::chrono::duration_cast<milliseconds>(timeout).count();
      co_return Status(StatusCode::kNotFound, sought + " was found on the local network within " +
                                                  std::to_string(time) + " ms");
    }
    if (!event) co_return event.error();
    if (event->kind != NodeEvent::Kind::kGone) co_return std::move(event->node);
  }
}

}  // namespace echostream::discovery
