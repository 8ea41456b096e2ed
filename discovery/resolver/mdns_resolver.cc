#include "echostream/discovery/mdns_resolver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "echostream/base/printable.h"
#include "echostream/base/task_group.h"
#include "echostream/discovery/browser.h"

#include "discovery/resolver/candidates.h"
#include "discovery/resolver/target.h"

namespace echostream::discovery {
namespace {

// A Browser does not tell when it has become complete: it is asked.
constexpr Duration kBetweenLooks = std::chrono::milliseconds(100);

constexpr char kUseServerName[] =
    "set MdnsResolverOptions::server_name to the name that every device's certificate has";

BrowseFilter filter_for(const MdnsTarget& target) {
  BrowseFilter filter;
  (target.kind == MdnsTarget::Kind::kService ? filter.service : filter.name) = target.text;
  return filter;
}

class Lookup final : public Pending {
 public:
  Lookup(Loop& loop, std::shared_ptr<DnsSd> dns_sd, const MdnsTarget& target,
         const std::string& server_name, const Trust& trust, Resolver::Callback callback)
      : loop_(loop),
        callback_(std::make_shared<Resolver::Callback>(std::move(callback))),
        candidates_(target, server_name, trust, loop.now()),
        browser_(loop, std::move(dns_sd), filter_for(target)),
        tasks_(loop) {
    tasks_.spawn(watch());
    loop_.arm(timer_, loop_.now() + kBetweenLooks);
  }

 private:
  struct Reporter final : ReadyNode {
    explicit Reporter(Lookup& lookup) noexcept : owner(lookup) {}
    void on_ready() override { owner.report(); }
    Lookup& owner;
  };
  struct Timer final : TimerNode {
    explicit Timer(Lookup& lookup) noexcept : owner(lookup) {}
    void on_timer(LocalTime) override { owner.loop_.schedule(owner.reporter_); }
    Lookup& owner;
  };

  Task<void> watch() {
    for (;;) {
      const Result<NodeEvent> event = co_await browser_.next();
      if (!event) error_ = event.error();
      loop_.schedule(reporter_);
      if (!event && !candidates_.has_given()) co_return;
    }
  }

  // The callback may destroy this, so nothing comes after it.
  void report() {
    if (has_failed_) return;
    const LocalTime now = loop_.now();
    Resolution found;
    found.candidates = candidates_.update(browser_.nodes(), now);
    if (!candidates_.has_given() && !error_.is_ok()) return fail(error_);

    const LocalTime held_until = candidates_.held_until();
    // What was found before the daemon was lost may still be reached.
    found.is_complete = held_until == kNever && (browser_.is_complete() || !error_.is_ok());
    if (found.is_complete && !candidates_.has_given() && !candidates_.incompatible().is_ok()) {
      return fail(candidates_.incompatible());
    }
    loop_.arm(timer_, found.is_complete ? kNever : std::min(held_until, now + kBetweenLooks));
    const bool is_news = !found.candidates.empty() || found.is_complete != was_complete_;
    was_complete_ = found.is_complete;
    if (!is_news) return;
    const auto callback = callback_;
    (*callback)(std::move(found));
  }

  void fail(Status error) {
    has_failed_ = true;
    loop_.arm(timer_, kNever);
    const auto callback = callback_;
    (*callback)(std::move(error));
  }

  Loop& loop_;
  const std::shared_ptr<Resolver::Callback> callback_;
  CandidateList candidates_;
  Browser browser_;
  /// Of the daemon, when it was lost.
  Status error_;
  bool has_failed_ = false;
  bool was_complete_ = false;
  Reporter reporter_{*this};
  Timer timer_{*this};
  // Last: it uses what stands above.
  TaskGroup tasks_;
};

// Says that looking is not possible.
class Refusal final : public Pending, private ReadyNode {
 public:
  Refusal(Loop& loop, Status why, Resolver::Callback callback)
      : why_(std::move(why)), callback_(std::move(callback)) {
    loop.schedule(*this);
  }

 private:
  void on_ready() override {
    auto callback = std::move(callback_);
    callback(std::move(why_));
  }
  Status why_;
  Resolver::Callback callback_;
};

class MdnsResolver final : public Resolver {
 public:
  MdnsResolver(Loop& loop, std::shared_ptr<DnsSd> dns_sd, MdnsResolverOptions options)
      : loop_(loop), dns_sd_(std::move(dns_sd)), options_(std::move(options)) {}

  std::string_view scheme() const override { return kMdnsScheme; }

  Status check(std::string_view name, const Trust& trust) const override {
    auto target = parse_mdns_target(name);
    if (!target) return std::move(target).error();
    if (dns_sd_ == nullptr) {
      return {StatusCode::kInvalidArgument, "make_mdns_resolver() was given no DnsSd"};
    }
    const std::string& server_name = options_.server_name;
    if (!server_name.empty() && !is_host_name(server_name)) {
      return {StatusCode::kInvalidArgument, "MdnsResolverOptions::server_name: '" +
                                                printable(server_name.substr(0, 300)) +
                                                "' is not a host name (camera.example.com)"};
    }
    if (trust.mode() != Trust::Mode::kAuthorities || !server_name.empty()) return Status::ok();
    if (target->kind == MdnsTarget::Kind::kService) {
      return {StatusCode::kFailedPrecondition,
              "certificate authorities vouch for names, and '" + target->text +
                  "' is a service, which anybody could announce: dial a device by its name, or " +
                  kUseServerName};
    }
    if (is_host_name(target->text)) return Status::ok();
    return {StatusCode::kFailedPrecondition, "no certificate can be for '" + target->text +
                                                 "', which is not a host name: " + kUseServerName};
  }

  std::unique_ptr<Pending> resolve(std::string name, const Trust& trust,
                                   Callback callback) override {
    if (Status usable = check(name, trust); !usable.is_ok()) {
      return std::make_unique<Refusal>(loop_, std::move(usable), std::move(callback));
    }
    return std::make_unique<Lookup>(loop_, dns_sd_, *parse_mdns_target(name), options_.server_name,
                                    trust, std::move(callback));
  }

 private:
  Loop& loop_;
  const std::shared_ptr<DnsSd> dns_sd_;
  const MdnsResolverOptions options_;
};

}  // namespace

std::shared_ptr<Resolver> make_mdns_resolver(Loop& loop, std::shared_ptr<DnsSd> dns_sd,
                                             MdnsResolverOptions options) {
  return std::make_shared<MdnsResolver>(loop, std::move(dns_sd), std::move(options));
}

}  // namespace echostream::discovery
