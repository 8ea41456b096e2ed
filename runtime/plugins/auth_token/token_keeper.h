// The calling side's token: fetched when it is needed, kept until shortly before it expires.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/loop.h"
#include "echostream/plugins/auth_token.h"

namespace echostream::auth_token {

class TokenKeeper {
 public:
  TokenKeeper(Loop& loop, TokenSource source, Duration refresh_before, Duration fetch_timeout);

  /// What goes into `authorization`, with a token that has not expired; waits for one until
  /// `deadline` when there is none. The source is asked by one at a time, ahead of time, and not
  /// again within a second of its last failure.
  Task<Result<std::string>> get(LocalTime deadline);
  /// The same when there is no need to wait, which is nearly always; null when there is.
  const std::string* ready(LocalTime now);
  /// The number of the latest one, which goes up whenever the source gives another; 0 before the
  /// first.
  std::int64_t number() const { return number_; }
  bool is_latest(std::string_view header) const { return header == header_; }
  /// A peer did not take that one: the next call gets another, if the source has one.
  void reject(std::string_view header);
  /// Whether it is the latest one, or the one before.
  bool is_ours(std::string_view header) const {
    return !header.empty() && (header == header_ || header == last_header_);
  }

 private:
  static constexpr Duration kPause = std::chrono::seconds(1);
  static constexpr Duration kLookAgain = std::chrono::seconds(1);

  bool is_fresh(WallTime now) const;
  bool is_good(WallTime now) const;
  void refresh();
  Task<void> run_source();
  void store(Result<BearerToken> fetched);

  Loop& loop_;
  TokenSource source_;
  Duration refresh_before_;
  Duration fetch_timeout_;
  /// "Bearer ..."; empty while there is none.
  std::string header_;
  std::string last_header_;
  std::int64_t number_ = 0;
  std::optional<WallTime> expires_;
  bool is_rejected_ = false;
  bool is_refreshing_ = false;
  /// Until then nobody need look at the wall clock, which may be set meanwhile.
  LocalTime fresh_until_{LocalTime::min()};
  /// Why the last refresh failed; OK when it did not.
  Status failure_;
  LocalTime next_try_{LocalTime::min()};
  WaitPoint refreshed_;
  TaskGroup tasks_;
};

}  // namespace echostream::auth_token
