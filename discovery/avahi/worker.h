// The side of discovery that talks to avahi-daemon, through avahi's client library, whose calls
// wait for their answers. Lives on a thread of its own (worker_thread.h) and tells the Inbox.
#pragma once

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-client/publish.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
  /// Ends one of the above; nothing is told about it any more. Something published is gone for
  /// others soon, but for the daemon only after kLeavingTime.
  void end(OperationId id);
  /// Ends all that is published, and then stops the loop.
  void finish();

 private:
  // Avahi's callbacks get the address of one of these. Avahi's objects are freed by end(), or all
  // together with their client.
  struct Publishing final : TimerNode {
    Publishing(Worker* its_worker, OperationId its_id, Registration what)
        : worker(its_worker), id(its_id), registration(std::move(what)) {}
    void on_timer(LocalTime) override { worker->withdraw(id); }  // destroys this

    Worker* worker;
    OperationId id;
    Registration registration;
    AvahiEntryGroup* group = nullptr;
    bool is_committed = false;
    bool is_established = false;
    bool is_leaving = false;  // withdrawn when its timer runs
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
    Instance instance;
    AvahiServiceResolver* resolver;
    // A resolver holds on to a text for a second after it was changed, and would tell too late that
    // somebody leaves.
    AvahiRecordBrowser* text;
    ResolvedInstance said;
    bool has_left;                  // what it said then is still known
    std::vector<std::string> back;  // what it said after that
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
  static void on_text(AvahiRecordBrowser* browser, AvahiIfIndex interface, AvahiProtocol protocol,
                      AvahiBrowserEvent event, const char* name, std::uint16_t clazz,
                      std::uint16_t type, const void* data, std::size_t size,
                      AvahiLookupResultFlags flags, void* self);

  // Nothing may be asked of a client that is given up, which retry_ frees.
  bool is_usable() const { return is_connected_ && client_ != nullptr; }
  void free_client();
  void lose(Status why);
  void fail(OperationId id, int avahi_error);
  void leave(Publishing& publishing);
  void withdraw(OperationId id);
  void withdraw_leaving(const std::string& name);
  void stop_if_finished();
  void ask(Resolving& resolving);
  void watch_text(Resolving& resolving);
  int free_resolving(Resolving& resolving);
  void commit_all();
  void commit(Publishing& publishing);
  int add_entries(Publishing& publishing);
  void update_text(Publishing& publishing);
  int say_text(const Publishing& publishing);

  Loop& loop_;
  Inbox& inbox_;
  LoopPoll poll_;
  AvahiClient* client_ = nullptr;
  bool is_connected_ = false;  // to a daemon
  bool is_running_ = false;    // the daemon has its host name, and takes registrations
  bool is_finishing_ = false;
  std::string host_;  // that all which is committed refers to
  Backoff backoff_;
  Retry retry_{*this};
  std::map<OperationId, std::unique_ptr<Publishing>> publishings_;
  std::map<OperationId, std::unique_ptr<Browsing>> browsings_;
  std::map<OperationId, std::unique_ptr<Resolving>> resolvings_;
  std::size_t watched_texts_ = 0;
};

}  // namespace echostream::discovery
