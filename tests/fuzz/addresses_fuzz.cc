// What people write where an address, a host name or a fingerprint is wanted: refused with a
// reason, or understood so that writing it again gives the same. Input: the text.
#include <string>
#include <string_view>

#include "echostream/security.h"
#include "echostream/socket_address.h"

#include "runtime/transport/host_name.h"
#include "runtime/transport/printable.h"
#include "tests/fuzz/fuzz_check.h"

using namespace echostream;
using namespace echostream::transport;

namespace {

void check_refusal(const Status& status) {
  FUZZ_CHECK(status.code() == StatusCode::kInvalidArgument);
  FUZZ_CHECK(!status.message().empty());
}

void try_address(std::string_view text) {
  const auto address = SocketAddress::parse(text);
  if (!address) return check_refusal(address.error());
  FUZZ_CHECK(address->is_set());
  const auto again = SocketAddress::parse(address->to_string());
  FUZZ_CHECK(again && *again == *address);
}

void try_host_and_port(std::string_view text) {
  const auto parts = parse_host_and_port(text);
  if (!parts) return check_refusal(parts.error());
  FUZZ_CHECK(!parts->host.empty() && parts->host.size() < text.size());
  FUZZ_CHECK(text.find(parts->host) != text.npos);
}

void try_fingerprint(std::string_view text) {
  const auto fingerprint = Fingerprint::parse(text);
  if (!fingerprint) return check_refusal(fingerprint.error());
  const auto again = Fingerprint::parse(fingerprint->to_string());
  FUZZ_CHECK(again && *again == *fingerprint);
}

void try_names(std::string_view text) {
  const auto numeric = NumericAddress::parse(text);
  FUZZ_CHECK(!numeric || numeric->bytes().size() == 4 || numeric->bytes().size() == 16);
  if (!is_host_name(text)) return;
  FUZZ_CHECK(!numeric);
  FUZZ_CHECK(is_host_name(without_root_dot(text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try_address(text);
  try_host_and_port(text);
  try_fingerprint(text);
  try_names(text);
  return 0;
}
