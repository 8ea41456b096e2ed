#include "tests/generated/museum_handler.h"

#include <utility>

namespace museum::v1 {

using echostream::Call;
using echostream::Reader;
using echostream::Result;
using echostream::Status;
using echostream::Writer;

echostream::Task<Result<Exhibit>> MuseumHandler::GetExhibit(Call&, GetExhibitRequest request) {
  if (request.name().empty()) {
    co_return Status(echostream::StatusCode::kInvalidArgument, "an exhibit has a name");
  }
  Exhibit exhibit;
  exhibit.set_name(request.name());
  exhibit.set_title("Title of " + request.name());
  co_return exhibit;
}

echostream::Task<Result<gapi::longrunning::Operation>>
MuseumHandler::UpdateExhibitWithMaskAndProvenanceDocumentsIfItsRestorationHasEnded(
    Call&, UpdateExhibitRequest request) {
  gapi::longrunning::Operation operation;
  operation.set_name("operations/" + request.exhibit().name());
  operation.mutable_error()->set_code(request.has_allow_missing() ? 1 : 0);
  co_return operation;
}

echostream::Task<Status> MuseumHandler::ButtonPressed(Call&, Place::Room::Shelf::Slot event) {
  last_button = event.number();
  co_return Status::ok();
}

bool MuseumHandler::ExhibitMoved(const GetExhibitRequest& filter, const Exhibit& event) {
  return filter.name().empty() || filter.name() == event.name();
}

echostream::Task<Status> MuseumHandler::Tour(Call&, Place request, Writer<Exhibit> out) {
  for (const Place::Room& room : request.rooms()) {
    Exhibit exhibit;
    exhibit.set_name(room.nickname());
    Status status = co_await out.write(std::move(exhibit));
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

echostream::Task<Result<Exhibit::Provenance>> MuseumHandler::Upload(
    Call&, Reader<Exhibit::Provenance::Document> in) {
  Exhibit::Provenance provenance;
  while (auto frame = co_await in.next()) *provenance.add_documents() = std::move(frame->message);
  if (!in.status().is_ok()) co_return in.status();
  co_return provenance;
}

echostream::Task<Status> MuseumHandler::Guide(Call&, Reader<Exhibit> in,
                                              Writer<Exhibit::Provenance> out) {
  while (auto frame = co_await in.next()) {
    Exhibit::Provenance provenance;
    provenance.set_owner("Owner of " + frame->message.name());
    Status status = co_await out.write(std::move(provenance));
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

const echostream::ServiceInfo& info_seen_by_the_handler() {
  return MuseumExhibitManagementService::info();
}

}  // namespace museum::v1
