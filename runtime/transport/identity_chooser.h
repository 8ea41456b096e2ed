// Which of a server's certificates a client is shown: by the host name that it asks for (SNI, RFC
// 6066 section 3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "echostream/security.h"

namespace echostream::transport {

class IdentityChooser {
 public:
  /// The first is the default. Each serves the host names in its leaf's subjectAltName; of several
  /// with the same name the first does.
  explicit IdentityChooser(std::vector<Identity> identities);

  /// An exact name goes before a wildcard, which stands for one label (RFC 6125 section 6.4.3). The
  /// default for names that nobody has, and for no name.
  const Identity& choose(std::string_view host_name) const;
  const std::vector<Identity>& all() const noexcept { return identities_; }

 private:
  std::vector<Identity> identities_;
  // From "a.example" and "*.example" to places in the list above.
  std::unordered_map<std::string, std::size_t> names_;
};

}  // namespace echostream::transport
