#include "guest_book.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <string>

#include "guest_book.echostream.h"

namespace guestbook {

using echostream::LogLevel;
using echostream::Node;
using echostream::Result;
using echostream::Session;
using echostream::SessionStats;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;

namespace {

// Kept beside each session: values are found by their type, so each plugin uses types of its own.
struct GuestNumber {
  std::uint32_t value = 0;
};

// The service that the plugin brings along.
class Reading final : public v1::GuestBook::Handler {
 public:
  explicit Reading(const GuestBook& book) : book_(book) {}

  Task<Result<v1::Guests>> Read(echostream::Call&, google::protobuf::Empty) override {
    v1::Guests guests;
    for (const std::uint32_t number : book_.present()) guests.add_present(number);
    guests.set_total(book_.total());
    co_return guests;
  }

 private:
  const GuestBook& book_;
};

}  // namespace

Status GuestBook::configure(std::string_view json) {
  v1::Settings settings;
  const auto parsed = google::protobuf::util::JsonStringToMessage(std::string(json), &settings);
  if (!parsed.ok()) {
    return {StatusCode::kInvalidArgument,
            "guest_book takes {\"mostGuests\": <number>}: " + std::string(parsed.message())};
  }
  most_guests_ = settings.most_guests();
  return Status::ok();
}

// Before the node accepts the first session. An error here keeps it from starting.
Task<Status> GuestBook::on_start(Node& node) {
  co_return node.serve(std::make_shared<Reading>(*this));
}

Task<void> GuestBook::on_stop(Node& node) {
  node.log(LogLevel::kInfo, "guest book: " + std::to_string(total_) + " guests in all");
  co_return;
}

// The peer waits. What it hears is the status.
Task<Status> GuestBook::on_session_opening(Node&, Session) {
  if (most_guests_ != 0 && present_.size() >= most_guests_) {
    co_return Status(StatusCode::kResourceExhausted, "the house is full");
  }
  co_return Status::ok();
}

void GuestBook::on_session_open(Node& node, const Session& session) {
  session.state().emplace<GuestNumber>().value = ++total_;
  present_.push_back(total_);
  node.log(LogLevel::kInfo, "guest book: guest " + std::to_string(total_) + " came from " +
                                session.remote_address().to_string());
}

void GuestBook::on_session_closed(Node& node, const Session& session, const Status& reason,
                                  const SessionStats& stats) {
  const std::uint32_t number = session.state().get<GuestNumber>()->value;
  std::erase(present_, number);
  node.log(LogLevel::kInfo, "guest book: guest " + std::to_string(number) + " left after " +
                                std::to_string(stats.calls_received) +
                                " calls: " + std::string(reason.message()));
}

}  // namespace guestbook

// For load_plugin(); a program that links the plugin makes a GuestBook itself.
#ifdef GUEST_BOOK_IS_LOADABLE
ECHOSTREAM_EXPORT_PLUGIN(guestbook::GuestBook, "guest_book");
#endif
