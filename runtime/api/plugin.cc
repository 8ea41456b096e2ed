#include "echostream/plugin.h"

#include <algorithm>

namespace echostream {

// What a plugin that does not hook something does.

namespace {

Task<Status> agree() { co_return Status::ok(); }
Task<void> do_nothing() { co_return; }

bool is_empty_object(std::string_view json) {
  std::string text(json);
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
  return text.empty() || text == "{}";
}

}  // namespace

Status Plugin::configure(std::string_view json) {
  if (is_empty_object(json)) return Status::ok();
  return {StatusCode::kInvalidArgument,
          "the plugin '" + std::string(name()) + "' takes no settings; leave them out"};
}

Task<Status> Plugin::on_start(Node&) { return agree(); }
void Plugin::on_draining(Node&) {}
Task<void> Plugin::on_stop(Node&) { return do_nothing(); }
void Plugin::on_listening(Node&, const SocketAddress&) {}
Status Plugin::on_service(Node&, const ServiceInfo&) { return Status::ok(); }
void Plugin::on_announce(Node&, Announcement&) {}
Task<Status> Plugin::on_session_opening(Node&, Session) { return agree(); }
void Plugin::on_session_open(Node&, const Session&) {}
void Plugin::on_session_closed(Node&, const Session&, const Status&, const SessionStats&) {}
void Plugin::on_clock_changed(Node&, const Session&, const ClockEstimate&) {}

}  // namespace echostream
