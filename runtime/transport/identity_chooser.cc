#include "runtime/transport/identity_chooser.h"

#include <algorithm>
#include <utility>

#include "runtime/transport/certificate.h"
#include "runtime/transport/certificate_names.h"
#include "runtime/transport/host_name.h"
#include "runtime/transport/identity_impl.h"

namespace echostream::transport {

IdentityChooser::IdentityChooser(std::vector<Identity> identities)
    : identities_(std::move(identities)) {
  for (std::size_t i = 0; i < identities_.size(); ++i) {
    const auto leaf = parse_certificate(identities_[i].impl().chain.front().get());
    if (!leaf) continue;
    for (std::string& name : dns_names_of(leaf.get())) names_.emplace(std::move(name), i);
  }
}

const Identity& IdentityChooser::choose(std::string_view host_name) const {
  std::string name(without_root_dot(host_name));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  auto found = names_.find(name);
  if (found == names_.end()) {
    const std::size_t dot = name.find('.');
    if (dot != std::string::npos) found = names_.find("*" + name.substr(dot));
  }
  return identities_[found == names_.end() ? 0 : found->second];
}

}  // namespace echostream::transport
