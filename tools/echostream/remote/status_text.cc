#include "tools/echostream/remote/status_text.h"

#include <google/protobuf/descriptor.h>

#include "tools/echostream/io/json_line.h"

namespace echostream::tool {

namespace {

// The members of a JSON object that is not empty, without its braces.
std::string_view members_of(std::string_view object) {
  if (object.size() < 2 || object.front() != '{' || object.back() != '}') return {};
  return object.substr(1, object.size() - 2);
}

std::string detail_text(const Schema& schema, const StatusDetail& detail) {
  const std::string name = detail.type_url.substr(detail.type_url.rfind('/') + 1);
  JsonLine line;
  line.add("@type", detail.type_url);
  const auto* type = schema.types().pool().FindMessageTypeByName(name);
  if (type != nullptr) {
    const auto json = schema.types().to_json(*type, as_bytes(detail.value), false,
                                             gateway::UnknownAny::kShowBytes);
    if (json) {
      const std::string_view members = members_of(*json);
      // One that is written as something else than an object: a Timestamp, a wrapper.
      if (members.empty() && *json != "{}") return line.add_json("value", *json).text();
      const std::string head = line.text();
      if (members.empty()) return head;
      return head.substr(0, head.size() - 1) + "," + std::string(members) + "}";
    }
  }
  return line.add("value", base64(detail.value)).text();
}

}  // namespace

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::vector<std::string> detail_texts(const Schema& schema, const Status& status) {
  std::vector<std::string> texts;
  for (const StatusDetail& detail : status.details()) {
    texts.push_back(detail_text(schema, detail));
  }
  return texts;
}

std::string status_json(const Status& status, const std::vector<std::string>& details) {
  JsonLine line;
  line.add("status", to_string(status.code())).add("code", static_cast<int>(status.code()));
  line.add("message", status.message()).add_json("details", json_list(details));
  return line.text();
}

}  // namespace echostream::tool
