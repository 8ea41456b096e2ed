// One client at the TCP side door: its byte stream, TLS on that, HTTP/1.1 on that, and the times
// that none of the three knows of. Becomes a session when the handshake is complete.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "echostream/loop.h"

#include "runtime/api/node_impl.h"
#include "runtime/gateway/link/http1_link.h"
#include "runtime/transport/tls_stream.h"

namespace echostream::gateway {

class DoorConnection final : private TcpHandler,
                             private ReadyNode,
                             private TimerNode,
                             private Http1Link::Carrier {
 public:
  /// Outlives it.
  class Owner {
   public:
    virtual Node::Impl& node() = 0;
    virtual HttpGateway& gateway() = 0;
    virtual const std::string& alt_svc() const = 0;
    /// OK: the client may become a session.
    virtual Status admit() const = 0;
    virtual void refused(const SocketAddress& client, const Status& why) = 0;
    virtual void handshake_over() = 0;
    /// The connection is dead, and to be destroyed from outside of its calls.
    virtual void over_soon() = 0;

   protected:
    ~Owner() = default;
  };

  DoorConnection(Owner& owner, std::unique_ptr<TcpConnection> tcp,
                 std::unique_ptr<transport::TlsStream> tls);
  /// Only without a session: detach() or close that first.
  ~DoorConnection() override = default;

  SocketAddress remote_address() const { return remote_; }
  bool is_shaking_hands() const { return stage_ == Stage::kHandshake; }
  bool is_dead() const { return stage_ == Stage::kDead; }
  /// Moves what waits, in all directions; as much as one turn of the loop has time for.
  void pump();
  /// There is more.
  bool goes_on_later() const { return link_ != nullptr && steps_left_ <= 0; }
  /// Gives it up without a word.
  void drop();

 private:
  enum class Stage : std::uint8_t {
    kHandshake,
    kOpen,       // a session
    kClosing,    // what is written has yet to go
    kLingering,  // the end is sent; the client is given time to read, before what it sends is
                 // refused
    kDead,
  };

  // TcpHandler
  void handle_bytes(BytesView bytes) override;
  void handle_end() override;
  void handle_writable() override { pump_soon(); }
  void handle_failed(const Status& why) override;
  // ReadyNode, TimerNode
  void on_ready() override { pump(); }
  void on_timer(LocalTime now) override;
  // Http1Link::Carrier
  void pump_soon() override;
  void detached() override;
  bool export_keying_material(std::string_view label, BytesView context,
                              MutableBytes out) const override {
    return tls_->export_keying_material(label, context, out);
  }
  std::uint64_t bytes_sent() const override { return bytes_sent_; }
  std::uint64_t bytes_received() const override { return bytes_received_; }

  LocalTime now() const;
  void go_on_with_handshake(LocalTime now);
  void open_session(LocalTime now);
  void talk(LocalTime now);
  bool read(LocalTime now);
  bool write(LocalTime now);
  void send(LocalTime now);
  void end_session(const transport::CloseInfo& info);
  void leave_handshake();
  void begin_closing();
  void finish_closing(LocalTime now);
  bool is_stalled(LocalTime now);
  void note_what_was_taken(LocalTime now, std::size_t bytes);
  LocalTime next_deadline() const;
  LocalTime idle_deadline(LocalTime since) const;
  std::size_t unsent_bytes() const { return unsent_.size() - sent_; }
  bool wants_bytes() const;

  Owner& owner_;
  const SocketAddress remote_;
  Stage stage_ = Stage::kHandshake;
  std::unique_ptr<TcpConnection> tcp_;
  std::unique_ptr<transport::TlsStream> tls_;
  Http1Link* link_ = nullptr;  // the session's
  bool is_pumping_ = false;
  int steps_left_ = 0;        // in this turn
  bool has_ended_ = false;    // the client's side of the byte stream
  bool end_is_told_ = false;  // to HTTP
  Buffer writing_;            // of HTTP's, not in TLS yet
  std::vector<std::uint8_t> unsent_;
  std::size_t sent_ = 0;  // of unsent_, in front
  LocalTime deadline_;    // of the handshake, then of lingering
  std::size_t discarded_bytes_ = 0;
  // While the client has not taken everything: since when it is watched, and what it has taken.
  LocalTime stall_since_ = kNever;
  std::size_t taken_bytes_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace echostream::gateway
