// What neighbours say of themselves. Input: strings, each with its length in the byte before it, as
// in a TXT record. Whatever is understood is bounded, and is understood the same when it is written
// again; names are counted up without leaving their bounds.
#include <algorithm>
#include <string>
#include <vector>

#include "discovery/records/names.h"
#include "discovery/records/text_record.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"

using namespace echostream;
using namespace echostream::discovery;
using echostream::testing::FuzzInput;

namespace {

void check_bounds(const TextRecord& record) {
  FUZZ_CHECK(record.node_id.size() <= 64);
  FUZZ_CHECK(record.services.size() <= 64 && record.properties.size() <= 64);
  for (const std::string& service : record.services) {
    FUZZ_CHECK(!service.empty() && service.size() <= 249);
    FUZZ_CHECK(service.find(',') == std::string::npos);
    FUZZ_CHECK(subtype_label(service).size() <= 63);
  }
  for (const auto& [key, value] : record.properties) {
    FUZZ_CHECK(!key.empty() && key.size() + value.size() <= 255);
  }
}

void check_name(const std::string& name) {
  if (!check_instance_name(name).is_ok()) return;
  const std::string next = next_instance_name(name);
  FUZZ_CHECK(next != name && check_instance_name(next).is_ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  std::vector<std::string> strings;
  while (!input.empty()) strings.emplace_back(as_text(input.bytes()));
  const TextRecord record = parse_text_record(strings);
  check_bounds(record);
  if (const auto written = write_text_record(record)) {
    FUZZ_CHECK(parse_text_record(*written) == record);
    FUZZ_CHECK(write_text_record(parse_text_record(*written)).value() == *written);
  }
  for (const std::string& string : strings) check_name(string);
  return 0;
}
