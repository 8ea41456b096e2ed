#include "runtime/api/middleware_table.h"

#include <utility>

#include "runtime/api/node_context.h"

namespace echostream::internal {

void MiddlewareTable::add(std::shared_ptr<Middleware> layer) {
  auto* const more = new Layers(*layers_);
  layers_ = LayersPtr(more);
  more->push_back(std::move(layer));
  chosen_.clear();
  last_ = nullptr;
}

MiddlewareTable::Chosen& MiddlewareTable::chosen_for(const MethodInfo& method) {
  if (&method != last_) {
    last_chosen_ = &chosen_[&method];
    last_ = &method;
  }
  return *last_chosen_;
}

LayersPtr MiddlewareTable::layers_of(const MethodInfo& method, InterceptedCall::Side side) {
  const auto index = static_cast<std::size_t>(side);
  const Chosen& chosen = chosen_for(method);
  if (chosen.is_known[index]) return chosen.layers[index];
  const LayersPtr all = layers_;
  LayersPtr layers = choose(*all, method, side);
  // Who is asked may add a layer: then this is for the present call alone.
  if (all == layers_) {
    Chosen& kept = chosen_for(method);
    kept.layers[index] = layers;
    kept.is_known[index] = true;
  }
  return layers;
}

LayersPtr MiddlewareTable::choose(const Layers& all, const MethodInfo& method,
                                  InterceptedCall::Side side) const {
  auto* const chosen = new Layers;
  LayersPtr layers(chosen);
  for (const std::shared_ptr<Middleware>& layer : all) {
    if (wants(*layer, method, side)) chosen->push_back(layer);
  }
  return chosen->empty() ? LayersPtr() : layers;
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
