// Who wants to hear when what a node tells of itself has changed: Node::watch_announcement().
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/api/node_context.h"

namespace echostream::internal {

class AnnouncementWatches {
 public:
  /// `node` outlives it.
  explicit AnnouncementWatches(NodeContext& node) : node_(node) {}

  std::unique_ptr<Pending> add(std::function<void()> callback);
  /// Calls them from the ready queue; once for changes that come together.
  void tell();
  bool is_empty() const noexcept { return watches_.empty(); }

 private:
  struct Watch {
    std::function<void()> callback;
    bool is_due = false;
  };
  class Handle;

  NodeContext& node_;
  std::vector<std::weak_ptr<Watch>> watches_;
};

}  // namespace echostream::internal
