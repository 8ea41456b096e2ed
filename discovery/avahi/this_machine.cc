// What discovery asks of the machine rather than of its daemon.
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "echostream/discovery/dns_sd.h"

namespace echostream::discovery {

std::string DnsSd::host_name() const {
  std::array<char, 256> buffer{};
  // One that is cut short need not end with a zero; ours does.
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return {};
  const std::string_view name(buffer.data());
  return std::string(name.substr(0, name.find('.')));
}

Result<std::uint32_t> DnsSd::interface_index(const std::string& name) const {
  const unsigned index = if_nametoindex(name.c_str());
  if (index != 0) return std::uint32_t{index};
  return Status(StatusCode::kNotFound, "this machine has no network interface '" + name + "'");
}

}  // namespace echostream::discovery
