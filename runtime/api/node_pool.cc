#include "echostream/node_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "echostream/base/check.h"

#include "runtime/api/node_impl.h"
#include "runtime/api/shared_port.h"

namespace echostream {

using internal::SharedPort;

namespace {

// As many as a connection id can tell apart.
constexpr std::size_t kMostThreads = 256;

Status on_own_thread(const char* what) {
  return {StatusCode::kFailedPrecondition,
          std::string(what) + " waits for the pool's threads, and this is one of them; call it " +
              "from another one"};
}

Status already_shut_down(const char* what) {
  return {StatusCode::kFailedPrecondition, std::string(what) + ": this pool was shut down"};
}

// One thread: its loop, and its node while it runs.
class Member {
 public:
  explicit Member(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

  /// False when the system gives no thread.
  bool start(const NodeOptions& options) {
    try {
      thread_ = std::thread([this, options] { run(options); });
    } catch (const std::system_error&) {
      return false;
    }
    id_ = thread_.get_id();
    return true;
  }
  std::thread::id id() const noexcept { return id_; }
  Loop& loop() noexcept { return *loop_; }
  std::size_t sessions() const noexcept { return sessions_.load(std::memory_order_relaxed); }

  /// Runs `function` on the thread, unless that has ended.
  void post(UniqueFunction<void(Node&)> function) {
    loop_->post([this, function = std::move(function)]() mutable { function(*node_); });
  }
  /// The same, and waits for it. Only while nobody stops the member.
  void call(const std::function<void(Node&)>& function) {
    std::promise<void> done;
    post([&](Node& node) {
      function(node);
      done.set_value();
    });
    done.get_future().wait();
  }

  /// Shuts the node down, unless there is no time for that; then it stays until end(): others may
  /// still use this thread.
  void request_shutdown(std::optional<Duration> grace) {
    grace_ = grace;
    stopping_.store(true, std::memory_order_release);
    loop_->stop();
  }
  void wait_shut_down() { shut_down_.get_future().wait(); }
  void end() {
    ending_.store(true, std::memory_order_release);
    loop_->stop();
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(NodeOptions options) {
    count_sessions(options);
    {
      Node node(*loop_, std::move(options));
      node_ = &node;
      // Others may stop the loop too, and have no say in this.
      while (!stopping_.load(std::memory_order_acquire)) loop_->run();
      if (grace_) echostream::run(*loop_, node.shutdown(*grace_));
      shut_down_.set_value();
      while (!ending_.load(std::memory_order_acquire)) loop_->run();
    }
    // A node that is destroyed tells nobody of the sessions that it closes.
    sessions_.store(0, std::memory_order_relaxed);
  }

  void count_sessions(NodeOptions& options) {
    options.on_session = [this, next = std::move(options.on_session)](const Session& session) {
      sessions_.fetch_add(1, std::memory_order_relaxed);
      if (next) next(session);
    };
    options.on_session_closed = [this, next = std::move(options.on_session_closed)](
                                    const Session& session, const Status& status) {
      sessions_.fetch_sub(1, std::memory_order_relaxed);
      if (next) next(session, status);
    };
  }

  std::unique_ptr<Loop> loop_;
  Node* node_ = nullptr;  // its own thread's
  std::atomic<std::size_t> sessions_ = 0;
  std::optional<Duration> grace_;  // written before stopping_
  std::atomic<bool> stopping_ = false;
  std::promise<void> shut_down_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
  std::thread::id id_;
};

}  // namespace

struct NodePool::Impl {
  explicit Impl(NodeOptions options) : node_options(std::move(options)) {}
  ~Impl() { stop(std::nullopt); }

  Status start(std::size_t threads, const LoopOptions& loop_options);
  bool is_on_own_thread() const;
  /// FAILED_PRECONDITION, or OK with `lock` held: the threads run until it is released.
  Status enter(const char* what, std::unique_lock<std::mutex>& lock);
  Status serve_on_each(const MakeService& make_service);
  Status change_security(const char* what, const Node::Impl::ChangeOptions& change);
  Result<SocketAddress> listen(const SocketAddress& bind_to);
  Result<SocketAddress> listen_shared(SocketAddress bind_to,
                                      const std::shared_ptr<transport::TlsContext>& tls);
  void stop(std::optional<Duration> grace);

  const NodeOptions node_options;
  // Not changed after start().
  std::vector<std::unique_ptr<Member>> members;
  // Held by whoever waits for the threads, and by whoever ends them.
  std::mutex control;
  std::atomic<bool> stopped = false;
  // Of the ports: listen() adds while stats() reads.
  mutable std::mutex ports_mutex;
  std::vector<std::shared_ptr<SharedPort>> ports;
};

Status NodePool::Impl::start(std::size_t threads, const LoopOptions& loop_options) {
  // All of them before the first thread starts, which may already look at the others.
  for (std::size_t i = 0; i < threads; ++i) {
    auto loop = make_loop(loop_options);
    if (!loop) return std::move(loop).error();
    members.push_back(std::make_unique<Member>(*std::move(loop)));
  }
  for (const auto& member : members) {
    if (!member->start(node_options)) {
      return {StatusCode::kUnavailable, "the system gives no " + std::to_string(threads) +
                                            " threads; ask for fewer, or raise the limit"};
    }
  }
  return Status::ok();
}

bool NodePool::Impl::is_on_own_thread() const {
  return std::any_of(members.begin(), members.end(),
                     [](const auto& member) { return member->id() == std::this_thread::get_id(); });
}

Status NodePool::Impl::enter(const char* what, std::unique_lock<std::mutex>& lock) {
  if (is_on_own_thread()) return on_own_thread(what);
  lock = std::unique_lock(control);
  return stopped ? already_shut_down(what) : Status::ok();
}

Status NodePool::Impl::serve_on_each(const MakeService& make_service) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    Status served;
    members[i]->call([&](Node& node) { served = node.serve(make_service(i)); });
    if (!served.is_ok()) return served;
  }
  return Status::ok();
}

Status NodePool::Impl::change_security(const char* what, const Node::Impl::ChangeOptions& change) {
  // One for all, as in listen().
  Result<Node::Impl::Security> made = Node::Impl::Security();
  members[0]->call([&](Node& node) { made = node.impl().make_security(change); });
  if (!made) return made.error().with_context(what);
  for (const auto& member : members) {
    member->call([&](Node& node) { node.impl().use_security(*made); });
  }
  return Status::ok();
}

Result<SocketAddress> NodePool::Impl::listen(const SocketAddress& bind_to) {
  // One for all: sessions that began on one thread can be resumed on another.
  Result<std::shared_ptr<transport::TlsContext>> tls = std::shared_ptr<transport::TlsContext>();
  members[0]->call([&](Node& node) { tls = node.impl().make_server_tls(); });
  if (!tls) return std::move(tls).error();
  if (members.size() > 1) return listen_shared(bind_to, *tls);
  Result<SocketAddress> bound = bind_to;
  members[0]->call([&](Node& node) {
    auto driver = node.impl().listen(bind_to, *tls);
    bound = driver ? Result<SocketAddress>((*driver)->local_address()) : driver.error();
  });
  return bound;
}

namespace {

// Sharing a port works between programs too, who would then lose half of their clients to each
// other without a word. So the port must be free first.
Status check_port_is_free(Loop& loop, const SocketAddress& bind_to) {
  class Deaf final : public UdpHandler {
    void handle_datagram(const ReceivedDatagram&) override {}
    void handle_batch_end() override {}
    void handle_writable() override {}
  };
  Deaf nobody;
  UdpOptions options;
  options.bind_to = bind_to;
  return loop.open_udp(options, nobody).status();
}

}  // namespace

Result<SocketAddress> NodePool::Impl::listen_shared(
    SocketAddress bind_to, const std::shared_ptr<transport::TlsContext>& tls) {
  Status status;
  SharedPort::Secret secret;
  members[0]->call([&](Node& node) {
    if (bind_to.port() != 0) status = check_port_is_free(node.loop(), bind_to);
    if (const auto& fixed = node.impl().context.options.static_secret) {
      secret = *fixed;
    } else {
      node.loop().fill_random(secret);
    }
  });
  if (!status.is_ok()) return status;
  const auto port = std::make_shared<SharedPort>(members.size(), secret);
  std::vector<internal::QuicDriver*> opened;
  for (std::size_t i = 0; i < members.size() && status.is_ok(); ++i) {
    members[i]->call([&](Node& node) {
      auto driver = node.impl().listen(bind_to, tls, {port, i});
      if (driver) {
        bind_to = (*driver)->local_address();
        opened.push_back(*driver);
      } else {
        status = driver.error();
      }
    });
  }
  if (!status.is_ok()) {
    for (std::size_t i = 0; i < opened.size(); ++i) {
      members[i]->call([&](Node&) { opened[i]->stop_accepting(); });
    }
    return status;
  }
  const std::lock_guard lock(ports_mutex);
  ports.push_back(port);
  return bind_to;
}

void NodePool::Impl::stop(std::optional<Duration> grace) {
  const std::lock_guard lock(control);
  if (stopped) return;
  for (const auto& member : members) member->request_shutdown(grace);
  // Handlers on one thread may need the others until all are done.
  for (const auto& member : members) member->wait_shut_down();
  stopped = true;
  for (const auto& member : members) member->end();
  for (const auto& member : members) member->join();
}

NodePool::NodePool(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

NodePool::~NodePool() {
  ECHOSTREAM_CHECK(!impl_->is_on_own_thread(), "a pool was destroyed on one of its own threads");
}

Result<std::unique_ptr<NodePool>> NodePool::make(NodePoolOptions options) {
  std::size_t threads = options.threads;
  if (threads == 0) {
    threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
  }
  if (threads > kMostThreads) {
    return Status(StatusCode::kInvalidArgument, "NodePoolOptions::threads is " +
                                                    std::to_string(threads) +
                                                    "; at most 256 can share a port");
  }
  const auto& shared_clock = options.node.shared_clock;
  if (shared_clock && shared_clock->node_id) {
    return Status(StatusCode::kInvalidArgument,
                  "the nodes of a pool cannot all have the same SharedClockOptions::node_id; "
                  "leave it unset, and each gets one of its own");
  }
  auto impl = std::make_unique<Impl>(std::move(options.node));
  if (Status started = impl->start(threads, options.loop); !started.is_ok()) return started;
  return std::unique_ptr<NodePool>(new NodePool(std::move(impl)));
}

std::size_t NodePool::size() const noexcept { return impl_->members.size(); }

Status NodePool::serve(std::shared_ptr<Service> service) {
  if (!service) return {StatusCode::kInvalidArgument, "serve() was given no service"};
  for (const MethodInfo& method : service->info().methods) {
    if (method.kind == MethodKind::kPublished && size() > 1) {
      return {StatusCode::kInvalidArgument,
              std::string(method.full_name) +
                  " is published: its subscribers belong to a thread, so each thread needs a "
                  "service of its own; give serve() a function that makes one"};
    }
  }
  return serve([&](std::size_t) { return service; });
}

Status NodePool::serve(const MakeService& make_service) {
  std::unique_lock<std::mutex> lock;
  Status status = impl_->enter("serve()", lock);
  return status.is_ok() ? impl_->serve_on_each(make_service) : status;
}

Status NodePool::add_plugin(const MakePlugin& make_plugin) {
  std::unique_lock<std::mutex> lock;
  if (Status status = impl_->enter("add_plugin()", lock); !status.is_ok()) return status;
  for (std::size_t i = 0; i < size(); ++i) {
    Status added;
    impl_->members[i]->call([&](Node& node) { added = node.add_plugin(make_plugin(i)); });
    if (!added.is_ok()) return added;
  }
  return Status::ok();
}

Status NodePool::start() {
  std::unique_lock<std::mutex> lock;
  if (Status status = impl_->enter("start()", lock); !status.is_ok()) return status;
  std::vector<std::future<Status>> starting;
  for (const auto& member : impl_->members) {
    member->call([&](Node& node) { starting.push_back(as_future(node.tasks(), node.start())); });
  }
  Status first;
  for (auto& started : starting) {
    Status status = started.get();
    if (first.is_ok()) first = std::move(status);
  }
  return first;
}

Result<SocketAddress> NodePool::listen(std::string_view address) {
  auto bind_to = SocketAddress::parse(address);
  if (!bind_to) return std::move(bind_to).error().with_context("listen");
  std::unique_lock<std::mutex> lock;
  if (Status status = impl_->enter("listen()", lock); !status.is_ok()) return status;
  return impl_->listen(*bind_to);
}

Status NodePool::set_identity(Identity identity, std::vector<Identity> more_identities) {
  std::unique_lock<std::mutex> lock;
  if (Status status = impl_->enter("set_identity()", lock); !status.is_ok()) return status;
  return impl_->change_security("set_identity", [&](NodeOptions& options) {
    options.identity = std::move(identity);
    options.more_identities = std::move(more_identities);
  });
}

Status NodePool::set_trust(Trust trust) {
  std::unique_lock<std::mutex> lock;
  if (Status status = impl_->enter("set_trust()", lock); !status.is_ok()) return status;
  return impl_->change_security("set_trust",
                                [&](NodeOptions& options) { options.trust = std::move(trust); });
}

Status NodePool::set_client_trust(std::optional<Trust> trust) {
  std::unique_lock<std::mutex> lock;
  if (Status status = impl_->enter("set_client_trust()", lock); !status.is_ok()) return status;
  return impl_->change_security(
      "set_client_trust", [&](NodeOptions& options) { options.client_trust = std::move(trust); });
}

bool NodePool::post(std::size_t thread, UniqueFunction<void(Node&)> function) {
  ECHOSTREAM_CHECK(thread < size(), "the pool has no thread with that number");
  if (impl_->stopped) return false;
  impl_->members[thread]->post(std::move(function));
  return true;
}

void NodePool::for_each(const std::function<void(std::size_t thread, Node&)>& function) {
  for (std::size_t i = 0; i < size(); ++i) {
    (void)post(i, [function, i](Node& node) { function(i, node); });
  }
}

std::vector<NodePoolStats> NodePool::stats() const {
  std::vector<NodePoolStats> all(size());
  const std::lock_guard lock(impl_->ports_mutex);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].sessions = impl_->members[i]->sessions();
    for (const auto& port : impl_->ports) {
      const SharedPort::Counts counts = port->counts(i);
      all[i].datagrams_forwarded += counts.forwarded;
      all[i].datagrams_dropped += counts.dropped;
    }
  }
  return all;
}

Status NodePool::shutdown(Duration grace) {
  if (impl_->is_on_own_thread()) return on_own_thread("shutdown()");
  impl_->stop(grace);
  return Status::ok();
}

}  // namespace echostream
