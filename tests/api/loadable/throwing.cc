// Cannot be made.
#include <stdexcept>

#include "echostream/plugin.h"

namespace {

class Throwing final : public echostream::Plugin {
 public:
  Throwing() { throw std::runtime_error("no licence"); }
  std::string_view name() const override { return "throwing"; }
};

}  // namespace

ECHOSTREAM_EXPORT_PLUGIN(Throwing, "throwing");
