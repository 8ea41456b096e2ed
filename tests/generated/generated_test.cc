// Calls every form of method through generated code, over a session in memory.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/testing/memory_session.h"
#include "echostream/testing/sim.h"

#include "gapi/longrunning/operations.echostream.h"
#include "museum/legacy/catalogue.echostream.h"
#include "museum/v1/museum_service.echostream.h"
#include "museum/v1beta2/museum_service.echostream.h"
#include "tests/generated/museum_handler.h"

namespace museum::v1 {
namespace {

using echostream::Reader;
using echostream::Result;
using echostream::Session;
using echostream::SocketAddress;
using echostream::Status;
using echostream::StatusCode;
using namespace std::chrono_literals;
using Service = MuseumExhibitManagementService;

class Generated : public testing::Test {
 protected:
  Generated()
      : loop_(simulation_.add_node("museum", SocketAddress::ipv4({10, 0, 0, 1}, 0))),
        visitor_(loop_),
        museum_(loop_),
        session_(echostream::testing::connect_in_memory(visitor_, museum_).first) {
    EXPECT_TRUE(museum_.serve(handler_).is_ok());
  }
  Service::Client client() { return session_.client<Service>(); }
  template <class T>
  T run(echostream::Task<T> task) {
    auto result = simulation_.run(loop_, std::move(task), 10s);
    if (!result) throw std::runtime_error("the task did not end within ten seconds");
    return *std::move(result);
  }

  echostream::testing::Simulation simulation_{1};
  echostream::Loop& loop_;
  std::shared_ptr<MuseumHandler> handler_ = std::make_shared<MuseumHandler>();
  echostream::Node visitor_;
  echostream::Node museum_;
  Session session_;
};

GetExhibitRequest request_for(std::string name) {
  GetExhibitRequest request;
  request.set_name(std::move(name));
  return request;
}

TEST_F(Generated, AnRpcReturnsItsReply) {
  auto reply = run(client().GetExhibit(request_for("museums/1/exhibits/2")));
  ASSERT_TRUE(reply) << reply.status();
  EXPECT_EQ(reply->name(), "museums/1/exhibits/2");
  EXPECT_EQ(reply->title(), "Title of museums/1/exhibits/2");
}

TEST_F(Generated, AnRpcReturnsItsError) {
  auto reply = run(client().GetExhibit({}));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Generated, AMethodWithALongNameKeepsAbsentOptionalFieldsAbsent) {
  UpdateExhibitRequest request;
  request.mutable_exhibit()->set_name("vase");
  auto reply =
      run(client().UpdateExhibitWithMaskAndProvenanceDocumentsIfItsRestorationHasEnded(request));
  ASSERT_TRUE(reply) << reply.status();
  EXPECT_EQ(reply->name(), "operations/vase");
  EXPECT_EQ(reply->error().code(), 0);
  request.set_allow_missing(false);
  reply =
      run(client().UpdateExhibitWithMaskAndProvenanceDocumentsIfItsRestorationHasEnded(request));
  ASSERT_TRUE(reply) << reply.status();
  EXPECT_EQ(reply->error().code(), 1);
}

TEST_F(Generated, AnEventArrives) {
  MuseumHandler::Place::Room::Shelf::Slot slot;
  slot.set_number(7);
  auto status = run(client().ButtonPressed(slot));
  ASSERT_TRUE(status.is_ok()) << status;
  EXPECT_TRUE(simulation_.run_until([&] { return handler_->last_button == 7; }, 1s));
}

TEST_F(Generated, ASubscriberGetsWhatItsFilterAsksFor) {
  auto reader = run(client().ExhibitMoved(request_for("vase")));
  simulation_.run_for(10ms);
  for (const char* name : {"lamp", "vase"}) {
    Exhibit exhibit;
    exhibit.set_name(name);
    handler_->PublishExhibitMoved(exhibit);
  }
  auto frame = run(reader.next());
  ASSERT_TRUE(frame) << reader.status();
  EXPECT_EQ(frame->message.name(), "vase");
}

echostream::Task<std::vector<std::string>> read_names(Reader<Exhibit> reader) {
  std::vector<std::string> names;
  while (auto frame = co_await reader.next()) names.push_back(frame->message.name());
  names.push_back(reader.status().is_ok() ? "end" : std::string(reader.status().message()));
  co_return names;
}

TEST_F(Generated, AServerStreamArrivesInOrder) {
  MuseumHandler::Place place;
  for (const char* name : {"hall", "attic"}) place.add_rooms()->set_nickname(name);
  auto reader = run(client().Tour(place));
  EXPECT_THAT(run(read_names(std::move(reader))), testing::ElementsAre("hall", "attic", "end"));
}

TEST_F(Generated, AClientStreamEndsWithItsReply) {
  auto stream = run(client().Upload());
  for (const char* scan : {"first", "second"}) {
    Exhibit::Provenance::Document document;
    document.set_scan(scan);
    auto status = run(stream.write(document));
    ASSERT_TRUE(status.is_ok()) << status;
  }
  auto reply = run(stream.finish());
  ASSERT_TRUE(reply) << reply.status();
  ASSERT_EQ(reply->documents_size(), 2);
  EXPECT_EQ(reply->documents(1).scan(), "second");
}

TEST_F(Generated, ADuplexStreamAnswersEachFrame) {
  auto stream = run(client().Guide());
  Exhibit exhibit;
  exhibit.set_name("vase");
  auto status = run(stream.writer.write(exhibit));
  ASSERT_TRUE(status.is_ok()) << status;
  auto frame = run(stream.reader.next());
  ASSERT_TRUE(frame) << stream.reader.status();
  EXPECT_EQ(frame->message.owner(), "Owner of vase");
  status = run(stream.writer.finish());
  EXPECT_TRUE(status.is_ok()) << status;
  EXPECT_FALSE(run(stream.reader.next()));
  EXPECT_TRUE(stream.reader.status().is_ok()) << stream.reader.status();
}

TEST_F(Generated, AServiceThatIsNotServedIsUnimplemented) {
  auto reply = run(session_.client<legacy::Catalogue>().Find([] {
    legacy::Card card;
    card.set_title("Vase");
    return card;
  }()));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.status().code(), StatusCode::kUnimplemented);
}

TEST(GeneratedTable, IsOneForAllTranslationUnits) {
  EXPECT_EQ(&Service::info(), &info_seen_by_the_handler());
  EXPECT_EQ(&MuseumHandler().info(), &Service::info());
}

TEST(GeneratedTable, SaysWhatTheIdlSays) {
  const auto& info = Service::info();
  EXPECT_EQ(info.full_name, "museum.v1.MuseumExhibitManagementService");
  ASSERT_EQ(info.methods.size(), 7U);
  EXPECT_EQ(info.methods[0].full_name, "museum.v1.MuseumExhibitManagementService/GetExhibit");
  EXPECT_EQ(info.methods[0].deadline, 2s);
  EXPECT_TRUE(info.methods[0].idempotent);
  EXPECT_EQ(info.methods[3].kind, echostream::MethodKind::kPublished);
  EXPECT_EQ(info.methods[6].max_age, 150ms);
  EXPECT_EQ(info.methods[6].sync_group, "guide");
}

TEST(GeneratedTable, SaysWhatTheIdlSaysOfTheJitterBuffer) {
  const auto& methods = Service::info().methods;
  ASSERT_EQ(methods.size(), 7U);
  EXPECT_FALSE(methods[4].jitter_buffer.enabled);
  const echostream::JitterBufferOptions& buffer = methods[6].jitter_buffer;
  EXPECT_TRUE(buffer.enabled);
  EXPECT_EQ(buffer.profile, echostream::PlayoutProfile::kLowLatency);
  EXPECT_EQ(buffer.late_policy, echostream::LatePolicy::kAuto);
  EXPECT_EQ(buffer.max_delay, 120ms);
  EXPECT_DOUBLE_EQ(buffer.max_late_share, 0.025);
  EXPECT_EQ(buffer.max_stretch, 0);
  EXPECT_EQ(buffer.max_skew, 40ms);
}

TEST(GeneratedTable, OfTwoPackagesHasTwoIdsForOneName) {
  EXPECT_NE(Service::info().methods[0].id,
            v1beta2::MuseumExhibitManagementService::info().methods[0].id);
}

TEST(GeneratedTable, HoldsTheFilesDescriptor) {
  for (const auto* info : {&Service::info(), &legacy::Catalogue::info(),
                           &gapi::longrunning::Operations::info(), &v1beta2::Names::info()}) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromArray(info->file_descriptor.data(),
                                    static_cast<int>(info->file_descriptor.size())));
    const std::string name(info->full_name.substr(info->full_name.rfind('.') + 1));
    EXPECT_TRUE(std::any_of(file.service().begin(), file.service().end(),
                            [&](const auto& service) { return service.name() == name; }))
        << info->full_name << " in " << file.name();
  }
}

}  // namespace
}  // namespace museum::v1
