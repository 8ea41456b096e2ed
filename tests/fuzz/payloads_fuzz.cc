// Any payload of any frame: refused, or understood so that writing it again gives the same meaning.
// Input: one byte that chooses the frame, then the payload.
#include <algorithm>

#include "runtime/core/frame/frames.h"
#include "tests/fuzz/fuzz_check.h"

using namespace echostream;
using namespace echostream::core;

namespace {

void check_metadata_is_sane(const Metadata& metadata, std::size_t payload_bytes) {
  // What parsing allocates is bounded by what arrived.
  FUZZ_CHECK(metadata.entries().size() <= payload_bytes / 2);
  for (const auto& [key, value] : metadata.entries()) FUZZ_CHECK(Metadata::is_valid_key(key));
}

void try_settings(BytesView payload) {
  const auto settings = parse_settings(payload);
  if (!settings) return;
  ByteWriter out;
  write_settings(out, *settings, payload.size());
  FUZZ_CHECK(*parse_settings(out.bytes()) == *settings);
}

void try_request(BytesView payload) {
  const auto request = parse_request(payload);
  if (!request) return;
  check_metadata_is_sane(request->metadata, payload.size());
  FUZZ_CHECK(request->timeout >= Duration::zero());
  ByteWriter out;
  write_request(out, *request);
  const auto again = parse_request(out.bytes());
  FUZZ_CHECK(again && again->method_id == request->method_id);
  FUZZ_CHECK(again->timeout == request->timeout && again->metadata == request->metadata);
}

void try_response(BytesView payload) {
  const auto metadata = parse_response(payload);
  if (!metadata) return;
  check_metadata_is_sane(*metadata, payload.size());
  ByteWriter out;
  write_response(out, *metadata);
  FUZZ_CHECK(*parse_response(out.bytes()) == *metadata);
}

void try_status(BytesView payload) {
  const auto frame = parse_status(payload);
  if (!frame) return;
  check_metadata_is_sane(frame->metadata, payload.size());
  FUZZ_CHECK(frame->status.details().size() <= payload.size() / 2);
  ByteWriter out;
  write_status(out, *frame);
  const auto again = parse_status(out.bytes());
  FUZZ_CHECK(again && again->status == frame->status && again->metadata == frame->metadata);
  ByteWriter fitting;
  write_status(fitting, {fit_for_wire(frame->status), {}});
  FUZZ_CHECK(fitting.size() <= kMaxStatusBytes);
}

void try_event(BytesView payload) {
  ByteReader reader(payload);
  const auto header = parse_event_header(reader);
  if (!header) return;
  check_metadata_is_sane(header->metadata, payload.size());
  FUZZ_CHECK(reader.rest().size() <= payload.size());
  ByteWriter out;
  write_event_header(out, *header);
  ByteReader again(out.bytes());
  FUZZ_CHECK(parse_event_header(again)->method_id == header->method_id);
}

void try_datagram(BytesView payload) {
  ByteReader reader(payload);
  const auto header = read_datagram_header(reader);
  if (!header) return;
  FUZZ_CHECK(header->fragment_index < header->fragment_count);
  FUZZ_CHECK(header->fragment_count <= kMaxFragments);
  const Buffer bytes = make_datagram_header(*header);
  ByteReader again(bytes);
  const auto read = read_datagram_header(again);
  FUZZ_CHECK(read && read->call_id == header->call_id);
  FUZZ_CHECK(read->frame.sequence == header->frame.sequence);
  FUZZ_CHECK(read->frame.capture_time == header->frame.capture_time);
  FUZZ_CHECK(read->fragment_index == header->fragment_index || header->fragment_count == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView payload(data + 1, size - 1);
  constexpr void (*kTries[])(BytesView) = {try_settings, try_request, try_response,
                                           try_status,   try_event,   try_datagram};
  kTries[data[0] % std::size(kTries)](payload);
  return 0;
}
