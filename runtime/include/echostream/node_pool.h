// A node on several threads: one loop and one Node on each, behind one port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/base/unique_function.h"
#include "echostream/loop.h"
#include "echostream/node.h"
#include "echostream/security.h"
#include "echostream/service.h"
#include "echostream/socket_address.h"

namespace echostream {

class NodePoolOptions {
 public:
  NodePoolOptions() {}

  /// 1 to 256. 0: one for each core.
  std::size_t threads = 0;
  LoopOptions loop;
  /// Each thread's node gets a copy. Its limits, `max_sessions` among them, hold for each thread.
  /// Its callbacks run on all of the threads, also at the same time.
  NodeOptions node;
};
static_assert(kSafeInAwait<NodePoolOptions>);

/// Of one thread.
struct NodePoolStats {
  /// Open now, dialled and accepted.
  std::size_t sessions = 0;
  /// Datagrams that the system gave to another thread, and that were carried to this one. They cost
  /// a copy and a wake-up, so it is worth knowing when they are many: docs/threads.md.
  std::uint64_t datagrams_forwarded = 0;
  /// Those that were lost because this thread was too busy to take them, or had ended.
  std::uint64_t datagrams_dropped = 0;
};

/// Threads that serve the same services on the same port. A session lives on the thread that
/// accepted it, from its first packet to its last, also when the client's address changes: within a
/// thread everything is as with a single Node. The system deals new clients out over the threads by
/// a hash of their address and port; sessions of one client socket go to one thread.
///
/// All functions may be called from any thread. Those that wait for the pool's threads (serve(),
/// listen(), set_identity(), shutdown(), ...) refuse with FAILED_PRECONDITION to be called from one
/// of these, which would wait for itself.
class NodePool {
 public:
  /// Starts the threads. INVALID_ARGUMENT for a number of threads or loop options out of range, and
  /// for a SharedClockOptions::node_id, which could not differ between nodes; UNAVAILABLE when the
  /// system gives no more loops or threads.
  static Result<std::unique_ptr<NodePool>> make(NodePoolOptions options);
  /// Closes all sessions at once, destroys each node on its thread, and waits for the threads. Not
  /// from one of them. Call shutdown() before: it is polite, and handlers that use the pool can do
  /// so until it returns.
  ~NodePool();
  NodePool(const NodePool&) = delete;
  NodePool& operator=(const NodePool&) = delete;

  /// Threads, numbered from 0.
  std::size_t size() const noexcept;

  /// One object that all threads call, also at the same time: what its methods share must be
  /// guarded. INVALID_ARGUMENT for a service that publishes events, whose subscribers belong to a
  /// thread: give it to serve() as a function. Otherwise as Node::serve().
  Status serve(std::shared_ptr<Service> service);
  /// One object for each thread, made and called on that thread alone, so that it needs no locks.
  /// `make_service` gets the thread's number.
  using MakeService = std::function<std::shared_ptr<Service>(std::size_t thread)>;
  Status serve(const MakeService& make_service);

  /// A plugin for each thread, made on that thread and added to its node; as Node::add_plugin().
  /// When one is refused, those of the threads before stay.
  using MakePlugin = std::function<std::shared_ptr<Plugin>(std::size_t thread)>;
  Status add_plugin(const MakePlugin& make_plugin);
  /// Node::start() on all threads at once; waits for all, and returns an error of the first thread
  /// that has one.
  Status start();

  /// Accepts sessions on "host:port", on all threads; port 0 takes any free one. Returns the bound
  /// address. FAILED_PRECONDITION without NodeOptions::identity, UNAVAILABLE when the system
  /// refuses, also when another program has that port already.
  Result<SocketAddress> listen(std::string_view address);

  /// As on Node, for all threads at once, which go on taking each other's session tickets. Waits
  /// for the threads. When the new one cannot be used, nothing changes.
  Status set_identity(Identity identity, std::vector<Identity> more_identities = {});
  Status set_trust(Trust trust);
  Status set_client_trust(std::optional<Trust> trust);

  /// Runs `function` on a thread soon, with that thread's node: the way to dial from a pool, to
  /// publish, and to look at sessions. False, and the function is dropped, once shutdown() is over
  /// on all threads; what was posted just before may be dropped too.
  bool post(std::size_t thread, UniqueFunction<void(Node&)> function);
  /// The same on every thread, without waiting for any.
  void for_each(const std::function<void(std::size_t thread, Node&)>& function);

  /// Of each thread, as they were a moment ago.
  std::vector<NodePoolStats> stats() const;

  /// Node::shutdown() on all threads at once (with a grace of zero, everything closes now); waits
  /// until they have ended. No thread ends before all are shut down: until then handlers may use
  /// the pool. Calling it again only waits.
  Status shutdown(Duration grace);

 private:
  struct Impl;
  explicit NodePool(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream
