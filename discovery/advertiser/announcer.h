// Keeps one registration published through all that a network does to it: names that others have,
// daemons that come and go, changes that come too fast. Knows nothing of nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "echostream/base/backoff.h"
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/loop.h"

namespace echostream::discovery {

class Announcer {
 public:
  /// `on_change` runs whenever status() may be another: from callbacks of `dns_sd`, timers, and
  /// inside want(). It must not destroy the Announcer.
  Announcer(Loop& loop, std::shared_ptr<DnsSd> dns_sd, std::string name,
            std::function<void()> on_change);
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  /// What to publish from now on, under name(); or why that is not possible at present, which
  /// withdraws it.
  void want(Result<Registration> wanted);
  /// The one in use; another than that at the beginning when somebody else has that.
  const std::string& name() const noexcept { return status_.name; }
  const AdvertiserStatus& status() const noexcept { return status_; }
  /// Whether the daemon has said anything yet.
  bool has_heard_daemon() const noexcept { return daemon_.has_value(); }

 private:
  struct Timer final : TimerNode {
    explicit Timer(Announcer& announcer) noexcept : owner(announcer) {}
    void on_timer(LocalTime) override { owner.act(); }
    Announcer& owner;
  };

  void on_daemon(const Status& status);
  void on_published(const Status& result);
  void on_collision();
  void lose(const Status& why);
  void act();
  void publish();
  void update();
  void withdraw() noexcept;
  void set_status(AdvertiserStatus::State state, Status error);
  void pause_before_publishing(Duration pause);
  Status why_waiting() const;

  Loop& loop_;
  const std::shared_ptr<DnsSd> dns_sd_;
  const std::function<void()> on_change_;
  AdvertiserStatus status_;
  std::optional<Status> daemon_;
  Result<Registration> wanted_;
  /// What publish() or update() was last told.
  Registration published_;
  bool is_confirmed_ = false;
  /// Why `wanted_` is not tried again: it makes no sense to the daemon.
  Status refused_;
  /// Why it was ended; it is tried again.
  Status lost_;
  LocalTime publish_after_{};
  LocalTime update_after_{};
  Backoff backoff_;
  LocalTime last_collision_{};
  int collisions_ = 0;
  Timer timer_{*this};
  // Last: their callbacks end first.
  std::unique_ptr<Pending> watch_;
  std::unique_ptr<Publication> publication_;
};

}  // namespace echostream::discovery
