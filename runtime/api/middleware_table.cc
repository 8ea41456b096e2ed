#include "runtime/api/middleware_table.h"

#include <utility>

#include "runtime/api/node_context.h"

namespace echostream::internal {

void MiddlewareTable::add(std::shared_ptr<Middleware> layer) {
  layers_.push_back(std::move(layer));
  chosen_.clear();
  last_ = nullptr;
}

const LayersPtr& MiddlewareTable::layers_of(const MethodInfo& method, InterceptedCall::Side side) {
  const auto index = static_cast<std::size_t>(side);
  if (&method != last_) {
    last_chosen_ = &chosen_[&method];
    last_ = &method;
  }
  Chosen& chosen = *last_chosen_;
  if (!chosen.is_known[index]) {
    chosen.layers[index] = choose(method, side);
    chosen.is_known[index] = true;
  }
  return chosen.layers[index];
}

LayersPtr MiddlewareTable::choose(const MethodInfo& method, InterceptedCall::Side side) const {
  auto chosen = std::make_shared<Layers>();
  for (const std::shared_ptr<Middleware>& layer : layers_) {
    if (wants(*layer, method, side)) chosen->push_back(layer);
  }
  if (chosen->empty()) return nullptr;
  return chosen;
}

// One that cannot say is asked about every call: it may be the one that keeps others out.
bool MiddlewareTable::wants(Middleware& layer, const MethodInfo& method,
                            InterceptedCall::Side side) const {
  try {
    return layer.wants(method, side);
  } catch (...) {
    node_.log(LogLevel::kError, "middleware " + std::string(layer.name()) +
                                    ": wants() threw: " + describe_exception());
    return true;
  }
}

}  // namespace echostream::internal
