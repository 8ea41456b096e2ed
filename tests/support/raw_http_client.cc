#include "tests/support/raw_http_client.h"

#include <gtest/gtest.h>
#include <nghttp3/nghttp3.h>

#include <utility>

#include "runtime/transport/tls_context.h"

namespace echostream::testing {
namespace {

std::string_view text_of(nghttp3_rcbuf* buffer) {
  const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

// What the server wrote without a table, for we allow none.
http3::Fields decode_section(std::string_view bytes) {
  http3::Fields fields;
  nghttp3_qpack_decoder* decoder = nullptr;
  nghttp3_qpack_stream_context* context = nullptr;
  nghttp3_qpack_decoder_new(&decoder, 0, 0, nghttp3_mem_default());
  nghttp3_qpack_stream_context_new(&context, 0, nghttp3_mem_default());
  const auto* next = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const std::uint8_t* end = next + bytes.size();
  for (std::uint8_t flags = 0; (flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL) == 0;) {
    nghttp3_qpack_nv field;
    const auto read = nghttp3_qpack_decoder_read_request(decoder, context, &field, &flags, next,
                                                         static_cast<std::size_t>(end - next), 1);
    if (read < 0) {
      ADD_FAILURE() << "a section that cannot be read: "
                    << nghttp3_strerror(static_cast<int>(read));
      break;
    }
    next += read;
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) == 0) continue;
    fields.add(std::string(text_of(field.name)), std::string(text_of(field.value)));
    nghttp3_rcbuf_decref(field.name);
    nghttp3_rcbuf_decref(field.value);
  }
  nghttp3_qpack_stream_context_del(context);
  nghttp3_qpack_decoder_del(decoder);
  return fields;
}

// Takes a varint from the front; none when it is not all there.
std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const std::size_t size = std::size_t{1} << (first >> 6);
  if (bytes.size() < size) return std::nullopt;
  std::uint64_t value = first & 0x3f;
  for (std::size_t i = 1; i < size; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  bytes.remove_prefix(size);
  return value;
}

void read_frames(RawHttpClient::Answer& answer) {
  for (std::string_view rest = answer.unread;;) {
    const auto type = take_varint(rest);
    const auto length = take_varint(rest);
    if (!type || !length || rest.size() < *length) return;
    const std::string_view payload = rest.substr(0, *length);
    if (*type == h3::kData) answer.body.append(payload);
    if (*type == h3::kHeaders) {
      (answer.head.empty() ? answer.head : answer.trailers) = decode_section(payload);
    }
    rest.remove_prefix(*length);
    answer.unread = std::string(rest);
    rest = answer.unread;
  }
}

}  // namespace

RawHttpClient::RawHttpClient(Loop& loop, const SocketAddress& server, Trust trust,
                             RawHttpOptions options)
    : options_(std::move(options)) {
  transport::TlsContext::Options tls;
  tls.alpn = {options_.alpn};
  tls.trust = std::move(trust);
  transport::QuicEndpoint::Options endpoint;
  endpoint.quic = options_.quic;
  endpoint.fill_random = [&loop](MutableBytes out) { loop.fill_random(out); };
  endpoint.wall_time = [&loop] { return loop.wall_time(); };
  driver_ = internal::QuicDriver::open(loop, SocketAddress::ipv4({}, 0), std::move(endpoint),
                                       nullptr, [](const SocketAddress&, const Status&) {})
                .value();
  transport::QuicEndpoint::Dial dial;
  dial.remote = server;
  const std::string name = server.to_string();
  dial.server_name = name.substr(0, name.rfind(':'));
  dial.peer_name = {name, false};
  dial.tls = transport::TlsContext::make_client(std::move(tls)).value();
  dial.ticket = options_.ticket;
  dial.early_data = !dial.ticket.empty();
  quic_ = driver_->connect(std::move(dial), *this).value();
  if (quic_->can_send_early()) open_streams();
}

RawHttpClient::~RawHttpClient() {
  if (quic_ == nullptr) return;
  quic_->close(0x100, "");
  driver_->flush_now();
}

std::optional<std::uint64_t> RawHttpClient::close_code() const {
  return closed_ && closed_->by_peer ? closed_->application_code : std::nullopt;
}

void RawHttpClient::open_streams() {
  if (options_.control.empty() || control.is_valid()) return;
  control = open_unidirectional(options_.control);
  encoder = open_unidirectional(h3::varint(h3::kEncoder));
  decoder = open_unidirectional(h3::varint(h3::kDecoder));
}

StreamId RawHttpClient::request(std::string_view bytes, bool fin) {
  if (quic_ == nullptr) return {};
  const auto id = quic_->open_bidirectional();
  if (!id) return {};
  write(*id, bytes, fin);
  return *id;
}

StreamId RawHttpClient::open_unidirectional(std::string_view bytes) {
  if (quic_ == nullptr) return {};
  const auto id = quic_->open_unidirectional();
  if (!id) return {};
  write(*id, bytes);
  return *id;
}

void RawHttpClient::write(StreamId id, std::string_view bytes, bool fin) {
  if (quic_ == nullptr) return;
  quic_->write(id, Buffer::copy(bytes), fin);
  driver_->flush_soon();
}

void RawHttpClient::reset(StreamId id, std::uint64_t code) {
  if (quic_ == nullptr) return;
  quic_->reset(id, code);
  driver_->flush_soon();
}

void RawHttpClient::stop_sending(StreamId id, std::uint64_t code) {
  if (quic_ == nullptr) return;
  quic_->stop_sending(id, code);
  driver_->flush_soon();
}

void RawHttpClient::consume(StreamId id, std::size_t bytes) {
  if (quic_ == nullptr) return;
  quic_->consume(id, bytes);
  driver_->flush_soon();
}

void RawHttpClient::on_connected(LocalTime) {
  is_open_ = true;
  open_streams();
}

void RawHttpClient::on_session_ticket(LocalTime, BytesView ticket) {
  ticket_ = std::string(as_text(ticket));
}

void RawHttpClient::on_stream_data(LocalTime, StreamId id, BytesView data, bool fin) {
  if (consumes || !id.is_bidirectional()) consume(id, data.size());
  if (!id.is_bidirectional() || forgets) return;
  Answer& got = answer(id);
  got.unread.append(as_text(data));
  read_frames(got);
  got.ended |= fin;
}

void RawHttpClient::on_stream_reset(LocalTime, StreamId id, std::uint64_t code) {
  if (!forgets) answer(id).reset_code = code;
}

void RawHttpClient::on_stream_closed(LocalTime, StreamId id) {
  if (!forgets) answer(id).closed = true;
}

void RawHttpClient::on_closed(LocalTime, const transport::CloseInfo& info) {
  closed_ = info;
  driver_->release_soon(*std::exchange(quic_, nullptr));
}

}  // namespace echostream::testing
