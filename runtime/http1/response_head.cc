#include "runtime/http1/response_head.h"

#include <algorithm>
#include <array>
#include <utility>

namespace echostream::http1 {
namespace {

// People read them; programs do not (RFC 9112 4).
constexpr std::array<std::pair<std::string_view, std::string_view>, 23> kReasons = {{
    {"200", "OK"},
    {"204", "No Content"},
    {"304", "Not Modified"},
    {"400", "Bad Request"},
    {"401", "Unauthorized"},
    {"403", "Forbidden"},
    {"404", "Not Found"},
    {"405", "Method Not Allowed"},
    {"408", "Request Timeout"},
    {"409", "Conflict"},
    {"413", "Content Too Large"},
    {"415", "Unsupported Media Type"},
    {"417", "Expectation Failed"},
    {"421", "Misdirected Request"},
    {"425", "Too Early"},
    {"429", "Too Many Requests"},
    {"431", "Request Header Fields Too Large"},
    {"499", "Client Closed Request"},
    {"500", "Internal Server Error"},
    {"501", "Not Implemented"},
    {"503", "Service Unavailable"},
    {"504", "Gateway Timeout"},
    {"505", "HTTP Version Not Supported"},
}};

std::string_view reason_of(std::string_view status) {
  const auto found = std::find_if(kReasons.begin(), kReasons.end(),
                                  [&](const auto& entry) { return entry.first == status; });
  return found != kReasons.end() ? found->second : std::string_view();
}

bool breaks_out(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool is_of_the_connection(std::string_view name) {
  return name.starts_with(':') || name == "connection" || name == "content-length" ||
         name == "transfer-encoding";
}

void add_line(std::string& text, const http3::Field& field) {
  if (breaks_out(field.name) || breaks_out(field.value)) return;
  text.append(field.name).append(": ").append(field.value).append("\r\n");
}

}  // namespace

std::string write_response_head(const http3::Fields& head, const http3::Fields& more) {
  const std::string_view status = head.get(":status");
  std::string text = "HTTP/1.1 ";
  text.append(status).append(" ").append(reason_of(status)).append("\r\n");
  for (const http3::Field& field : head) {
    if (!is_of_the_connection(field.name)) add_line(text, field);
  }
  for (const http3::Field& field : more) add_line(text, field);
  return text.append("\r\n");
}

bool has_no_body(std::string_view status) {
  return status.starts_with('1') || status == "204" || status == "304";
}

}  // namespace echostream::http1
