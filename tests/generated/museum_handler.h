// A handler of the museum service, and the second translation unit that includes its generated
// header.
#pragma once

#include <memory>
#include <string>

#include "museum/v1/museum_service.echostream.h"

namespace museum::v1 {

/// Answers from its arguments alone, so that a test knows what has to come back.
class MuseumHandler final : public MuseumExhibitManagementService::Handler {
 public:
  using Place = museum::shared::deep::deeper::Place;
  template <class T>
  using Task = echostream::Task<T>;

  Task<echostream::Result<Exhibit>> GetExhibit(echostream::Call& call,
                                               GetExhibitRequest request) override;
  Task<echostream::Result<gapi::longrunning::Operation>>
  UpdateExhibitWithMaskAndProvenanceDocumentsIfItsRestorationHasEnded(
      echostream::Call& call, UpdateExhibitRequest request) override;
  Task<echostream::Status> ButtonPressed(echostream::Call& call,
                                         Place::Room::Shelf::Slot event) override;
  bool ExhibitMoved(const GetExhibitRequest& filter, const Exhibit& event) override;
  Task<echostream::Status> Tour(echostream::Call& call, Place request,
                                echostream::Writer<Exhibit> out) override;
  Task<echostream::Result<Exhibit::Provenance>> Upload(
      echostream::Call& call, echostream::Reader<Exhibit::Provenance::Document> in) override;
  Task<echostream::Status> Guide(echostream::Call& call, echostream::Reader<Exhibit> in,
                                 echostream::Writer<Exhibit::Provenance> out) override;

  std::uint32_t last_button = 0;
};

/// The table as this translation unit sees it.
const echostream::ServiceInfo& info_seen_by_the_handler();

}  // namespace museum::v1
