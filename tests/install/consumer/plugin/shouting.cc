// Leaves a word in the node's state.
#include "echostream/plugin.h"

namespace {

class Shouting final : public echostream::Plugin {
 public:
  std::string_view name() const override { return "shouting"; }
  echostream::Task<echostream::Status> on_start(echostream::Node& node) override {
    (void)co_await echostream::sleep_for(std::chrono::milliseconds(1));
    node.state().emplace<std::string>("HELLO");
    co_return echostream::Status::ok();
  }
};

}  // namespace

ECHOSTREAM_EXPORT_PLUGIN(Shouting, "shouting");
