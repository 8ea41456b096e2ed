// Bytes of a client of HTTP/1.1. Input: one byte of choices (bits 0 to 2: how long the pieces are
// that the bytes come in; bit 3: the owner answers when it has the head, and not at the end), then
// the bytes.
//
// Promised: pieces change nothing of what the owner is told, or of what it answers at the end of
// requests; a head has what one of HTTP/3 has, within its limit; each request that has begun is
// closed, in order; what is said back is responses, one for each request at most.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/http1/http1_connection.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"

using namespace echostream;
using echostream::testing::FuzzInput;

namespace {

constexpr std::size_t kMaxHeadBytes = 1000;

bool is_name(std::string_view text) {
  if (text.starts_with(':')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && (c < 'A' || c > 'Z') &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

class Owner final : public http3::Http3Sink {
 public:
  struct Request {
    http3::Fields head;
    std::string body;
    int ends = 0;
    friend bool operator==(const Request& a, const Request& b) {
      return a.head == b.head && a.body == b.body && a.ends == b.ends;
    }
  };

  explicit Owner(bool answers_heads) : answers_heads_(answers_heads) { http_.handle_open(now_); }

  void run(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !http_.is_over()) {
      const std::string_view next = bytes.substr(0, piece);
      http_.handle_bytes(now_, as_bytes(next));
      bytes.remove_prefix(next.size());
      take_output();
    }
    if (!http_.is_over()) http_.handle_end(now_);
    take_output();
    FUZZ_CHECK(http_.is_over());
    FUZZ_CHECK(!http_.wants_bytes());
    http_.handle_closed(now_, {});
    FUZZ_CHECK(closed_ == requests.size());
    FUZZ_CHECK(is_closed_);
  }

  bool has_oversized() const { return output.find("HTTP/1.1 431 ") != std::string::npos; }

  std::vector<Request> requests;
  std::string output;

 private:
  void take_output() {
    while (auto bytes = http_.poll_output(now_)) output += bytes->text();
  }
  Request& current(StreamId id) {
    FUZZ_CHECK(id.value == static_cast<std::int64_t>(4 * (requests.size() - 1)));
    FUZZ_CHECK(closed_ + 1 == requests.size());
    return requests.back();
  }
  void answer(StreamId id) {
    http_.respond(id, {{":status", "200"}}, false);
    http_.write(id, Buffer::copy("answer"));
    http_.finish(id, {});
  }

  // http3::Http3Sink
  void on_open(LocalTime) override {}
  void on_head_begun(LocalTime, StreamId id) override {
    requests.emplace_back();
    (void)current(id);
  }
  void on_head(LocalTime, StreamId id, http3::Fields head, bool) override {
    Request& request = current(id);
    FUZZ_CHECK(request.head.empty());
    for (const http3::Field& field : head) {
      FUZZ_CHECK(is_name(field.name));
      FUZZ_CHECK(is_value(field.value));
    }
    FUZZ_CHECK(head.byte_size() <= kMaxHeadBytes + 100);
    FUZZ_CHECK(head.get(":path").starts_with('/') || head.get(":path") == "*");
    for (const char* name : {"host", "connection", "transfer-encoding", "upgrade", "expect"}) {
      FUZZ_CHECK(!head.has(name));
    }
    request.head = std::move(head);
    if (!answers_heads_) return;
    answer(id);
    http_.stop_reading(id, http3::Http3Error::kNoError);
  }
  void on_oversized_head(LocalTime, StreamId id) override {
    (void)current(id);
    http_.respond(id, {{":status", "431"}}, true);
  }
  void on_body(LocalTime, StreamId id, BytesView data) override {
    FUZZ_CHECK(!answers_heads_);
    FUZZ_CHECK(current(id).ends == 0);
    current(id).body += as_text(data);
    http_.consume(id, data.size());
  }
  void on_trailers(LocalTime, StreamId, http3::Fields) override { FUZZ_CHECK(false); }
  void on_end(LocalTime, StreamId id) override {
    FUZZ_CHECK(++current(id).ends == 1);
    if (!answers_heads_) answer(id);
  }
  void on_reset(LocalTime, StreamId id, std::uint64_t) override {
    (void)current(id);
    http_.reset(id, http3::Http3Error::kRequestCancelled);
  }
  void on_stop_sending(LocalTime, StreamId, std::uint64_t) override {}
  void on_stream_drained(LocalTime, StreamId) override {}
  void on_stream_stalled(LocalTime, StreamId) override {}
  void on_stream_closed(LocalTime, StreamId id) override {
    (void)current(id);
    ++closed_;
  }
  void on_goaway(LocalTime) override {}
  void on_closed(LocalTime, const transport::CloseInfo&) override { is_closed_ = true; }

  const LocalTime now_{std::chrono::hours(1)};
  const bool answers_heads_;
  std::size_t closed_ = 0;
  bool is_closed_ = false;
  http1::Http1Connection http_{{kMaxHeadBytes, "h3=\":443\""}, *this};
};

// Responses with a length, and interim ones; how many of the former.
std::size_t count_responses(std::string_view output) {
  std::size_t count = 0;
  while (!output.empty()) {
    FUZZ_CHECK(output.starts_with("HTTP/1.1 "));
    const std::size_t end = output.find("\r\n\r\n");
    FUZZ_CHECK(end != std::string_view::npos);
    const std::string_view head = output.substr(0, end + 2);
    output.remove_prefix(end + 4);
    if (head.starts_with("HTTP/1.1 100 ")) continue;
    ++count;
    constexpr std::string_view kLength = "\r\ncontent-length: ";
    const std::size_t at = head.find(kLength);
    if (at == std::string_view::npos) continue;
    const std::size_t length = std::stoul(std::string(head.substr(at + kLength.size())));
    FUZZ_CHECK(length <= output.size());
    output.remove_prefix(length);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choices = input.byte();
  const std::size_t piece = (choices & 7U) + 1;
  const bool answers_heads = (choices >> 3 & 1U) != 0;
  const std::string_view bytes = as_text(input.rest());
  Owner pieces(answers_heads);
  pieces.run(bytes, piece);
  FUZZ_CHECK(count_responses(pieces.output) <= pieces.requests.size());
  if (answers_heads) return 0;  // whether a body is still to come is a matter of pieces
  Owner whole(false);
  whole.run(bytes, std::max<std::size_t>(bytes.size(), 1));
  FUZZ_CHECK(whole.requests == pieces.requests);
  // Of what is too large and malformed as well, either may be noticed first.
  if (!whole.has_oversized() && !pieces.has_oversized()) FUZZ_CHECK(whole.output == pieces.output);
  return 0;
}
