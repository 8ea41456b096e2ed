#include "runtime/http1/request_parser.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace echostream::http1 {
namespace {

// RFC 9114 4.2.2.
constexpr std::size_t kBytesBesideField = 32;

// Of this connection and nobody else's business (RFC 9110 7.6.1); "host" becomes ":authority".
constexpr std::array<std::string_view, 10> kConnectionFields = {
    "connection",       "expect", "host",    "http2-settings", "keep-alive",
    "proxy-connection", "te",     "trailer", "upgrade",        "transfer-encoding",
};

struct Line {
  std::string name;
  std::string value;
};

void lower(std::string& text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
}

std::string_view without_space_behind(std::string_view text) {
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// A fold is a line of a head that begins with white space; obsolete (RFC 9112 5.2), and read in
// different ways by different servers. llhttp takes it. Ends of lines are llhttp's business.
class FoldWatch {
 public:
  /// How many bytes come before a fold; all of them when there is none.
  std::size_t feed(BytesView bytes) {
    for (std::size_t i = 0; i < bytes.size() && !is_over_; ++i) {
      const std::uint8_t byte = bytes[i];
      if (byte == '\r') continue;
      if (byte == '\n') {
        is_over_ = is_at_begin_;
        is_at_begin_ = true;
        continue;
      }
      if (is_at_begin_ && (byte == ' ' || byte == '\t')) return i;
      is_at_begin_ = false;
    }
    return bytes.size();
  }

 private:
  bool is_at_begin_ = false;
  bool is_over_ = false;
};

}  // namespace

struct RequestParser::Impl {
  Impl(std::size_t max_head_bytes_in, Events& events_in)
      : max_head_bytes(max_head_bytes_in), events(events_in) {
    start();
  }

  void start() {
    llhttp_init(&parser, HTTP_REQUEST, &settings());
    parser.data = this;
    state = State::kNothing;
    folds = {};
    target.clear();
    lines.clear();
    is_in_name = false;
    head_bytes = 0;
  }

  static Impl& of(llhttp_t* llhttp) { return *static_cast<Impl*>(llhttp->data); }
  static const llhttp_settings_t& settings();

  int fail(int status, std::string text) {
    if (state != State::kFailed) problem = {status, std::move(text)};
    state = State::kFailed;
    return HPE_USER;
  }
  int count(std::size_t bytes) {
    head_bytes += bytes;
    return head_bytes <= max_head_bytes ? 0 : fail(431, "the head of the request is too large");
  }
  int add_to_target(std::string_view piece) {
    target += piece;
    return count(piece.size());
  }
  int add_to_name(std::string_view piece) {
    const bool begins = !std::exchange(is_in_name, true);
    if (int error = count(piece.size() + (begins ? kBytesBesideField : 0)); error != 0) {
      return error;
    }
    if (state == State::kBody) return 0;  // trailers are of no use here
    if (begins) lines.emplace_back();
    lines.back().name += piece;
    return 0;
  }
  int add_to_value(std::string_view piece) {
    if (int error = count(piece.size()); error != 0) return error;
    if (state == State::kBody) return 0;
    if (!lines.empty()) lines.back().value += piece;
    return 0;
  }

  int finish_head();
  int check_fields(RequestHead& head);
  int check_coding(std::string_view coding, bool is_http_1_0);
  int add_target(http3::Fields& fields, std::string_view host);

  const std::size_t max_head_bytes;
  Events& events;
  llhttp_t parser{};
  State state = State::kNothing;
  Problem problem;
  FoldWatch folds;
  std::string target;
  std::vector<Line> lines;
  bool is_in_name = false;
  std::size_t head_bytes = 0;
};

const llhttp_settings_t& RequestParser::Impl::settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_url = [](llhttp_t* llhttp, const char* at, std::size_t size) {
      return of(llhttp).add_to_target({at, size});
    };
    made.on_header_field = [](llhttp_t* llhttp, const char* at, std::size_t size) {
      return of(llhttp).add_to_name({at, size});
    };
    made.on_header_value = [](llhttp_t* llhttp, const char* at, std::size_t size) {
      return of(llhttp).add_to_value({at, size});
    };
    made.on_header_value_complete = [](llhttp_t* llhttp) {
      of(llhttp).is_in_name = false;  // an empty value is told by this alone
      return 0;
    };
    made.on_headers_complete = [](llhttp_t* llhttp) { return of(llhttp).finish_head(); };
    made.on_body = [](llhttp_t* llhttp, const char* at, std::size_t size) {
      of(llhttp).events.on_request_body(as_bytes(std::string_view(at, size)));
      return 0;
    };
    made.on_message_complete = [](llhttp_t* llhttp) -> int {
      of(llhttp).state = State::kComplete;
      of(llhttp).events.on_request_end();
      return HPE_PAUSED;
    };
    return made;
  }();
  return kSettings;
}

int RequestParser::Impl::finish_head() {
  if (parser.http_major != 1 || parser.http_minor > 1) {
    return fail(505, "this server talks HTTP/1.1 here");
  }
  parser.upgrade = 0;  // there is nothing to change to
  RequestHead head;
  head.is_http_1_0 = parser.http_minor == 0;
  head.keeps_alive = llhttp_should_keep_alive(&parser) != 0;
  if (int error = check_fields(head); error != 0) return error;
  state = State::kBody;
  events.on_request_head(std::move(head));
  return state == State::kFailed ? HPE_USER : 0;
}

int RequestParser::Impl::check_fields(RequestHead& head) {
  std::string_view host;
  std::size_t hosts = 0;
  for (Line& line : lines) {
    lower(line.name);
    const std::string_view value = without_space_behind(line.value);
    if (line.name.empty()) return fail(400, "a field has no name");
    if (line.name == "host") {
      ++hosts;
      host = value;
    } else if (line.name == "transfer-encoding") {
      if (int error = check_coding(value, head.is_http_1_0); error != 0) return error;
      head.has_body = true;
    } else if (line.name == "content-length") {
      head.has_body = head.has_body || parser.content_length > 0;
    } else if (line.name == "expect") {
      std::string wanted(value);
      lower(wanted);
      if (wanted != "100-continue") return fail(417, "an expectation that nobody can meet");
      head.expects_continue = !head.is_http_1_0;
    }
  }
  if (hosts > 1 || (hosts == 0 && !head.is_http_1_0)) {
    return fail(400, "a request has one host");
  }
  head.fields.add(":method", llhttp_method_name(static_cast<llhttp_method_t>(parser.method)));
  head.fields.add(":scheme", "https");
  if (int error = add_target(head.fields, host); error != 0) return error;
  for (const Line& line : lines) {
    if (std::find(kConnectionFields.begin(), kConnectionFields.end(), line.name) ==
        kConnectionFields.end()) {
      head.fields.add(line.name, without_space_behind(line.value));
    }
  }
  return 0;
}

int RequestParser::Impl::check_coding(std::string_view coding, bool is_http_1_0) {
  if (is_http_1_0) return fail(400, "HTTP/1.0 has no transfer codings");
  std::string name(coding);
  lower(name);
  return name == "chunked" ? 0 : fail(501, "a transfer coding other than chunked");
}

// RFC 9112 3.2: "/path", "https://host/path", and "*" of OPTIONS.
int RequestParser::Impl::add_target(http3::Fields& fields, std::string_view host) {
  std::string_view path = target;
  if (path.find('#') != std::string_view::npos) return fail(400, "the target has a fragment");
  constexpr std::string_view kScheme = "https://";
  if (path.starts_with(kScheme)) {
    path.remove_prefix(kScheme.size());
    const std::size_t end = std::min(path.find_first_of("/?"), path.size());
    const std::string_view authority = path.substr(0, end);
    path.remove_prefix(end);
    if (authority.empty() || (!host.empty() && authority != host)) {
      return fail(400, "the request names two hosts");
    }
    host = authority;
    if (path.empty()) path = "/";
  }
  const bool is_asterisk = path == "*" && parser.method == HTTP_OPTIONS;
  if (!path.starts_with('/') && !is_asterisk) return fail(400, "the target is no path");
  fields.add(":path", path);
  if (!host.empty()) fields.add(":authority", host);
  return 0;
}

RequestParser::RequestParser(std::size_t max_head_bytes, Events& events)
    : impl_(std::make_unique<Impl>(max_head_bytes, events)) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(BytesView bytes) {
  Impl& impl = *impl_;
  if (bytes.empty() || impl.state == State::kComplete || impl.state == State::kFailed) return 0;
  if (impl.state == State::kNothing) impl.state = State::kHead;
  const std::size_t unfolded = impl.state == State::kHead ? impl.folds.feed(bytes) : bytes.size();
  const std::string_view text = as_text(bytes.first(unfolded));
  const llhttp_errno_t error = llhttp_execute(&impl.parser, text.data(), text.size());
  if (error == HPE_OK && unfolded < bytes.size()) {
    (void)impl.fail(400, "a folded line");
    return 0;
  }
  if (error == HPE_OK) return bytes.size();
  if (error == HPE_PAUSED) {
    return static_cast<std::size_t>(llhttp_get_error_pos(&impl.parser) - text.data());
  }
  const char* why = llhttp_get_error_reason(&impl.parser);
  (void)impl.fail(400, why != nullptr ? why : "this is no HTTP/1.1");
  return 0;
}

RequestParser::State RequestParser::state() const { return impl_->state; }
const RequestParser::Problem& RequestParser::problem() const { return impl_->problem; }
void RequestParser::start_next() { impl_->start(); }

}  // namespace echostream::http1
