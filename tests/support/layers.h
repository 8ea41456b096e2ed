// Layers of middleware for tests.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/wait.h"
#include "echostream/middleware.h"

namespace echostream::testing {

/// The same on both sides.
class Layer : public Middleware {
 public:
  std::string_view name() const override { return "test_layer"; }
  Task<Status> call(InterceptedCall& call, Next next) final { return around(call, next); }
  Task<Status> serve(InterceptedCall& call, Next next) final { return around(call, next); }
  virtual Task<Status> around(InterceptedCall& call, Next next) = 0;
};

/// Writes down when it is entered ("a>") and left ("a<OK"); "a!" when it is destroyed before.
class Tracer final : public Layer {
 public:
  Tracer(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  std::string_view name() const override { return name_; }
  Task<Status> around(InterceptedCall&, Next next) override {
    log_.push_back(name_ + ">");
    Guard guard{*this};
    Status status = co_await next();
    guard.left = true;
    log_.push_back(name_ + "<" + std::string(to_string(status.code())));
    co_return status;
  }

 private:
  struct Guard {
    Tracer& tracer;
    bool left = false;
    ~Guard() {
      if (!left) tracer.log_.push_back(tracer.name_ + "!");
    }
  };
  std::string name_;
  std::vector<std::string>& log_;
};

/// Answers in place of what is inside.
class Answerer final : public Layer {
 public:
  explicit Answerer(Status status, std::optional<Buffer> reply = std::nullopt)
      : status_(std::move(status)), reply_(std::move(reply)) {}
  Task<Status> around(InterceptedCall& call, Next) override {
    if (reply_) call.set_reply(*reply_);
    co_return status_;
  }

 private:
  Status status_;
  std::optional<Buffer> reply_;
};

/// Calls next() as often as it is told, and returns the last result.
class Repeater final : public Layer {
 public:
  explicit Repeater(int times) : times_(times) {}
  Task<Status> around(InterceptedCall&, Next next) override {
    Status status;
    for (int i = 0; i < times_; ++i) status = co_await next();
    co_return status;
  }

 private:
  int times_;
};

/// Throws before or after next().
class Thrower final : public Layer {
 public:
  explicit Thrower(bool before) : before_(before) {}
  std::string_view name() const override { return "thrower"; }
  Task<Status> around(InterceptedCall&, Next next) override {
    if (before_) throw std::runtime_error("a layer's mistake");
    Status status = co_await next();
    throw std::runtime_error("a layer's mistake");
    co_return status;
  }

 private:
  bool before_;
};

/// Calls plain functions before and after next().
class Peeker final : public Layer {
 public:
  using Look = std::function<void(InterceptedCall&)>;
  using LookAfter = std::function<void(InterceptedCall&, Status&)>;
  explicit Peeker(Look before, LookAfter after = {})
      : before_(std::move(before)), after_(std::move(after)) {}
  Task<Status> around(InterceptedCall& call, Next next) override {
    if (before_) before_(call);
    Status status = co_await next();
    if (after_) after_(call, status);
    co_return status;
  }

 private:
  Look before_;
  LookAfter after_;
};

/// Waits before or after next().
class Sleeper final : public Layer {
 public:
  Sleeper(Duration before, Duration after) : before_(before), after_(after) {}
  Task<Status> around(InterceptedCall&, Next next) override {
    if (before_ > Duration::zero()) (void)co_await sleep_for(before_);
    Status status = co_await next();
    if (after_ > Duration::zero()) (void)co_await sleep_for(after_);
    co_return status;
  }

 private:
  Duration before_;
  Duration after_;
};

/// Calls a plain function for each message.
class FunctionFilter final : public MessageFilter {
 public:
  using Function = std::function<Status(CallMessage&)>;
  explicit FunctionFilter(Function function) : function_(std::move(function)) {}
  Status on_message(CallMessage& message) override { return function_(message); }

 private:
  Function function_;
};

/// Adds a filter to each call.
class Filterer final : public Layer {
 public:
  explicit Filterer(FunctionFilter::Function function, FilterPlace place = FilterPlace::kMessages)
      : function_(std::move(function)), place_(place) {}
  Task<Status> around(InterceptedCall& call, Next next) override {
    call.add_filter(std::make_unique<FunctionFilter>(function_), place_);
    return next();
  }

 private:
  FunctionFilter::Function function_;
  FilterPlace place_;
};

/// For FilterPlace::kWire: puts `mark` in front of what is sent, and takes it away from what comes;
/// DATA_LOSS when it is not there.
inline FunctionFilter::Function marked_with(std::string mark) {
  return [mark = std::move(mark)](CallMessage& message) {
    if (message.direction == CallMessage::Direction::kSent) {
      message.bytes = Buffer::copy(mark + std::string(message.bytes.text()));
      return Status::ok();
    }
    if (!message.bytes.text().starts_with(mark)) {
      return Status(StatusCode::kDataLoss, "there is no " + mark);
    }
    message.bytes.remove_prefix(mark.size());
    return Status::ok();
  };
}

}  // namespace echostream::testing
