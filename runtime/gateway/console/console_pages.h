// The files of the console's page, which the library holds: docs/console.md.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "runtime/gateway/protocol/exchange.h"
#include "runtime/http3/fields.h"

namespace echostream::gateway {

struct ConsoleFile {
  std::string_view path;  // "/console.js"
  std::string_view content_type;
  std::string_view etag;  // with its quotes; another one for other contents
  std::string_view contents;
};

/// All of them, "/" first; made of the folder page/ when the library is built.
std::span<const ConsoleFile> console_files();

/// The whole answer to a GET or HEAD of one of the files; nothing when the request is for something
/// else. No page of another origin may show it, and it loads nothing from elsewhere.
std::optional<ResponsePart> console_page(const http3::Fields& head);

}  // namespace echostream::gateway
