#include "tools/echostream/discovery/node_text.h"

#include <algorithm>
#include <array>

#include "echostream/base/printable.h"

namespace echostream::tool {

using discovery::DiscoveredNode;
using discovery::NodeEvent;

namespace {

constexpr std::string_view kNothing = "-";

std::string address_of(const DiscoveredNode& node) {
  if (node.addresses.empty()) return std::string(kNothing);
  const std::string first = node.addresses.front().to_string();
  if (node.addresses.size() == 1) return first;
  return first + " +" + std::to_string(node.addresses.size() - 1);
}

std::string services_of(const DiscoveredNode& node) {
  std::string text;
  for (const std::string& service : node.services) {
    text += (text.empty() ? "" : ",") + echostream::printable(service);
  }
  return text.empty() ? std::string(kNothing) : text;
}

std::string properties_of(const DiscoveredNode& node) {
  std::string text;
  for (const auto& [key, value] : node.properties) {
    text +=
        (text.empty() ? "" : " ") + echostream::printable(key) + "=" + echostream::printable(value);
  }
  return text;
}

// What printable() leaves is UTF-8 without control characters.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : echostream::printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

template <class Items, class Write>
std::string json_list(const Items& items, char open, char close, Write write) {
  std::string text(1, open);
  for (const auto& item : items) text += (text.size() == 1 ? "" : ",") + write(item);
  return text + close;
}

// Characters, which most terminals show in a column each.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::string_view to_string(NodeEvent::Kind kind) {
  switch (kind) {
    case NodeEvent::Kind::kAppeared:
      return "appeared";
    case NodeEvent::Kind::kChanged:
      return "changed";
    case NodeEvent::Kind::kGone:
      return "gone";
  }
  return "";
}

std::string event_line(const NodeEvent& event) {
  const DiscoveredNode& node = event.node;
  std::string line(to_string(event.kind));
  line +=
      "  " + echostream::printable(node.name) + "  " + address_of(node) + "  " + services_of(node);
  const std::string properties = properties_of(node);
  return properties.empty() ? line : line + "  " + properties;
}

std::string event_json(const NodeEvent& event) {
  const DiscoveredNode& node = event.node;
  std::string json = "{\"event\":" + json_string(to_string(event.kind)) +
                     ",\"name\":" + json_string(node.name) + ",\"host\":" + json_string(node.host);
  json += ",\"addresses\":" + json_list(node.addresses, '[', ']', [](const SocketAddress& address) {
            return json_string(address.to_string());
          });
  json += ",\"services\":" + json_list(node.services, '[', ']', [](const std::string& service) {
            return json_string(service);
          });
  json += ",\"id\":" + json_string(node.node_id);
  json += ",\"fingerprint\":" +
          (node.fingerprint ? json_string(node.fingerprint->to_string()) : std::string("null"));
  json += ",\"protocol_version\":" + std::to_string(node.protocol_version);
  json += ",\"properties\":" + json_list(node.properties, '{', '}', [](const auto& property) {
            return json_string(property.first) + ":" + json_string(property.second);
          });
  return json + "}";
}

std::vector<std::string> node_table(const std::vector<DiscoveredNode>& nodes) {
  using Row = std::array<std::string, 4>;
  std::vector<Row> rows{{"NAME", "ADDRESS", "SERVICES", "PROPERTIES"}};
  for (const DiscoveredNode& node : nodes) {
    rows.push_back({echostream::printable(node.name), address_of(node), services_of(node),
                    properties_of(node)});
  }
  Row::size_type column = 0;
  std::vector<std::string> lines(rows.size());
  for (; column < std::tuple_size_v<Row>; ++column) {
    std::size_t widest = 0;
    for (const Row& row : rows) widest = std::max(widest, width(row[column]));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::string& cell = rows[i][column];
      const bool is_last = column + 1 == std::tuple_size_v<Row>;
      lines[i] += is_last ? cell : cell + std::string(widest - width(cell) + 2, ' ');
    }
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

Result<std::pair<std::string, std::string>> parse_property(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Status(StatusCode::kInvalidArgument,
                  "--property: '" + text + "' is not KEY=VALUE, such as location=door");
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

}  // namespace echostream::tool
