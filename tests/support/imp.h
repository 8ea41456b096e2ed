// A layer of middleware that does, at random, whatever a layer can do.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>

#include "tests/support/layers.h"

namespace echostream::testing {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(engine_); }
  bool one_in(int many) { return below(many) == 0; }
  Duration ms_below(int end) { return std::chrono::milliseconds(below(end)); }

 private:
  std::mt19937_64 engine_;
};

/// How many layers are somewhere inside their calls.
class Inside {
 public:
  explicit Inside(int& count) : count_(count) { ++count_; }
  ~Inside() { --count_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  int& count_;
};

/// All of them share the dice, and count themselves where they are inside a call.
class Imp final : public Layer {
 public:
  Imp(Dice& dice, int& inside) : dice_(dice), inside_(inside) {}
  std::string_view name() const override { return "imp"; }

  Task<Status> around(InterceptedCall& call, Next next) override {
    const Inside here(inside_);
    Status status;
    switch (dice_.below(20)) {
      case 0:
        (void)co_await sleep_for(dice_.ms_below(30));
        break;
      case 1:
        status = co_await next();
        (void)co_await sleep_for(dice_.ms_below(30));
        co_return status;
      case 2:
        for (int left = dice_.below(3); left > 0; --left) (void)co_await next();
        break;
      case 3:
        status = co_await give_up(call, next);
        co_return status;
      case 4:
        if (dice_.one_in(2)) (void)co_await next();
        throw std::runtime_error("an imp");
      case 5:
        if (dice_.one_in(2)) call.set_reply(Buffer::copy(""));
        co_return Status::ok();
      case 6:
        call.trailing_metadata().add("imp", "was here");
        co_return Status(StatusCode::kAborted, "an imp");
      case 7:
        add_filter(call);
        break;
      case 8:
        call.set_deadline(call.executor().now() + dice_.ms_below(50));
        break;
      case 9:
        call.response_metadata().add("before", "1");
        status = co_await next();
        call.response_metadata().add("after", "1");
        if (call.reply()) call.set_reply(*call.reply());
        co_return status;
      case 10:
        (void)co_await call.wait_session();
        break;
      default:
        break;
    }
    status = co_await next();
    co_return status;
  }

 private:
  Task<Status> give_up(InterceptedCall& call, Next next) {
    std::optional<Status> status;
    TaskGroup group(call.executor());
    group.spawn(internal::store(next(), status));
    (void)co_await group.join(call.executor().now() + dice_.ms_below(40));
    if (status) co_return *std::move(status);
    co_return Status(StatusCode::kUnavailable, "gave up");
  }
  void add_filter(InterceptedCall& call) {
    call.add_filter(std::make_unique<FunctionFilter>(
        [left = dice_.below(5), throws = dice_.one_in(2)](CallMessage&) mutable {
          if (left-- > 0) return Status::ok();
          if (throws) throw std::runtime_error("an imp's filter");
          return Status(StatusCode::kDataLoss, "an imp's filter");
        }));
  }

  Dice& dice_;
  int& inside_;
};

}  // namespace echostream::testing
