// The middleware of a node, and which of its layers each method passes.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "echostream/middleware.h"

#include "runtime/base/local_ptr.h"

namespace echostream::internal {

struct NodeContext;

/// The outermost first. Calls that are under way keep the layers that they began with.
struct Layers : LocalCounted, std::vector<std::shared_ptr<Middleware>> {};
using LayersPtr = LocalPtr<const Layers>;

class MiddlewareTable {
 public:
  explicit MiddlewareTable(const NodeContext& node) noexcept : node_(node) {}
  /// Inside those that are there.
  void add(std::shared_ptr<Middleware> layer);
  /// Null when none of them wants to see calls of that method on that side.
  LayersPtr layers_of(const MethodInfo& method, InterceptedCall::Side side);

 private:
  struct Chosen {
    std::array<LayersPtr, 2> layers;
    std::array<bool, 2> is_known{};
  };
  Chosen& chosen_for(const MethodInfo& method);
  LayersPtr choose(const Layers& all, const MethodInfo& method, InterceptedCall::Side side) const;
  bool wants(Middleware& layer, const MethodInfo& method, InterceptedCall::Side side) const;

  const NodeContext& node_;
  // Another one whenever a layer is added.
  LayersPtr layers_{new Layers};
  // As many entries as the program has methods.
  std::unordered_map<const MethodInfo*, Chosen> chosen_;
  // Calls of one method often come in a row.
  const MethodInfo* last_ = nullptr;
  Chosen* last_chosen_ = nullptr;
};

}  // namespace echostream::internal
