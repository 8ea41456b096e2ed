#include "runtime/config/places.h"

namespace echostream::internal {

FieldPlace ConfigPlaces::find(std::string_view path) const {
  for (;;) {
    const auto found = fields.find(path);
    if (found != fields.end()) return found->second;
    const std::size_t dot = path.rfind('.');
    if (dot == path.npos) return {source, {}};
    path = path.substr(0, dot);
  }
}

void ConfigPlaces::report(Problems& problems, const std::string& path,
                          const std::string& message) const {
  const FieldPlace at = find(path);
  problems.add(at.source, at.place, path, path + ": " + message);
}

}  // namespace echostream::internal
