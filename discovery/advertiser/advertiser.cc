#include "echostream/discovery/advertiser.h"

#include <array>
#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "echostream/base/printable.h"
#include "echostream/base/wait.h"

#include "discovery/advertiser/announcer.h"
#include "discovery/advertiser/registration.h"
#include "discovery/records/names.h"

namespace echostream::discovery {
namespace {

using State = AdvertiserStatus::State;

// A daemon that flaps, or a neighbour who takes every name, does not fill the log.
constexpr Duration kBetweenLines = std::chrono::seconds(10);

// What those who wait look at; outlives the Advertiser for them.
struct Progress {
  bool is_announced = false;
  bool is_over = false;
  /// Why there is nothing to wait for.
  Status hopeless;
  WaitPoint changed;
};

std::string random_id(Loop& loop) {
  std::array<std::uint8_t, 8> bytes{};
  loop.fill_random(bytes);
  std::string id;
  for (const std::uint8_t byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

std::string default_name(const DnsSd& dns_sd) {
  std::string name = dns_sd.host_name();
  return check_instance_name(name).is_ok() ? name : "echostream";
}

Task<Status> wait_until_announced(std::shared_ptr<Progress> progress) {
  for (;;) {
    if (progress->is_over) {
      co_return Status(StatusCode::kCancelled, "the Advertiser was destroyed");
    }
    if (progress->is_announced) co_return Status::ok();
    if (!progress->hopeless.is_ok()) co_return progress->hopeless;
    const WaitResult result = co_await progress->changed.wait();
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
}

}  // namespace

struct Advertiser::Impl {
  Impl(Node& its_node, std::shared_ptr<DnsSd> its_dns_sd, AnnounceOptions its_options)
      : node(its_node),
        dns_sd(std::move(its_dns_sd)),
        options(std::move(its_options)),
        announcer(node.loop(), dns_sd, options.name, [this] { handle_change(); }) {
    told = announcer.status();
  }
  ~Impl() {
    progress->is_over = true;
    progress->changed.notify_all();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// INVALID_ARGUMENT when `properties` do not fit beside what the node says of itself.
  Status check(const Properties& properties) const {
    const auto made =
        make_registration(node.announcement(announcer.name()), options.node_id, properties);
    const bool fits = made.status().code() != StatusCode::kInvalidArgument;
    return fits ? Status::ok() : made.error();
  }
  void start();
  void refresh();
  void handle_change();
  void tell();
  void log(LogLevel level, const std::string& text);

  // Lines of one kind.
  struct Lines {
    std::optional<LocalTime> quiet_until;
    int unsaid = 0;
  };

  // Tells the user from the ready queue, where no function of ours is under way.
  struct Teller final : ReadyNode {
    explicit Teller(Impl& impl) noexcept : owner(impl) {}
    void on_ready() override { owner.tell(); }
    Impl& owner;
  };

  Node& node;
  const std::shared_ptr<DnsSd> dns_sd;
  AnnounceOptions options;
  bool is_listening = false;
  const std::shared_ptr<Progress> progress = std::make_shared<Progress>();
  AdvertiserStatus told;
  std::string logged_name;
  Lines good_news;
  Lines bad_news;
  Teller teller{*this};
  Announcer announcer;
  // Last: their callbacks end first.
  std::unique_ptr<Pending> node_watch;
  std::unique_ptr<Pending> network_watch;
};

void Advertiser::Impl::start() {
  node_watch = node.watch_announcement([this] { refresh(); });
  if (!options.interface.empty()) {
    // One that comes back has another number. A loop that does not tell leaves it at the first.
    auto watch = node.loop().watch_network([this] { refresh(); });
    if (watch) network_watch = *std::move(watch);
  }
  refresh();
}

void Advertiser::Impl::refresh() {
  const Announcement announcement = node.announcement(announcer.name());
  is_listening = !announcement.listening.empty();
  auto registration = make_registration(announcement, options.node_id, options.properties);
  if (registration && !options.interface.empty()) {
    const auto index = dns_sd->interface_index(options.interface);
    if (index) {
      registration->interface_index = *index;
    } else {
      registration = index.error();
    }
  }
  announcer.want(std::move(registration));
}

void Advertiser::Impl::handle_change() {
  const AdvertiserStatus& now = announcer.status();
  const bool node_is_to_listen =
      !is_listening && now.error.code() == StatusCode::kFailedPrecondition;
  progress->is_announced = now.state == State::kAnnounced;
  progress->hopeless =
      now.state == State::kWaiting && announcer.has_heard_daemon() && !node_is_to_listen ? now.error
                                                                                         : Status();
  progress->changed.notify_all();
  node.loop().schedule(teller);
}

void Advertiser::Impl::tell() {
  const AdvertiserStatus now = announcer.status();
  if (now == told) return;
  told = now;
  if (now.state == State::kAnnounced && now.name != logged_name) {
    logged_name = now.name;
    std::string text = "announced as '" + printable(now.name) + "'";
    if (now.name != options.name) {
      text += ", because another node is '" + printable(options.name) + "' already";
    }
    log(LogLevel::kInfo, text);
  } else if (now.state == State::kWaiting && is_listening && announcer.has_heard_daemon()) {
    log(LogLevel::kWarning, "not announced: " + printable(now.error.to_string()));
  }
  if (!options.on_change) return;
  // It may destroy this, and with it the function that it is.
  const auto on_change = options.on_change;
  Node& still_there = node;
  try {
    on_change(now);
  } catch (const std::exception& error) {
    still_there.log(LogLevel::kError,
                    std::string("AnnounceOptions::on_change threw: ") + error.what());
  } catch (...) {
    still_there.log(LogLevel::kError, "AnnounceOptions::on_change threw");
  }
}

void Advertiser::Impl::log(LogLevel level, const std::string& text) {
  const LocalTime now = node.loop().now();
  Lines& lines = level == LogLevel::kInfo ? good_news : bad_news;
  if (lines.quiet_until && now < *lines.quiet_until) {
    ++lines.unsaid;
    return;
  }
  lines.quiet_until = now + kBetweenLines;
  const int left_out = std::exchange(lines.unsaid, 0);
  node.log(level, "discovery: " + text +
                      (left_out > 0 ? " (" + std::to_string(left_out) + " such lines left out)"
                                    : std::string()));
}

Advertiser::Advertiser(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Advertiser::Advertiser(Advertiser&&) noexcept = default;
Advertiser& Advertiser::operator=(Advertiser&&) noexcept = default;
Advertiser::~Advertiser() = default;

AdvertiserStatus Advertiser::status() const { return impl_->announcer.status(); }

Task<Status> Advertiser::wait_announced() const { return wait_until_announced(impl_->progress); }

Status Advertiser::set_properties(Properties properties) {
  if (Status fits = impl_->check(properties); !fits.is_ok()) {
    return fits.with_context("set_properties");
  }
  impl_->options.properties = std::move(properties);
  impl_->refresh();
  return Status::ok();
}

Result<Advertiser> announce(Node& node, std::shared_ptr<DnsSd> dns_sd, AnnounceOptions options) {
  if (dns_sd == nullptr) {
    return Status(StatusCode::kInvalidArgument, "announce: there is no DnsSd");
  }
  if (options.name.empty()) options.name = default_name(*dns_sd);
  if (options.node_id.empty()) options.node_id = random_id(node.loop());
  if (Status usable = check_options(options); !usable.is_ok()) {
    return usable.with_context("announce");
  }
  auto impl = std::make_unique<Advertiser::Impl>(node, std::move(dns_sd), std::move(options));
  if (Status fits = impl->check(impl->options.properties); !fits.is_ok()) {
    return fits.with_context("announce");
  }
  impl->start();
  return Advertiser(std::move(impl));
}

}  // namespace echostream::discovery
