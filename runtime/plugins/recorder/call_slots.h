// Which channels a call's messages go to. An MCAP message has no place for the number of its call,
// so calls of one method that run at the same time on a session have channels of their own: a
// slot's. Those that follow each other share a slot, and a recording has as many channels as calls
// ran at once, however long it gets. A peer decides how many that are: those above kMostSlots share
// one, in which nobody can tell them apart.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "echostream/method.h"
#include "echostream/middleware.h"

#include "runtime/plugins/recorder/recorder_thread.h"

namespace echostream::recorder {

struct CallPlace {
  const MethodInfo* method = nullptr;
  InterceptedCall::Side side = InterceptedCall::Side::kCaller;
  std::uint64_t session = 0;
  std::string peer;
};

/// One slot, held while a call runs.
class CallSlot {
 public:
  struct Topics {
    bool is_free = true;
    std::shared_ptr<const Topic> request;
    std::shared_ptr<const Topic> response;
  };
  using Row = std::vector<Topics>;

  CallSlot(std::shared_ptr<Row> row, std::uint32_t number)
      : row_(std::move(row)), number_(number) {}
  ~CallSlot() { (*row_)[number_].is_free = true; }
  CallSlot(const CallSlot&) = delete;
  CallSlot& operator=(const CallSlot&) = delete;

  std::uint32_t number() const { return number_; }
  const std::shared_ptr<const Topic>& request() const { return (*row_)[number_].request; }
  const std::shared_ptr<const Topic>& response() const { return (*row_)[number_].response; }

 private:
  std::shared_ptr<Row> row_;
  std::uint32_t number_;
};

class CallSlots {
 public:
  static constexpr std::size_t kMostSlots = 64;
  /// The lowest free one; a new one when all are taken, and at last the one that is shared.
  std::unique_ptr<CallSlot> take(const CallPlace& place);
  /// Its slots are forgotten, once those that are held have been let go.
  void forget_session(std::uint64_t session);

 private:
  struct Key {
    std::uint64_t session;
    InterceptedCall::Side side;
    const MethodInfo* method;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, std::shared_ptr<CallSlot::Row>> rows_;
};

/// In place of the number of a slot, where calls share it.
inline constexpr std::string_view kSharedSlot = "shared";

std::string_view side_name(InterceptedCall::Side side);

}  // namespace echostream::recorder
