#include "runtime/gateway/protocol/status_codes.h"

#include <array>
#include <cstddef>

namespace echostream::gateway {
namespace {

struct CodeRow {
  std::string_view name;
  int http_status;
};

// By the code's number.
constexpr std::array<CodeRow, 17> kCodeRows = {{
    {"", 200},
    {"canceled", 499},
    {"unknown", 500},
    {"invalid_argument", 400},
    {"deadline_exceeded", 504},
    {"not_found", 404},
    {"already_exists", 409},
    {"permission_denied", 403},
    {"resource_exhausted", 429},
    {"failed_precondition", 400},
    {"aborted", 409},
    {"out_of_range", 400},
    {"unimplemented", 501},
    {"internal", 500},
    {"unavailable", 503},
    {"data_loss", 500},
    {"unauthenticated", 401},
}};

const CodeRow& code_row(StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return kCodeRows[index < kCodeRows.size() ? index
                                            : static_cast<std::size_t>(StatusCode::kUnknown)];
}

}  // namespace

std::string_view connect_code_name(StatusCode code) { return code_row(code).name; }

std::optional<StatusCode> status_code_from_connect(std::string_view name) {
  for (std::size_t i = 1; i < kCodeRows.size(); ++i) {
    if (kCodeRows[i].name == name) return static_cast<StatusCode>(i);
  }
  return std::nullopt;
}

int http_status_of(StatusCode code) { return code_row(code).http_status; }

StatusCode status_code_from_http(int http_status) {
  switch (http_status) {
    case 400:
      return StatusCode::kInternal;
    case 401:
      return StatusCode::kUnauthenticated;
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
      return StatusCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return StatusCode::kUnavailable;
    default:
      return StatusCode::kUnknown;
  }
}

}  // namespace echostream::gateway
