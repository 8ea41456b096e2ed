#include "runtime/gateway/console/console_pages.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace echostream::gateway {
namespace {

// What a page may do that this node served: run its own files and call this node.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// A list of entity tags (RFC 9110 13.1.2). Whether they are weak makes no difference here.
bool names_etag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
  }
  return false;
}

// The place in console_files(); its size when there is no such file.
std::size_t find_file(std::string_view path) {
  path = path.substr(0, path.find('?'));
  const auto files = console_files();
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const ConsoleFile& file) { return file.path == path; });
  return static_cast<std::size_t>(found - files.begin());
}

// All responses share the bytes, however many a client asks for and does not take. Kept for as
// long as the program lives: responses of other threads may be the last to hold them.
const Buffer& contents_of(std::size_t file) {
  static const auto* const kContents = [] {
    auto* made = new std::vector<Buffer>();
    for (const ConsoleFile& one : console_files()) made->push_back(Buffer::copy(one.contents));
    return made;
  }();
  return (*kContents)[file];
}

}  // namespace

std::optional<ResponsePart> console_page(const http3::Fields& head) {
  const std::string_view method = head.get(":method");
  if (method != "GET" && method != "HEAD") return std::nullopt;
  const std::size_t index = find_file(head.get(":path"));
  if (index == console_files().size()) return std::nullopt;
  const ConsoleFile& file = console_files()[index];
  const bool is_known = names_etag(head.get("if-none-match"), file.etag);

  ResponsePart page;
  page.is_end = true;
  page.head.add(":status", is_known ? "304" : "200");
  page.head.add("etag", std::string(file.etag));
  // Kept, and asked for again each time: the next version of the node has another page.
  page.head.add("cache-control", "no-cache");
  page.head.add("content-security-policy", kContentSecurityPolicy);
  page.head.add("x-content-type-options", "nosniff");
  page.head.add("referrer-policy", "no-referrer");
  page.head.add("cross-origin-opener-policy", "same-origin");
  page.head.add("cross-origin-resource-policy", "same-origin");
  if (is_known) return page;
  page.head.add("content-type", std::string(file.content_type));
  page.head.add("content-length", std::to_string(file.contents.size()));
  if (method == "GET") page.body.push_back(contents_of(index));
  return page;
}

}  // namespace echostream::gateway
