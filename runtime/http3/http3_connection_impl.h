// Inside Http3Connection: what nghttp3 calls, and what it is called with.
#pragma once

#include <nghttp3/nghttp3.h>

#include <memory>
#include <span>
#include <vector>

#include "runtime/base/pooled_allocator.h"
#include "runtime/base/ring_queue.h"
#include "runtime/http3/control_filter.h"
#include "runtime/http3/http3_connection.h"
#include "runtime/transport/counted_memory.h"

namespace echostream::http3 {

struct Http3Connection::Impl {
  Impl(bool is_server_in, Http3Options options_in, Http3Sink& sink_in)
      : is_server(is_server_in), options(options_in), sink(sink_in) {}

  // One request with its answer.
  struct Stream {
    // Of our message: handed to nghttp3 up to `given`, which refers to the bytes until it has
    // written them.
    RingQueue<Buffer> body;
    std::size_t given = 0;
    std::size_t queued_bytes = 0;
    Fields head;
    bool is_complete = false;
    bool waits_for_body = false;  // nghttp3 has to be told when there is more
    Fields trailers;
    // Of the peer's: the section that is being read.
    Fields section;
    std::size_t section_bytes = 0;
    bool is_oversized = false;
    bool is_early = false;
    bool stopped_reading = false;
    bool told_of_reset = false;
    bool has_head = false;
    bool told_of_begin = false;
    // All of the peer's has come; all of it was told to the sink.
    bool has_fin = false;
    bool told_end = false;
    bool is_closed = false;  // by the transport, while it waits for QPACK
  };

  struct Deleter {
    void operator()(nghttp3_conn* ended) const { nghttp3_conn_del(ended); }
  };

  Status start();
  /// Opens the control and QPACK streams.
  bool bind_streams();
  void close_without_room();
  Stream* find(StreamId id) {
    return last_stream != nullptr && last_found == id ? last_stream : look_up(id);
  }
  Stream* look_up(StreamId id);
  /// False when there is none.
  bool erase(StreamId id);
  /// Writes what nghttp3 has to write, or has that done later.
  void pump();
  /// Unless it is being read from: then when that has ended.
  void pump_now();
  void write_all();
  void send(std::int64_t stream, const nghttp3_vec* pieces, std::size_t count, bool fin);
  void fail(int error, const char* what);
  void close(std::uint64_t code, std::string reason);
  /// Hands what came to nghttp3; how much of it is no body, or an error of nghttp3's.
  nghttp3_ssize read(StreamId id, BytesView data, bool fin);
  /// The same of a unidirectional stream.
  nghttp3_ssize read_unidirectional(StreamId id, BytesView data, bool fin);
  void tell_begin(StreamId id);
  void tell_reset(StreamId id, std::uint64_t code);
  void tell_end(StreamId id);
  /// Nothing will be told of it any more.
  void close_stream(StreamId id);
  /// Those that have closed while they waited, and wait no more.
  void close_waiting();
  void reset(StreamId id, Http3Error code);
  void stop_reading(StreamId id, Http3Error code);
  /// Client: the server has not acted upon these requests, and never will.
  void give_up_from(StreamId first);

  int begin_section(StreamId id);
  int add_field(StreamId id, BytesView name, BytesView value);
  void end_head(StreamId id);
  void end_trailers(StreamId id);
  nghttp3_ssize read_body(StreamId id, nghttp3_vec* pieces, std::size_t most, std::uint32_t* flags);
  void drop_written(StreamId id, std::uint64_t bytes);
  /// All of it is written.
  void drop_body(StreamId id);
  /// Of a stream's body there is more, or its end.
  void resume(StreamId id, Stream& stream);

  const bool is_server;
  const Http3Options options;
  Http3Sink& sink;
  transport::QuicConnection* quic = nullptr;
  transport::CountedMemory memory{transport::CountedMemory::Source::kPooled};  // of nghttp3
  nghttp3_mem allocator{};
  std::unique_ptr<nghttp3_conn, Deleter> conn;
  // Of the peer's unidirectional streams, until they are known not to be its control stream.
  PooledMap<StreamId, ControlFilter> filters;
  PooledMap<StreamId, Stream> streams;
  // The last that find() found: what comes of one stream comes in a row. Null: none, or erased.
  StreamId last_found;
  Stream* last_stream = nullptr;
  // Closed by the transport while they waited for QPACK, and told since.
  std::vector<StreamId> told_late;
  LocalTime now{};
  UniqueFunction<void()> write_soon;
  bool will_write = false;
  bool has_blocked = false;  // a stream, while nghttp3 looked for something to write
  // notify_when_drained() of streams, until what they have is written.
  struct LowWater {
    StreamId stream;
    std::size_t bytes;
  };
  std::vector<LowWater> asked_for;
  bool is_bound = false;
  bool is_reading = false;
  bool is_early = true;
  bool is_failing = false;
};

/// Those that nghttp3 calls; the user data of the connection is its Impl.
const nghttp3_callbacks& http3_callbacks();
/// The pseudo-headers are before the fields. What they refer to outlives the result; and what
/// nghttp3 makes of it, if `is_kept`: it makes no copy then.
PooledVector<nghttp3_nv> to_nghttp3(std::span<const Field> pseudo_headers, const Fields& fields,
                                    bool is_kept);

}  // namespace echostream::http3
