#include <array>

#include "runtime/http3/http3_connection_impl.h"

namespace echostream::http3 {
namespace {

using Impl = Http3Connection::Impl;

Impl& impl_of(void* user) { return *static_cast<Impl*>(user); }

BytesView view(nghttp3_rcbuf* text) {
  const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(text);
  return {bytes.base, bytes.len};
}

int on_acked(nghttp3_conn*, std::int64_t id, std::uint64_t bytes, void* user, void*) {
  impl_of(user).drop_written({id}, bytes);
  return 0;
}

int on_body(nghttp3_conn*, std::int64_t id, const std::uint8_t* data, std::size_t size, void* user,
            void*) {
  Impl& impl = impl_of(user);
  const Impl::Stream* stream = impl.find({id});
  if (stream == nullptr || stream->is_oversized || stream->stopped_reading) {
    if (impl.quic != nullptr) impl.quic->consume({id}, size);
    return 0;
  }
  impl.sink.on_body(impl.now, {id}, {data, size});
  return 0;
}

int on_deferred_consume(nghttp3_conn*, std::int64_t id, std::size_t bytes, void* user, void*) {
  Impl& impl = impl_of(user);
  if (impl.quic != nullptr) impl.quic->consume({id}, bytes);
  return 0;
}

int on_begin_section(nghttp3_conn*, std::int64_t id, void* user, void*) {
  return impl_of(user).begin_section({id});
}

int on_field(nghttp3_conn*, std::int64_t id, std::int32_t, nghttp3_rcbuf* name,
             nghttp3_rcbuf* value, std::uint8_t, void* user, void*) {
  return impl_of(user).add_field({id}, view(name), view(value));
}

int on_end_head(nghttp3_conn*, std::int64_t id, int, void* user, void*) {
  impl_of(user).end_head({id});
  return 0;
}

int on_end_trailers(nghttp3_conn*, std::int64_t id, int, void* user, void*) {
  impl_of(user).end_trailers({id});
  return 0;
}

int on_end_stream(nghttp3_conn*, std::int64_t id, void* user, void*) {
  impl_of(user).tell_end({id});
  return 0;
}

// What the peer sent on that stream is malformed (RFC 9114 4.1.2), or comes after a GOAWAY; of a
// request, on_reset_stream() follows.
int on_stop_sending(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* user, void*) {
  Impl& impl = impl_of(user);
  if (impl.quic != nullptr) impl.quic->stop_sending({id}, code);
  return 0;
}

int on_reset_stream(nghttp3_conn*, std::int64_t id, std::uint64_t code, void* user, void*) {
  Impl& impl = impl_of(user);
  if (impl.quic != nullptr) impl.quic->reset({id}, code);
  impl.tell_reset({id}, code);
  return 0;
}

int on_shutdown(nghttp3_conn*, std::int64_t first, void* user) {
  Impl& impl = impl_of(user);
  impl.sink.on_goaway(impl.now);
  // To a server it names a push, and there are none.
  if (!impl.is_server) impl.give_up_from({first});
  return 0;
}

nghttp3_callbacks make_callbacks() {
  nghttp3_callbacks callbacks{};
  callbacks.acked_stream_data = on_acked;
  callbacks.recv_data = on_body;
  callbacks.deferred_consume = on_deferred_consume;
  callbacks.begin_headers = on_begin_section;
  callbacks.recv_header = on_field;
  callbacks.end_headers = on_end_head;
  callbacks.begin_trailers = on_begin_section;
  callbacks.recv_trailer = on_field;
  callbacks.end_trailers = on_end_trailers;
  callbacks.stop_sending = on_stop_sending;
  callbacks.end_stream = on_end_stream;
  callbacks.reset_stream = on_reset_stream;
  callbacks.shutdown = on_shutdown;
  return callbacks;
}

// Names that nghttp3 does not treat as they should be. What is secret must not end up in a table
// that others' requests are compressed with (RFC 9204 7.1); what comes again is worth a place
// there.
struct IndexingRow {
  std::string_view name;
  std::uint8_t flags;
};
constexpr std::array<IndexingRow, 10> kIndexingRows = {{
    {"authorization", NGHTTP3_NV_FLAG_NEVER_INDEX},
    {"connect-accept-encoding", NGHTTP3_NV_FLAG_TRY_INDEX},
    {"connect-protocol-version", NGHTTP3_NV_FLAG_TRY_INDEX},
    {"cookie", NGHTTP3_NV_FLAG_NEVER_INDEX},
    {"grpc-accept-encoding", NGHTTP3_NV_FLAG_TRY_INDEX},
    {"grpc-encoding", NGHTTP3_NV_FLAG_TRY_INDEX},
    {"grpc-status", NGHTTP3_NV_FLAG_TRY_INDEX},
    {"proxy-authorization", NGHTTP3_NV_FLAG_NEVER_INDEX},
    {"set-cookie", NGHTTP3_NV_FLAG_NEVER_INDEX},
    {"x-user-agent", NGHTTP3_NV_FLAG_TRY_INDEX},
}};

constexpr std::uint8_t kNoCopy = NGHTTP3_NV_FLAG_NO_COPY_NAME | NGHTTP3_NV_FLAG_NO_COPY_VALUE;

// Most names are told from those by their length.
consteval std::uint32_t lengths_of_rows() {
  std::uint32_t lengths = 0;
  for (const IndexingRow& row : kIndexingRows) lengths |= std::uint32_t{1} << row.name.size();
  return lengths;
}

std::uint8_t flags_of(std::string_view name, bool is_post) {
  // Calls repeat their methods' paths; those of GETs have arguments in them.
  if (is_post && name == ":path") return NGHTTP3_NV_FLAG_TRY_INDEX;
  const bool may_be_there = name.size() < 32 && (lengths_of_rows() >> name.size() & 1) != 0;
  if (!may_be_there) return NGHTTP3_NV_FLAG_NONE;
  for (const IndexingRow& row : kIndexingRows) {
    if (row.name == name) return row.flags;
  }
  return NGHTTP3_NV_FLAG_NONE;
}

}  // namespace

const nghttp3_callbacks& http3_callbacks() {
  static const nghttp3_callbacks kCallbacks = make_callbacks();
  return kCallbacks;
}

PooledVector<nghttp3_nv> to_nghttp3(std::span<const Field> pseudo_headers, const Fields& fields,
                                    bool is_kept) {
  PooledVector<nghttp3_nv> out;
  out.reserve(pseudo_headers.size() + fields.size());
  const std::uint8_t kept = is_kept ? kNoCopy : std::uint8_t{0};
  bool is_post = false;
  const auto add = [&](const Field& field) {
    is_post = is_post || (field.name == ":method" && field.value == "POST");
    nghttp3_nv nv{};
    nv.name = as_bytes(field.name).data();
    nv.namelen = field.name.size();
    nv.value = as_bytes(field.value).data();
    nv.valuelen = field.value.size();
    nv.flags = static_cast<std::uint8_t>(kept | flags_of(field.name, is_post));
    out.push_back(nv);
  };
  for (const Field& field : pseudo_headers) add(field);
  for (const Field& field : fields) add(field);
  return out;
}

}  // namespace echostream::http3
