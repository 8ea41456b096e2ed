// A plugin as it should be.
#include "echostream/plugin.h"

namespace {

class Good final : public echostream::Plugin {
 public:
  std::string_view name() const override { return "good"; }
  echostream::Status configure(std::string_view json) override {
    if (json.find("throw") != json.npos) throw 7;  // not even an exception
    json_ = json;
    return echostream::Status::ok();
  }
  echostream::Task<echostream::Status> on_start(echostream::Node& node) override {
    node.state().emplace<std::string>("started with " + json_);
    co_return echostream::Status::ok();
  }

 private:
  std::string json_;
};

}  // namespace

ECHOSTREAM_EXPORT_PLUGIN(Good, "good");
