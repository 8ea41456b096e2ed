#include "runtime/plugins/auth_token/token_keeper.h"

#include <exception>
#include <utility>

#include "runtime/plugins/auth_token/signed_token.h"

namespace echostream::auth_token {
namespace {

// RFC 6750 section 2.1, as far as it goes.
bool can_be_sent(std::string_view token) {
  if (token.empty() || token.size() > kMaxTokenBytes) return false;
  for (const char c : token) {
    if (c <= 0x20 || c > 0x7e) return false;
  }
  return true;
}

}  // namespace

TokenKeeper::TokenKeeper(Loop& loop, TokenSource source, Duration refresh_before,
                         Duration fetch_timeout)
    : loop_(loop),
      source_(std::move(source)),
      refresh_before_(refresh_before),
      fetch_timeout_(fetch_timeout),
      tasks_(loop) {}

bool TokenKeeper::is_good(WallTime now) const {
  return !header_.empty() && (!expires_ || now < *expires_);
}

bool TokenKeeper::is_fresh(WallTime now) const {
  return is_good(now) && !is_rejected_ && (!expires_ || now < *expires_ - refresh_before_);
}

const std::string* TokenKeeper::ready(LocalTime now) {
  if (now < fresh_until_) return &header_;
  const WallTime time_of_day = loop_.wall_time();
  if (is_fresh(time_of_day)) {
    fresh_until_ = deadline_after(now, kLookAgain);
    return &header_;
  }
  if (!is_refreshing_ && now >= next_try_) refresh();
  // One that was not taken once may be good for others; a newer one is worth the wait.
  return is_good(time_of_day) && !(is_rejected_ && is_refreshing_) ? &header_ : nullptr;
}

Task<Result<std::string>> TokenKeeper::get(LocalTime deadline) {
  while (true) {
    if (const std::string* header = ready(loop_.now())) co_return *header;
    if (!is_refreshing_) {
      co_return failure_.is_ok() ? Status(StatusCode::kUnavailable, "no token was to be had")
                                 : failure_;
    }
    const WaitResult woken = co_await refreshed_.wait(deadline);
    if (woken == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "cancelled while waiting for a token");
    }
    if (woken == WaitResult::kDeadline) {
      co_return Status(StatusCode::kDeadlineExceeded, "no token came in time");
    }
  }
}

void TokenKeeper::reject(std::string_view header) {
  if (header != header_) return;
  is_rejected_ = true;
  fresh_until_ = LocalTime::min();
}

void TokenKeeper::refresh() {
  is_refreshing_ = true;
  tasks_.spawn(run_source());
}

Task<void> TokenKeeper::run_source() {
  std::optional<Result<BearerToken>> slot;
  std::exception_ptr thrown;
  {
    TaskGroup group(loop_);
    try {
      group.spawn(internal::store_or_catch(source_(), slot, thrown));
    } catch (...) {
      thrown = std::current_exception();
    }
    (void)co_await group.join(deadline_after(loop_.now(), fetch_timeout_));
  }
  if (thrown) {
    slot.emplace(Status(StatusCode::kInternal, "the token source threw"));
  } else if (!slot) {
    slot.emplace(Status(StatusCode::kUnavailable, "the token source took too long"));
  }
  store(*std::move(slot));
}

void TokenKeeper::store(Result<BearerToken> fetched) {
  is_refreshing_ = false;
  next_try_ = loop_.now() + kPause;
  if (fetched && !can_be_sent(fetched->token)) {
    fetched = Status(StatusCode::kInternal,
                     "the token source gave what is no token: 1 to 4096 printable characters");
  }
  if (fetched) {
    is_rejected_ = false;
    fresh_until_ = LocalTime::min();
    failure_ = Status();
    std::string header = "Bearer " + fetched->token;
    if (header != header_) {
      last_header_ = std::exchange(header_, std::move(header));
      ++number_;
    }
    expires_ = fetched->expires;
  } else {
    failure_ = fetched.error().with_context("no token");
  }
  refreshed_.notify_all();
}

}  // namespace echostream::auth_token
