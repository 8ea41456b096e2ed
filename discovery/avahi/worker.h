// The side of discovery that talks to avahi-daemon, through avahi's client library, whose calls
// wait for their answers. Lives on a thread of its own (worker_thread.h) and tells the Inbox.
#pragma once

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>

#include <map>
#include <memory>
#include <string>

#include "echostream/base/backoff.h"
#include "echostream/discovery/dns_sd.h"
#include "echostream/loop.h"

#include "discovery/avahi/inbox.h"
#include "discovery/avahi/loop_poll.h"

namespace echostream::discovery {

/// Everything on the thread of `loop`. What is asked for while there is no daemon is dropped: the
/// Inbox has said so before.
class Worker {
 public:
  Worker(Loop& loop, Inbox& inbox);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Looks for the daemon, and goes on looking whenever it is lost.
  void connect();
  void publish(OperationId id, Registration registration);
  /// Of something published.
  void update(OperationId id, Registration registration);
  void browse(OperationId id, const std::string& type);
  void resolve(OperationId id, const Instance& instance);
  /// Ends one of the above; nothing is told about it any more.
  void end(OperationId id);

 private:
  // Avahi's callbacks get the address of one of these. Avahi's objects are freed by end(), or all
  // together with their client.
  struct Publishing {
    Worker* worker;
    OperationId id;
    Registration registration;
    AvahiEntryGroup* group;
    bool is_committed;
    bool is_established;
  };
  struct Browsing {
    Worker* worker;
    OperationId id;
    std::string type;  // without subtype
    AvahiServiceBrowser* browser;
  };
  struct Resolving {
    Worker* worker;
    OperationId id;
    AvahiServiceResolver* resolver;
  };
  class Retry final : public TimerNode {
   public:
    explicit Retry(Worker& worker) : worker_(worker) {}

   private:
    void on_timer(LocalTime) override { worker_.connect(); }
    Worker& worker_;
  };

  void on_client(AvahiClientState state);
  static void on_group(AvahiEntryGroup* group, AvahiEntryGroupState state, void* self);
  static void on_browser(AvahiServiceBrowser* browser, AvahiIfIndex interface,
                         AvahiProtocol protocol, AvahiBrowserEvent event, const char* name,
                         const char* type, const char* domain, AvahiLookupResultFlags flags,
                         void* self);
  static void on_resolver(AvahiServiceResolver* resolver, AvahiIfIndex interface,
                          AvahiProtocol protocol, AvahiResolverEvent event, const char* name,
                          const char* type, const char* domain, const char* host,
                          const AvahiAddress* address, std::uint16_t port, AvahiStringList* txt,
                          AvahiLookupResultFlags flags, void* self);

  // Nothing may be asked of a client that is given up, which retry_ frees.
  bool is_usable() const { return is_connected_ && client_ != nullptr; }
  void free_client();
  void lose(Status why);
  void fail(OperationId id, int avahi_error);
  void commit_all();
  void commit(Publishing& publishing);
  int add_entries(Publishing& publishing);
  void update_text(Publishing& publishing);

  Loop& loop_;
  Inbox& inbox_;
  LoopPoll poll_;
  AvahiClient* client_ = nullptr;
  bool is_connected_ = false;  // to a daemon
  bool is_running_ = false;    // the daemon has its host name, and takes registrations
  std::string host_;           // that all which is committed refers to
  Backoff backoff_;
  Retry retry_{*this};
  std::map<OperationId, std::unique_ptr<Publishing>> publishings_;
  std::map<OperationId, std::unique_ptr<Browsing>> browsings_;
  std::map<OperationId, std::unique_ptr<Resolving>> resolvings_;
};

}  // namespace echostream::discovery
