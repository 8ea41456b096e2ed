#include "runtime/http3/http3_connection.h"

#include <utility>

#include "runtime/http3/http3_connection_impl.h"

namespace echostream::http3 {
namespace {

nghttp3_ssize read_data(nghttp3_conn*, std::int64_t id, nghttp3_vec* pieces, std::size_t most,
                        std::uint32_t* flags, void* user, void*) {
  return static_cast<Http3Connection::Impl*>(user)->read_body({id}, pieces, most, flags);
}

constexpr nghttp3_data_reader kBodyReader{read_data};

// A piece that waits here costs a block, however small it is; in the transport's stream they are
// joined.
constexpr std::size_t kMostPieces = 64;

std::uint64_t number(Http3Error code) { return static_cast<std::uint64_t>(code); }

}  // namespace

Status Http3Connection::Impl::start() {
  nghttp3_settings settings;
  nghttp3_settings_default(&settings);
  settings.max_field_section_size = options.max_field_section_bytes;
  settings.qpack_max_dtable_capacity = options.qpack_table_bytes;
  // What changes little from response to response is short, and entries of the table cost more: the
  // client has to acknowledge each section that refers to them (RFC 9204 4.4.1).
  settings.qpack_encoder_max_dtable_capacity = is_server ? 0 : options.qpack_table_bytes;
  settings.qpack_blocked_streams = options.qpack_blocked_streams;
  const ngtcp2_mem& counted = *memory.get();
  allocator = {counted.user_data, counted.malloc, counted.free, counted.calloc, counted.realloc};
  nghttp3_conn* made = nullptr;
  const auto make =
      is_server ? nghttp3_conn_server_new_versioned : nghttp3_conn_client_new_versioned;
  const int error = make(&made, NGHTTP3_CALLBACKS_VERSION, &http3_callbacks(),
                         NGHTTP3_SETTINGS_VERSION, &settings, &allocator, this);
  if (error != 0) return {StatusCode::kInternal, nghttp3_strerror(error)};
  conn.reset(made);
  if (is_server) nghttp3_conn_set_max_client_streams_bidi(made, std::uint64_t{1} << 60);
  return Status::ok();
}

bool Http3Connection::Impl::bind_streams() {
  if (is_bound) return true;
  if (quic == nullptr) return false;
  auto control = quic->open_unidirectional();
  auto encoder = quic->open_unidirectional();
  auto decoder = quic->open_unidirectional();
  if (!control || !encoder || !decoder) return false;
  is_bound = nghttp3_conn_bind_control_stream(conn.get(), control->value) == 0 &&
             nghttp3_conn_bind_qpack_streams(conn.get(), encoder->value, decoder->value) == 0;
  if (!is_bound) return false;
  // Small, and everything else waits for them.
  for (const StreamId id : {*control, *encoder, *decoder}) quic->set_priority(id, 0);
  return true;
}

void Http3Connection::Impl::close_without_room() {
  close(number(Http3Error::kStreamCreationError), "no room for the control streams");
}

Http3Connection::Impl::Stream* Http3Connection::Impl::look_up(StreamId id) {
  const auto found = streams.find(id);
  if (found == streams.end()) return nullptr;
  last_found = id;
  return last_stream = &found->second;
}

bool Http3Connection::Impl::erase(StreamId id) {
  if (last_found == id) last_stream = nullptr;
  return streams.erase(id) != 0;
}

void Http3Connection::Impl::close(std::uint64_t code, std::string reason) {
  if (quic != nullptr) quic->close(code, std::move(reason));
}

void Http3Connection::Impl::fail(int error, const char* what) {
  if (is_failing || error == NGHTTP3_ERR_QPACK_HEADER_TOO_LARGE) {
    return close(number(Http3Error::kExcessiveLoad), "a field section far too large");
  }
  close(nghttp3_err_infer_quic_app_error_code(error),
        std::string("HTTP/3, ") + what + ": " + nghttp3_strerror(error));
}

void Http3Connection::Impl::tell_begin(StreamId id) {
  Stream* stream = find(id);
  if (!is_server || stream == nullptr || stream->has_head || stream->told_of_reset) return;
  if (stream->stopped_reading || std::exchange(stream->told_of_begin, true)) return;
  sink.on_head_begun(now, id);
}

void Http3Connection::Impl::tell_reset(StreamId id, std::uint64_t code) {
  Stream* stream = find(id);
  if (stream == nullptr || std::exchange(stream->told_of_reset, true)) return;
  if (stream->is_closed) told_late.push_back(id);
  if (!stream->stopped_reading && !stream->is_oversized) sink.on_reset(now, id, code);
}

void Http3Connection::Impl::tell_end(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->told_end = true;
  if (stream->is_closed) told_late.push_back(id);
  if (!stream->is_oversized && !stream->stopped_reading) sink.on_end(now, id);
}

void Http3Connection::Impl::close_stream(StreamId id) {
  const int error = nghttp3_conn_close_stream(conn.get(), id.value, number(Http3Error::kNoError));
  if (error != 0 && error != NGHTTP3_ERR_STREAM_NOT_FOUND) fail(error, "a stream's end");
  if (erase(id)) sink.on_stream_closed(now, id);
}

void Http3Connection::Impl::close_waiting() {
  for (const StreamId id : std::exchange(told_late, {})) close_stream(id);
}

nghttp3_ssize Http3Connection::Impl::read(StreamId id, BytesView data, bool fin) {
  if (is_server && id.is_bidirectional() && find(id) == nullptr) {
    last_stream = &streams.try_emplace(id).first->second;
    last_found = id;
  }
  return nghttp3_conn_read_stream(conn.get(), id.value, data.data(), data.size(), fin ? 1 : 0);
}

nghttp3_ssize Http3Connection::Impl::read_unidirectional(StreamId id, BytesView data, bool fin) {
  ControlFilter& filter = filters.try_emplace(id, is_server).first->second;
  if (filter.is_transparent()) return read(id, data, fin);
  std::vector<std::uint8_t> passed;
  if (const auto error = filter.feed(data, passed)) {
    close(number(*error), "HTTP/3, reading: what the control stream says");
    return static_cast<nghttp3_ssize>(data.size());
  }
  // nghttp3 takes no call that says nothing.
  if (!passed.empty() || fin) {
    const nghttp3_ssize read_bytes = read(id, passed, fin);
    if (read_bytes < 0) return read_bytes;
  }
  return static_cast<nghttp3_ssize>(data.size());
}

void Http3Connection::Impl::reset(StreamId id, Http3Error code) {
  if (quic == nullptr || find(id) == nullptr) return;
  nghttp3_conn_shutdown_stream_write(conn.get(), id.value);
  quic->reset(id, number(code));
  stop_reading(id, code);
}

void Http3Connection::Impl::stop_reading(StreamId id, Http3Error code) {
  Stream* stream = find(id);
  if (quic == nullptr || stream == nullptr) return;
  if (std::exchange(stream->stopped_reading, true)) return;
  if (stream->is_closed) told_late.push_back(id);
  (void)nghttp3_conn_shutdown_stream_read(conn.get(), id.value);
  quic->stop_sending(id, number(code));
  pump();
}

void Http3Connection::Impl::give_up_from(StreamId first) {
  std::vector<StreamId> ids;
  for (const auto& [id, stream] : streams) {
    if (id >= first) ids.push_back(id);
  }
  for (const StreamId id : ids) {
    tell_reset(id, number(Http3Error::kRequestRejected));
    reset(id, Http3Error::kRequestCancelled);
  }
}

Http3Connection::Http3Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Http3Connection::~Http3Connection() = default;

Result<std::unique_ptr<Http3Connection>> Http3Connection::make(bool is_server, Http3Options options,
                                                               Http3Sink& sink) {
  auto impl = std::make_unique<Impl>(is_server, options, sink);
  if (Status status = impl->start(); !status.is_ok()) return status;
  return std::unique_ptr<Http3Connection>(new Http3Connection(std::move(impl)));
}

void Http3Connection::write_later(UniqueFunction<void()> soon) {
  impl_->write_soon = std::move(soon);
}

void Http3Connection::flush() { impl_->pump_now(); }

void Http3Connection::bind(transport::QuicConnection* connection) { impl_->quic = connection; }
transport::QuicConnection* Http3Connection::quic() const { return impl_->quic; }

Result<StreamId> Http3Connection::request(std::span<const Field> pseudo_headers,
                                          const Fields& fields, bool ends) {
  if (impl_->quic == nullptr || !impl_->is_bound) {
    return Status(StatusCode::kUnavailable, "the connection is not open");
  }
  auto id = impl_->quic->open_bidirectional();
  if (!id) return id;
  Impl::Stream& stream = impl_->streams[*id];
  stream.is_complete = ends;
  const auto head = to_nghttp3(pseudo_headers, fields, false);
  const int error =
      nghttp3_conn_submit_request(impl_->conn.get(), id->value, head.data(), head.size(),
                                  ends ? nullptr : &kBodyReader, nullptr);
  if (error != 0) {
    impl_->erase(*id);
    impl_->quic->reset(*id, number(Http3Error::kRequestCancelled));
    impl_->quic->stop_sending(*id, number(Http3Error::kRequestCancelled));
    return Status(StatusCode::kUnavailable,
                  std::string("the request cannot be sent: ") + nghttp3_strerror(error));
  }
  impl_->pump();
  return id;
}

void Http3Connection::respond(StreamId id, Fields head, bool ends) {
  Impl::Stream* stream = impl_->find(id);
  if (stream == nullptr || impl_->quic == nullptr) return;
  // An answer to early data comes before the handshake is complete.
  if (!impl_->bind_streams()) return impl_->close_without_room();
  stream->head = std::move(head);
  stream->is_complete = ends;
  nghttp3_pri priority{};
  // RFC 9218: urgency counts as our priorities do.
  if (nghttp3_conn_get_stream_priority(impl_->conn.get(), &priority, id.value) == 0 &&
      priority.urgency != transport::kDefaultPriority) {
    impl_->quic->set_priority(id, static_cast<transport::Priority>(priority.urgency));
  }
  const auto fields = to_nghttp3({}, stream->head, true);
  const int error = nghttp3_conn_submit_response(impl_->conn.get(), id.value, fields.data(),
                                                 fields.size(), ends ? nullptr : &kBodyReader);
  if (error != 0) return reset(id, Http3Error::kInternalError);
  impl_->pump();
}

void Http3Connection::write(StreamId id, Buffer bytes) {
  Impl::Stream* stream = impl_->find(id);
  if (stream == nullptr || stream->is_complete || bytes.empty()) return;
  stream->queued_bytes += bytes.size();
  stream->body.push_back(std::move(bytes));
  impl_->resume(id, *stream);
  if (stream->body.size() < kMostPieces) {
    impl_->pump();
  } else {
    impl_->pump_now();
  }
}

void Http3Connection::finish(StreamId id, Fields trailers) {
  Impl::Stream* stream = impl_->find(id);
  if (stream == nullptr || stream->is_complete) return;
  stream->is_complete = true;
  stream->trailers = std::move(trailers);
  impl_->resume(id, *stream);
  impl_->pump();
}

std::size_t Http3Connection::unsent_bytes(StreamId id) const {
  const Impl::Stream* stream = impl_->find(id);
  if (stream == nullptr || impl_->quic == nullptr) return 0;
  return stream->queued_bytes + impl_->quic->unsent_bytes(id);
}

// What nghttp3 still holds is nothing to QUIC: asked before that is written, it would say at once
// that nothing waits.
void Http3Connection::notify_when_drained(StreamId id, std::size_t low_water_bytes) {
  if (impl_->quic == nullptr) return;
  if (impl_->will_write) {
    impl_->asked_for.push_back({id, low_water_bytes});
  } else {
    impl_->quic->notify_when_drained(id, low_water_bytes);
  }
}

void Http3Connection::consume(StreamId id, std::size_t bytes) {
  if (impl_->quic != nullptr) impl_->quic->consume(id, bytes);
}

void Http3Connection::reset(StreamId id, Http3Error code) { impl_->reset(id, code); }

void Http3Connection::stop_reading(StreamId id, Http3Error code) { impl_->stop_reading(id, code); }

void Http3Connection::announce_shutdown() {
  if (!impl_->is_bound) return;
  if (nghttp3_conn_submit_shutdown_notice(impl_->conn.get()) == 0) impl_->pump();
}

void Http3Connection::refuse_requests() {
  if (!impl_->is_bound) return;
  if (nghttp3_conn_shutdown(impl_->conn.get()) == 0) impl_->pump();
}

void Http3Connection::close(Http3Error code, std::string reason) {
  impl_->close(number(code), std::move(reason));
}

void Http3Connection::on_connected(LocalTime now) {
  impl_->now = now;
  impl_->is_early = false;
  if (!impl_->bind_streams()) return impl_->close_without_room();
  impl_->pump();
  impl_->sink.on_open(now);
}

void Http3Connection::on_early_data_rejected(LocalTime now) { impl_->now = now; }

void Http3Connection::on_session_ticket(LocalTime now, BytesView ticket) {
  impl_->sink.on_session_ticket(now, ticket);
}

void Http3Connection::on_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) {
  impl_->now = now;
  impl_->is_reading = true;
  const nghttp3_ssize read = id.is_bidirectional() ? impl_->read(id, data, fin)
                                                   : impl_->read_unidirectional(id, data, fin);
  impl_->is_reading = false;
  if (impl_->memory.bytes() > impl_->options.max_bookkeeping_bytes) {
    return close(Http3Error::kExcessiveLoad, "more is held for this connection than it may cost");
  }
  if (Impl::Stream* stream = impl_->find(id)) stream->has_fin |= fin;
  if (read == NGHTTP3_ERR_MALFORMED_HTTP_MESSAGING && id.is_bidirectional()) {
    // A body whose length is not what its head says: no reason to end everybody else's requests.
    if (impl_->quic != nullptr) impl_->quic->reset(id, number(Http3Error::kMessageError));
    impl_->tell_reset(id, number(Http3Error::kMessageError));
    return reset(id, Http3Error::kMessageError);
  }
  if (read < 0) return impl_->fail(static_cast<int>(read), "reading");
  // The rest is body, which the sink consumes.
  if (read > 0) consume(id, static_cast<std::size_t>(read));
  impl_->tell_begin(id);
  impl_->close_waiting();
  impl_->pump();
}

void Http3Connection::on_stream_reset(LocalTime now, StreamId id, std::uint64_t code) {
  impl_->now = now;
  if (!id.is_bidirectional()) {
    const int error = nghttp3_conn_close_stream(impl_->conn.get(), id.value, code);
    if (error != 0 && error != NGHTTP3_ERR_STREAM_NOT_FOUND) impl_->fail(error, "a reset");
    return;
  }
  (void)nghttp3_conn_shutdown_stream_read(impl_->conn.get(), id.value);
  // A request of which nothing has come: nobody knows of it, but our side has to end too.
  if (impl_->is_server && impl_->find(id) == nullptr && impl_->quic != nullptr) {
    impl_->quic->reset(id, number(Http3Error::kRequestCancelled));
  }
  impl_->tell_reset(id, code);
  impl_->pump();
}

void Http3Connection::on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) {
  impl_->now = now;
  nghttp3_conn_shutdown_stream_write(impl_->conn.get(), id.value);
  if (impl_->find(id) != nullptr) impl_->sink.on_stop_sending(now, id, code);
}

void Http3Connection::on_stream_drained(LocalTime now, StreamId id) {
  impl_->now = now;
  if (impl_->find(id) != nullptr) impl_->sink.on_stream_drained(now, id);
}

void Http3Connection::on_stream_stalled(LocalTime now, StreamId id) {
  impl_->now = now;
  if (impl_->find(id) != nullptr) impl_->sink.on_stream_stalled(now, id);
}

void Http3Connection::on_stream_closed(LocalTime now, StreamId id) {
  impl_->now = now;
  if (!id.is_bidirectional()) impl_->filters.erase(id);
  Impl::Stream* stream = impl_->find(id);
  // All of it is here, but what it refers to in QPACK's table is not: as many streams may wait for
  // that as Http3Options::qpack_blocked_streams says.
  const bool waits = stream != nullptr && stream->has_fin && !stream->told_end &&
                     !stream->told_of_reset && !stream->stopped_reading;
  if (waits) {
    stream->is_closed = true;
  } else {
    impl_->close_stream(id);
  }
}

void Http3Connection::on_streams_available(LocalTime now) {
  impl_->now = now;
  impl_->sink.on_streams_available(now);
}

void Http3Connection::on_path_changed(LocalTime now) { impl_->sink.on_path_changed(now); }

void Http3Connection::on_closed(LocalTime now, const transport::CloseInfo& info) {
  impl_->now = now;
  impl_->quic = nullptr;
  impl_->sink.on_closed(now, info);
}

}  // namespace echostream::http3
