// What is known of the health of each service, and who watches it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/wait.h"
#include "echostream/plugins/health.h"
#include "echostream/session.h"

namespace echostream::internal {

class HealthBoard {
 public:
  explicit HealthBoard(HealthOptions options) : options_(options) {
    services_.emplace("", Health::kServing);
  }

  /// Nothing when it is not known.
  std::optional<Health> of(std::string_view service) const;
  void set(std::string_view service, Health health);
  /// Known from now on; what was set before holds.
  void add(std::string_view service);
  void drain();
  bool is_draining() const noexcept { return is_draining_; }
  /// Watches are to end once they have told the last status.
  void end_watches();
  bool have_watches_ended() const noexcept { return watches_have_ended_; }
  WaitPoint& changed() noexcept { return changed_; }
  std::size_t watches() const noexcept { return watching_.size(); }

  /// A watch's place. The board outlives it.
  class Place {
   public:
    Place(HealthBoard& board, Session session) noexcept
        : board_(board), session_(std::move(session)) {}
    ~Place() { board_.leave(session_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    HealthBoard& board_;
    const Session session_;
  };
  /// Makes room for a Place, or says why there is none.
  Status enter(const Session& session);

 private:
  void leave(const Session& session);

  const HealthOptions options_;
  std::map<std::string, Health, std::less<>> services_;
  bool is_draining_ = false;
  bool watches_have_ended_ = false;
  std::vector<Session> watching_;
  WaitPoint changed_;
};

}  // namespace echostream::internal
