#include "discovery/avahi/worker.h"

#include <avahi-common/error.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "discovery/avahi/errors.h"
#include "discovery/avahi/records.h"
#include "discovery/records/text_record.h"

namespace echostream::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kFirstPause = milliseconds(100);
constexpr Duration kLongestPause = seconds(1);
// A daemon that is there has answered by then.
constexpr Duration kHangs = seconds(2);

AvahiIfIndex interface_of(const Registration& registration) {
  const std::uint32_t index = registration.interface_index;
  return index == 0 ? AVAHI_IF_UNSPEC : static_cast<AvahiIfIndex>(index);
}

}  // namespace

Worker::Worker(Loop& loop, Inbox& inbox)
    : loop_(loop), inbox_(inbox), poll_(loop), backoff_(kFirstPause, kLongestPause, 2) {}

Worker::~Worker() { free_client(); }

void Worker::free_client() {
  // Closes the connection first, so that freeing what there is asks the daemon nothing.
  AvahiClient* client = std::exchange(client_, nullptr);
  if (client != nullptr) avahi_client_free(client);
  publishings_.clear();
  browsings_.clear();
  resolvings_.clear();
  watched_texts_ = 0;
}

void Worker::connect() {
  free_client();
  const auto on_state = [](AvahiClient*, AvahiClientState state, void* self) {
    static_cast<Worker*>(self)->on_client(state);
  };
  const LocalTime began = loop_.now();
  int error = AVAHI_OK;
  AvahiClient* client = avahi_client_new(poll_.get(), AVAHI_CLIENT_NO_FAIL, on_state, this, &error);
  if (client == nullptr) return lose(connecting_failed(error));
  client_ = client;
  // D-Bus says when a daemon comes, but not when one that hangs goes on.
  if (!is_connected_ && loop_.now() - began >= kHangs) lose(daemon_hangs());
}

// Called from inside avahi's functions, avahi_client_new() among them.
void Worker::on_client(AvahiClientState state) {
  if (retry_.is_armed()) return;  // given up
  is_connected_ = state == AVAHI_CLIENT_S_REGISTERING || state == AVAHI_CLIENT_S_RUNNING ||
                  state == AVAHI_CLIENT_S_COLLISION;
  is_running_ = state == AVAHI_CLIENT_S_RUNNING;
  stop_if_finished();
  switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
      commit_all();
      [[fallthrough]];
    case AVAHI_CLIENT_S_REGISTERING:
    case AVAHI_CLIENT_S_COLLISION:
      if (!is_connected_) return;  // lost by what the above did
      backoff_.reset();
      return inbox_.put_daemon_status(Status());
    case AVAHI_CLIENT_CONNECTING:
      return inbox_.put_daemon_status(no_daemon());
    case AVAHI_CLIENT_FAILURE:
      return lose(no_daemon());
  }
}

void Worker::lose(Status why) {
  if (retry_.is_armed()) return;
  is_connected_ = false;
  is_running_ = false;
  host_.clear();
  inbox_.put_daemon_status(std::move(why));
  stop_if_finished();
  // Not at once: avahi may be in the middle of a function of the client that is to be freed.
  std::array<std::uint8_t, 8> random;
  loop_.fill_random(random);
  std::uint64_t bits = 0;
  for (const std::uint8_t byte : random) bits = bits << 8 | byte;
  loop_.arm(retry_, loop_.now() + backoff_.next(bits));
}

void Worker::fail(OperationId id, int avahi_error) {
  if (is_lost(avahi_error)) return lose(lost_by(avahi_error));
  // What has failed is not announced any more, and need not leave.
  withdraw(id);
  inbox_.put_status(id, status_of(avahi_error));
}

void Worker::end(OperationId id) {
  const auto found = publishings_.find(id);
  if (is_usable() && found != publishings_.end() && found->second->is_established) {
    return leave(*found->second);
  }
  withdraw(id);
}

// Says so in the text, which others see at once, and withdraws it when they have heard that: they
// keep what says goodbye for a second.
void Worker::leave(Publishing& publishing) {
  publishing.is_leaving = true;
  publishing.registration.txt = leaving_text(std::move(publishing.registration.txt));
  const int error = say_text(publishing);
  if (error != AVAHI_OK) return fail(publishing.id, error);
  loop_.arm(publishing, loop_.now() + kLeavingTime);
}

// It is back: the daemon has room for one of a name.
void Worker::withdraw_leaving(const std::string& name) {
  std::vector<OperationId> ids;
  for (const auto& [id, publishing] : publishings_) {
    if (publishing->is_leaving && publishing->registration.name == name) ids.push_back(id);
  }
  for (const OperationId id : ids) withdraw(id);
}

void Worker::finish() {
  is_finishing_ = true;
  std::vector<OperationId> ids;
  for (const auto& [id, publishing] : publishings_) {
    if (!publishing->is_leaving) ids.push_back(id);
  }
  for (const OperationId id : ids) end(id);
  stop_if_finished();
}

// Also when there is no daemon any more, with whom everything has gone.
void Worker::stop_if_finished() {
  if (is_finishing_ && (!is_usable() || publishings_.empty())) loop_.stop();
}

void Worker::withdraw(OperationId id) {
  // Of a client that is lost everything is freed with it.
  if (!is_usable()) return;
  int error = AVAHI_OK;
  if (const auto published = publishings_.extract(id)) {
    AvahiEntryGroup* group = published.mapped()->group;
    if (group != nullptr) error = avahi_entry_group_free(group);
    stop_if_finished();
  } else if (const auto browsed = browsings_.extract(id)) {
    error = avahi_service_browser_free(browsed.mapped()->browser);
  } else if (const auto resolved = resolvings_.extract(id)) {
    error = free_resolving(*resolved.mapped());
  }
  if (is_lost(error)) lose(lost_by(error));
}

void Worker::publish(OperationId id, Registration registration) {
  if (!is_usable()) return;
  publishings_[id] = std::make_unique<Publishing>(this, id, std::move(registration));
  if (is_running_) commit_all();
}

void Worker::update(OperationId id, Registration registration) {
  const auto found = publishings_.find(id);
  if (!is_usable() || found == publishings_.end()) return;
  Publishing& publishing = *found->second;
  Registration before = std::exchange(publishing.registration, std::move(registration));
  before.txt = publishing.registration.txt;
  if (!is_running_) {
    publishing.is_committed = false;
  } else if (before == publishing.registration && publishing.is_committed) {
    update_text(publishing);
  } else {
    commit(publishing);
  }
}

void Worker::update_text(Publishing& publishing) {
  const int error = say_text(publishing);
  if (error != AVAHI_OK) return fail(publishing.id, error);
  // Otherwise the group says so.
  if (publishing.is_established) inbox_.put_status(publishing.id, Status());
}

int Worker::say_text(const Publishing& publishing) {
  const Registration& what = publishing.registration;
  const Strings txt = strings_of(what.txt);
  return avahi_entry_group_update_service_txt_strlst(
      publishing.group, interface_of(what), AVAHI_PROTO_UNSPEC, AvahiPublishFlags{},
      what.name.c_str(), what.type.c_str(), nullptr, txt.get());
}

// Whatever is not, or under another name of the host.
void Worker::commit_all() {
  if (client_ == nullptr) return;  // a new one has nothing to commit
  const char* host = avahi_client_get_host_name_fqdn(client_);
  if (host == nullptr) {
    const int error = avahi_client_errno(client_);
    if (is_lost(error)) lose(lost_by(error));
    return;
  }
  // Under another name of the host, all that refers to it is to be said anew.
  const bool is_renamed = host_ != host;
  host_ = host;
  std::vector<OperationId> ids;
  for (const auto& [id, publishing] : publishings_) {
    if (publishing->is_leaving) continue;  // soon gone
    if (is_renamed || !publishing->is_committed) ids.push_back(id);
  }
  for (const OperationId id : ids) {
    const auto found = publishings_.find(id);
    if (is_running_ && found != publishings_.end()) commit(*found->second);
  }
}

void Worker::commit(Publishing& publishing) {
  publishing.is_committed = false;
  publishing.is_established = false;
  withdraw_leaving(publishing.registration.name);
  if (!is_usable()) return;
  if (publishing.group == nullptr) {
    publishing.group = avahi_entry_group_new(client_, on_group, &publishing);
    if (publishing.group == nullptr) return fail(publishing.id, avahi_client_errno(client_));
  } else if (const int error = avahi_entry_group_reset(publishing.group); error != AVAHI_OK) {
    return fail(publishing.id, error);
  }
  const int error = add_entries(publishing);
  if (error != AVAHI_OK) return fail(publishing.id, error);
  publishing.is_committed = true;
}

int Worker::add_entries(Publishing& publishing) {
  const Registration& what = publishing.registration;
  AvahiEntryGroup* group = publishing.group;
  const Strings txt = strings_of(what.txt);
  int error = avahi_entry_group_add_service_strlst(
      group, interface_of(what), AVAHI_PROTO_UNSPEC, AvahiPublishFlags{}, what.name.c_str(),
      what.type.c_str(), nullptr, nullptr, what.port, txt.get());
  for (const std::string& subtype : what.subtypes) {
    if (error != AVAHI_OK) return error;
    const std::string full = subtype + "._sub." + what.type;
    error = avahi_entry_group_add_service_subtype(group, interface_of(what), AVAHI_PROTO_UNSPEC,
                                                  AvahiPublishFlags{}, what.name.c_str(),
                                                  what.type.c_str(), nullptr, full.c_str());
  }
  return error != AVAHI_OK ? error : avahi_entry_group_commit(group);
}

void Worker::on_group(AvahiEntryGroup* group, AvahiEntryGroupState state, void* self) {
  auto& publishing = *static_cast<Publishing*>(self);
  Worker& worker = *publishing.worker;
  switch (state) {
    case AVAHI_ENTRY_GROUP_UNCOMMITED:
    case AVAHI_ENTRY_GROUP_REGISTERING:
      return;
    case AVAHI_ENTRY_GROUP_ESTABLISHED:
      publishing.is_established = true;
      return worker.inbox_.put_status(publishing.id, Status());
    case AVAHI_ENTRY_GROUP_COLLISION:
      return worker.fail(publishing.id, AVAHI_ERR_COLLISION);
    case AVAHI_ENTRY_GROUP_FAILURE:
      return worker.fail(publishing.id, avahi_client_errno(avahi_entry_group_get_client(group)));
  }
}

}  // namespace echostream::discovery
