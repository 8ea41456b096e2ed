// One message at a time: sections of fields as they come in, bodies as they go out.
#include <algorithm>
#include <utility>

#include "runtime/http3/http3_connection_impl.h"

namespace echostream::http3 {
namespace {

// RFC 9114 4.2.2.
constexpr std::size_t kBytesPerField = 32;
// A section that large is no mistake.
constexpr std::size_t kHostileFactor = 16;
// A piece up to that size is copied behind its frame's header, which costs less than a second
// buffer on its way through the stream.
constexpr std::size_t kMostJoinedBytes = 2048;

}  // namespace

int Http3Connection::Impl::begin_section(StreamId id) {
  Stream& stream = streams[id];
  stream.section = {};
  stream.section_bytes = 0;
  stream.is_early = is_early;
  return 0;
}

int Http3Connection::Impl::add_field(StreamId id, BytesView name, BytesView value) {
  Stream* stream = find(id);
  if (stream == nullptr) return 0;
  stream->section_bytes += name.size() + value.size() + kBytesPerField;
  if (stream->section_bytes <= options.max_field_section_bytes && !stream->is_oversized) {
    stream->section.add(as_text(name), as_text(value));
    return 0;
  }
  stream->is_oversized = true;
  stream->section = {};
  if (stream->section_bytes <= kHostileFactor * options.max_field_section_bytes) return 0;
  is_failing = true;
  return NGHTTP3_ERR_CALLBACK_FAILURE;
}

void Http3Connection::Impl::end_head(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->stopped_reading) return;
  stream->has_head = true;
  if (stream->is_oversized) {
    sink.on_oversized_head(now, id);
    if (!is_server) reset(id, Http3Error::kExcessiveLoad);
    return;
  }
  Fields head = std::exchange(stream->section, {});
  if (!is_server && head.get(":status").substr(0, 1) == "1") return;  // interim
  sink.on_head(now, id, std::move(head), stream->is_early);
}

void Http3Connection::Impl::end_trailers(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->stopped_reading) return;
  if (stream->is_oversized && !is_server) {
    sink.on_oversized_head(now, id);
    return reset(id, Http3Error::kExcessiveLoad);
  }
  if (stream->is_oversized) {
    close(static_cast<std::uint64_t>(Http3Error::kExcessiveLoad), "a trailer section too large");
    return;
  }
  sink.on_trailers(now, id, std::exchange(stream->section, {}));
}

nghttp3_ssize Http3Connection::Impl::read_body(StreamId id, nghttp3_vec* pieces, std::size_t most,
                                               std::uint32_t* flags) {
  Stream* stream = find(id);
  if (stream == nullptr) return NGHTTP3_ERR_CALLBACK_FAILURE;
  std::size_t count = 0;
  for (; count < most && stream->given < stream->body.size(); ++count, ++stream->given) {
    const Buffer& piece = stream->body[stream->given];
    pieces[count] = {const_cast<std::uint8_t*>(piece.data()), piece.size()};
  }
  if (stream->given == stream->body.size() && stream->is_complete) {
    *flags |= NGHTTP3_DATA_FLAG_EOF;
    if (!stream->trailers.empty()) {
      const auto fields = to_nghttp3({}, stream->trailers, true);
      if (nghttp3_conn_submit_trailers(conn.get(), id.value, fields.data(), fields.size()) != 0) {
        return NGHTTP3_ERR_CALLBACK_FAILURE;
      }
      *flags |= NGHTTP3_DATA_FLAG_NO_END_STREAM;
    }
  } else if (count == 0) {
    stream->waits_for_body = true;
    has_blocked = true;
    return NGHTTP3_ERR_WOULDBLOCK;
  }
  return static_cast<nghttp3_ssize>(count);
}

void Http3Connection::Impl::drop_written(StreamId id, std::uint64_t bytes) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->queued_bytes -= std::min<std::size_t>(stream->queued_bytes, bytes);
  while (bytes > 0 && !stream->body.empty()) {
    Buffer& first = stream->body.front();
    const std::size_t gone = std::min<std::uint64_t>(bytes, first.size());
    first.remove_prefix(gone);
    bytes -= gone;
    if (!first.empty()) break;
    stream->body.pop_front();
    if (stream->given > 0) --stream->given;
  }
}

void Http3Connection::Impl::drop_body(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->body = {};
  stream->given = 0;
  stream->queued_bytes = 0;
}

void Http3Connection::Impl::resume(StreamId id, Stream& stream) {
  if (std::exchange(stream.waits_for_body, false)) {
    (void)nghttp3_conn_resume_stream(conn.get(), id.value);
  }
}

void Http3Connection::Impl::pump() {
  if (!write_soon) return pump_now();
  if (!std::exchange(will_write, true)) write_soon();
}

void Http3Connection::Impl::pump_now() {
  will_write = false;
  if (!is_bound || is_reading || quic == nullptr) return;
  write_all();
  if (quic == nullptr) return;
  for (const LowWater& low : std::exchange(asked_for, {})) {
    quic->notify_when_drained(low.stream, low.bytes);
  }
}

void Http3Connection::Impl::write_all() {
  for (;;) {
    std::int64_t stream = -1;
    int fin = 0;
    nghttp3_vec pieces[64];
    has_blocked = false;
    const nghttp3_ssize count =
        nghttp3_conn_writev_stream(conn.get(), &stream, &fin, pieces, std::size(pieces));
    if (count < 0) return fail(static_cast<int>(count), "writing");
    if (count == 0 && fin == 0) {
      // nghttp3 says so of one stream that has no more for now, as of all of them.
      if (!has_blocked) return;
      continue;
    }
    const auto pieces_count = static_cast<std::size_t>(count);
    send(stream, pieces, pieces_count, fin != 0);
    const std::uint64_t bytes = nghttp3_vec_len(pieces, pieces_count);
    // The transport holds its own reference to the bytes, or a copy, until they are acknowledged.
    int error = nghttp3_conn_add_write_offset(conn.get(), stream, bytes);
    if (fin != 0) {
      drop_body({stream});  // nghttp3 does not look at it again, and keeps the rest for the stream
    } else if (error == 0) {
      error = nghttp3_conn_add_ack_offset(conn.get(), stream, bytes);
    }
    if (error != 0) return fail(error, "writing");
  }
}

void Http3Connection::Impl::send(std::int64_t stream, const nghttp3_vec* pieces, std::size_t count,
                                 bool fin) {
  const std::size_t total = nghttp3_vec_len(pieces, count);
  if (total <= kMostJoinedBytes) {
    Buffer joined = Buffer::build(total, [&](MutableBytes out) {
      for (std::size_t i = 0; i < count; ++i) {
        std::copy_n(pieces[i].base, pieces[i].len, out.data());
        out = out.subspan(pieces[i].len);
      }
    });
    quic->write({stream}, std::move(joined), fin);
    return;
  }
  const Stream* sender = find({stream});
  std::size_t next = 0;  // the body's pieces come in their order
  for (std::size_t i = 0; i < count; ++i) {
    const BytesView piece(pieces[i].base, pieces[i].len);
    Buffer bytes;
    for (std::size_t at = next; sender != nullptr && at < sender->given; ++at) {
      const Buffer& whole = sender->body[at];
      if (piece.data() < whole.data() || piece.data() >= whole.data() + whole.size()) continue;
      bytes = whole.slice(static_cast<std::size_t>(piece.data() - whole.data()), piece.size());
      next = at;
      break;
    }
    if (bytes.empty()) bytes = Buffer::copy(piece);
    quic->write({stream}, std::move(bytes), fin && i + 1 == count);
  }
}

}  // namespace echostream::http3
