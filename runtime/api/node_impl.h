// The inside of a Node: its sessions and the sockets they run over.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "echostream/base/wait.h"
#include "echostream/node.h"

#include "runtime/api/address_watch.h"
#include "runtime/api/announcement_watches.h"
#include "runtime/api/limited_log.h"
#include "runtime/api/node_clock_service.h"
#include "runtime/api/node_context.h"
#include "runtime/api/node_traces.h"
#include "runtime/api/plugin_host.h"
#include "runtime/api/quic_driver.h"
#include "runtime/api/session_state.h"
#include "runtime/api/side_door.h"
#include "runtime/api/stall_watch.h"

namespace echostream {

struct Node::Impl {
  Impl(Node& node, Loop& loop, NodeOptions options);
  ~Impl();

  Status check_options() const;
  bool takes_http() const noexcept { return static_cast<bool>(accept_http); }
  Result<internal::QuicDriver*> open_driver(const SocketAddress& bind_to,
                                            std::shared_ptr<transport::TlsContext> server_tls,
                                            internal::PortMember member = {});
  Result<std::shared_ptr<transport::TlsContext>> make_server_tls() const;
  /// Opens the side door beside the driver, if there is to be one.
  Status open_side_door_beside(const internal::QuicDriver& driver, bool shares_port);
  /// `server_tls` may be shared with nodes on other threads.
  Result<internal::QuicDriver*> listen(const SocketAddress& bind_to,
                                       std::shared_ptr<transport::TlsContext> server_tls,
                                       internal::PortMember member = {});
  /// The socket that connect() uses, opened when it is first needed.
  Result<internal::QuicDriver*> dialling_driver();
  Result<std::shared_ptr<transport::TlsContext>> client_tls();
  /// What handshakes are made with.
  struct Security {
    NodeOptions options;  // identities and trust count
    std::shared_ptr<transport::TlsContext> dialling;
    std::shared_ptr<transport::TlsContext> listening;
    std::shared_ptr<transport::TlsContext> side_door;
  };
  using ChangeOptions = std::function<void(NodeOptions&)>;
  /// All of it as it would be after `change`, or why that cannot be used.
  Result<Security> make_security(const ChangeOptions& change) const;
  /// For handshakes from now on; nodes on other threads may use the same.
  void use_security(const Security& made);
  /// Both, for this node alone.
  Status change_security(const char* what, const ChangeOptions& change);
  std::shared_ptr<internal::SessionState> add_session(std::unique_ptr<internal::Link> link);
  /// A session of an accepted connection, and what that reports to. `link` is of a class that can
  /// be bound to both; null refuses the connection.
  template <class OneLink>
  transport::QuicConnectionSink* adopt(std::unique_ptr<OneLink> link,
                                       transport::QuicConnection& connection) {
    if (link == nullptr) return nullptr;
    OneLink& bound = *link;
    bound.bind(connection);
    bound.bind(*add_session(std::move(link)));
    ++context.counts.sessions_accepted;
    return &bound.sink();
  }
  std::uint64_t random_number();

  Loop& loop;
  internal::NodeContext context;
  TypedState state;
  internal::AnnouncementWatches announcement_watches{context};
  internal::PluginHost plugins;
  internal::NodeTraces traces;
  std::vector<std::shared_ptr<internal::SessionState>> sessions;
  WaitPoint sessions_changed;
  internal::StallWatch stall_watch;
  internal::LimitedLog refusals{context};
  std::vector<std::shared_ptr<internal::PersistentState>> persistent_sessions;
  /// Null unless NodeOptions::shared_clock asks for it.
  std::unique_ptr<internal::NodeClockService> clock;
  std::vector<std::unique_ptr<internal::QuicDriver>> drivers;
  internal::QuicDriver* dialler = nullptr;
  /// Null until something was dialled, and where NodeOptions::migrate_on_address_change is off.
  std::unique_ptr<internal::AddressWatch> address_watch;
  std::shared_ptr<transport::TlsContext> dialling_tls;
  std::shared_ptr<Resolver> host_resolver;
  std::vector<std::shared_ptr<Resolver>> resolvers;
  /// Null when sessions are not to be resumed.
  std::shared_ptr<SessionTicketCache> tickets;
  /// adopt() of connections that talk HTTP/3; unset: none may.
  internal::QuicDriver::Accept accept_http;
  using OpenSideDoor = UniqueFunction<Result<std::unique_ptr<internal::SideDoor>>(
      const SocketAddress& bind_to, bool shares_port, std::shared_ptr<transport::TlsContext> tls)>;
  /// Unset: there is to be none.
  OpenSideDoor open_side_door;
  std::vector<std::unique_ptr<internal::SideDoor>> side_doors;
  bool shutting_down = false;
  /// Expires with the node: tasks of others that wait inside it look at this when they go on.
  std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);
  // Last: the user's tasks go first.
  TaskGroup tasks;

 private:
  transport::QuicConnectionSink* accept(internal::QuicDriver& driver,
                                        transport::QuicConnection& connection);
  transport::QuicEndpoint::Options endpoint_options();
  void watch_addresses();
  void share_clock(const SharedClockOptions& options);
};

}  // namespace echostream
