// Plugins: code that lives with a node and hooks its life cycle. docs/plugins.md walks through one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/task.h"
#include "echostream/clock.h"
#include "echostream/method.h"
#include "echostream/node.h"
#include "echostream/security.h"
#include "echostream/session.h"
#include "echostream/socket_address.h"

namespace echostream {

/// What a node tells others about itself; plugins may add to it: Node::announcement().
struct Announcement {
  std::string name;
  /// Full names, as they were served: "acme.v1.Robot".
  std::vector<std::string> services;
  std::vector<std::pair<std::string, std::string>> properties;
  /// Where it accepts sessions: what listen() returned. None once the node shuts down.
  std::vector<SocketAddress> listening;
  /// Of NodeOptions::identity.
  std::optional<Fingerprint> fingerprint;
};

/// Hooks of one node: Node::add_plugin(). They run on the node's loop, in the order in which
/// plugins were added; those of endings (on_stop, on_session_closed) in reverse. Those that return
/// a Task may wait; the node waits for them, for Plugin::most_wait() at most. A hook that throws,
/// fails or takes too long is logged with the plugin's name and goes no further than its
/// documentation says. Hooks may add middleware and services and keep values in Node::state() and
/// Session::state(); none may destroy the node. A node destroys its plugins in reverse order, after
/// its sessions, services and middleware.
class Plugin {
 public:
  virtual ~Plugin() = default;
  /// For the log and the configuration: "auth_token". The same for as long as the plugin lives.
  virtual std::string_view name() const = 0;
  virtual std::string_view version() const { return {}; }
  /// How long a hook that waits may take; then it is destroyed where it waits, and counts as failed
  /// with DEADLINE_EXCEEDED.
  virtual Duration most_wait() const { return std::chrono::seconds(10); }

  /// Before everything else, by whoever makes the plugin, with what the configuration says: a JSON
  /// object, "{}" when it says nothing. An error tells what is wrong and what is allowed. Unless
  /// overridden, anything but an empty object is refused. Node::add_plugin() does not call it.
  virtual Status configure(std::string_view json);

  /// The node starts: before it accepts or dials the first session. An error stops the plugins
  /// that had started, and the node does not start (Node::start()).
  virtual Task<Status> on_start(Node& node);
  /// Node::shutdown() has begun; the sessions are still there, and calls under way may end.
  virtual void on_draining(Node& node);
  /// The node is shut down, its sessions are closed. Only if on_start() went well; not for a node
  /// that is destroyed without Node::shutdown().
  virtual Task<void> on_stop(Node& node);
  /// It accepts sessions on `address`. After on_start().
  virtual void on_listening(Node& node, const SocketAddress& address);
  /// A service is about to be served. An error is what Node::serve() returns. For services that
  /// were there before the plugin: within Node::add_plugin(), which then returns the error.
  virtual Status on_service(Node& node, const ServiceInfo& service);
  /// The node is about to be announced: Node::announcement().
  virtual void on_announce(Node& node, Announcement& announcement);

  /// Whether on_session_opening() has anything to say. False: it is never called, and sessions and
  /// early data do not wait for it. Asked once, when the plugin is added.
  virtual bool checks_sessions() const { return true; }
  /// The handshake is complete; no call, event or clock reading of the peer's is looked at before
  /// this has returned OK, and the session is not open. An error closes it: the peer's connect()
  /// fails with its code and message. What is thrown, or takes too long, closes it with INTERNAL
  /// and DEADLINE_EXCEEDED. The hook is destroyed when the session closes meanwhile.
  virtual Task<Status> on_session_opening(Node& node, Session session);
  virtual void on_session_open(Node& node, const Session& session);
  /// `reason` says why; `stats` are the last ones. Only for sessions that on_session_open() saw.
  virtual void on_session_closed(Node& node, const Session& session, const Status& reason,
                                 const SessionStats& stats);
  /// The state of what is known of the peer's clock has changed (ClockEstimate::state).
  virtual void on_clock_changed(Node& node, const Session& session, const ClockEstimate& estimate);
};

/// The number that a loadable plugin and the program it is loaded into must agree on. It changes
/// whenever a public class that plugins see does.
#define ECHOSTREAM_PLUGIN_ABI 2

/// What a shared object exports under the name `echostream_plugin`:
/// `ECHOSTREAM_EXPORT_PLUGIN(MyPlugin, "my_plugin")` defines it. load_plugin() takes it.
struct PluginEntry {
  std::uint32_t abi;
  const char* name;
  Plugin* (*make)();
};

#define ECHOSTREAM_EXPORT_PLUGIN(type, plugin_name)     \
  extern "C" __attribute__((visibility("default")))     \
  const ::echostream::PluginEntry echostream_plugin;    \
  const ::echostream::PluginEntry echostream_plugin = { \
      ECHOSTREAM_PLUGIN_ABI, plugin_name, []() -> ::echostream::Plugin* { return new type(); }}

}  // namespace echostream
