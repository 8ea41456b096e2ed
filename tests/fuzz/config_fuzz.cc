// What people and programs write as a configuration: refused with reasons, or understood exactly as
// protobuf's own readers understand it, so that what is printed of it is understood the same.
// Input: the text, which is taken for JSON, for the text format, and for a setting.
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <string>
#include <vector>

#include "echostream/config.h"

#include "tests/fuzz/fuzz_check.h"

using namespace echostream;
using google::protobuf::util::MessageDifferencer;

namespace {

void check_refusal(const Status& status, const std::vector<ConfigProblem>& problems) {
  FUZZ_CHECK(status.code() == StatusCode::kInvalidArgument);
  FUZZ_CHECK(!problems.empty() && problems.size() <= 20);
  for (const ConfigProblem& problem : problems) {
    FUZZ_CHECK(!problem.message.empty());
    FUZZ_CHECK((problem.line == 0) == (problem.column == 0));
  }
}

// What is printed holds everything, so that printing it again adds nothing.
void check_printed(const Configuration& configuration) {
  for (const ConfigFormat format : {ConfigFormat::kJson, ConfigFormat::kText}) {
    const std::string name = format == ConfigFormat::kJson ? "again.json" : "again.textproto";
    const auto once = parse_config(print_config(configuration, format), name);
    FUZZ_CHECK(once);
    const auto twice = parse_config(print_config(*once, format), name);
    FUZZ_CHECK(twice);
    FUZZ_CHECK(MessageDifferencer::Equals(once->message(), twice->message()));
  }
}

void try_file(const std::string& text, const std::string& name) {
  std::vector<ConfigProblem> problems;
  const auto read = parse_config(text, name, {}, &problems);
  if (!read) return check_refusal(read.error(), problems);
  FUZZ_CHECK(problems.empty());
  config::Config expected;
  const bool is_mark = text.starts_with("\xef\xbb\xbf");
  const std::string plain = is_mark ? text.substr(3) : text;
  if (name.ends_with(".json")) {
    FUZZ_CHECK(google::protobuf::util::JsonStringToMessage(plain, &expected).ok());
  } else {
    FUZZ_CHECK(google::protobuf::TextFormat::ParseFromString(plain, &expected));
  }
  FUZZ_CHECK(MessageDifferencer::Equals(read->message(), expected));
  check_printed(*read);
}

void try_setting(const std::string& text) {
  ConfigOverrides overrides;
  overrides.settings = {text};
  overrides.environment = {"ECHOSTREAM_" + text};
  std::vector<ConfigProblem> problems;
  const auto read = parse_config("peers { target: \"a:1\" }", "x.textproto", overrides, &problems);
  if (!read) return check_refusal(read.error(), problems);
  check_printed(*read);
}

class QuietLogs {
 public:
  QuietLogs() { google::protobuf::SetLogHandler(nullptr); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const QuietLogs quiet;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try_file(text, "f.json");
  try_file(text, "f.textproto");
  try_setting(text);
  return 0;
}
