// A resolver that finds what the test wants, when the test wants.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/resolver.h"

namespace echostream::testing {

/// One candidate, trusted by its fingerprint or known as `name`.
inline DialCandidate candidate_at(const std::string& address, std::string name = {}) {
  DialCandidate candidate;
  candidate.address = SocketAddress::parse(address).value();
  candidate.server_name = "camera.test";
  candidate.peer_name = std::move(name);
  return candidate;
}

class ScriptedResolver final : public Resolver {
 public:
  explicit ScriptedResolver(Loop& loop) : loop_(loop) {}

  /// What each lookup finds, and how long after its begin.
  ScriptedResolver& finds(Duration after, std::vector<DialCandidate> candidates,
                          bool is_complete = false) {
    Resolution resolution;
    resolution.candidates = std::move(candidates);
    resolution.is_complete = is_complete;
    script.emplace_back(after, std::move(resolution));
    return *this;
  }
  ScriptedResolver& fails(Duration after, Status status) {
    script.emplace_back(after, std::move(status));
    return *this;
  }

  std::vector<std::pair<Duration, Result<Resolution>>> script;
  Status verdict;
  std::vector<std::string> looked_up;
  int under_way = 0;

  std::string_view scheme() const override { return "test+lan"; }
  Status check(std::string_view, const Trust&) const override { return verdict; }
  std::unique_ptr<Pending> resolve(std::string name, const Trust&, Callback callback) override {
    looked_up.push_back(std::move(name));
    return std::make_unique<Play>(*this, std::move(callback));
  }

 private:
  class Play final : public Pending {
   public:
    Play(ScriptedResolver& resolver, Callback callback)
        : resolver_(resolver),
          script_(resolver.script),
          callback_(std::move(callback)),
          begun_(resolver.loop_.now()),
          tasks_(resolver.loop_) {
      ++resolver_.under_way;
      tasks_.spawn(play());
    }
    ~Play() override { --resolver_.under_way; }

   private:
    Task<void> play() {
      for (auto& [after, result] : script_) {
        (void)co_await sleep_until(begun_ + after);
        callback_(std::move(result));
      }
    }

    ScriptedResolver& resolver_;
    std::vector<std::pair<Duration, Result<Resolution>>> script_;
    Callback callback_;
    const LocalTime begun_;
    TaskGroup tasks_;
  };

  Loop& loop_;
};

}  // namespace echostream::testing
