#include "echostream/plugins/health.h"

#include <gmock/gmock.h>

#include "grpc/health/v1/health.echostream.h"
#include "tests/plugins/real_nodes.h"
#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

using HealthClient = grpc::health::v1::Health::Client;

constexpr char kLab[] = "lab.v1.Lab";

HealthCheckRequest of(std::string service) {
  HealthCheckRequest request;
  request.set_service(std::move(service));
  return request;
}

/// What a watch has told, and how it ended.
struct Told {
  std::vector<HealthCheckResponse::ServingStatus> statuses;
  std::optional<Status> end;
};

Task<void> watch(HealthClient client, std::string service, Told& told) {
  const HealthCheckRequest request = of(std::move(service));
  auto reader = co_await client.Watch(request);
  while (auto frame = co_await reader.next()) told.statuses.push_back(frame->message.status());
  told.end = reader.status();
}

class HealthOfNodes : public ::testing::TestWithParam<Wire> {
 protected:
  static HealthOptions few_watches() {
    HealthOptions options;
    options.max_watches_per_session = 2;
    return options;
  }
  static Lab::Options lab_options() {
    Lab::Options chosen;
    chosen.wire = GetParam();
    chosen.link.delay = 5ms;
    return chosen;
  }
  void SetUp() override {
    ASSERT_TRUE(lab_.server_node->add_plugin(health_).is_ok());
    lab_.connect();
  }
  HealthClient client() { return lab_.at_client->client<grpc::health::v1::Health>(); }
  /// UNKNOWN when the node does not know it.
  HealthCheckResponse::ServingStatus check(const std::string& service) {
    const auto response = lab_.run(client().Check(of(service)));
    if (!response || *response)
      return response ? (*response)->status() : HealthCheckResponse::UNKNOWN;
    EXPECT_EQ(response->status().code(), StatusCode::kNotFound);
    return HealthCheckResponse::UNKNOWN;
  }
  void start_watch(const std::string& service, Told& told) {
    watches_.spawn(watch(client(), service, told));
    lab_.run_for(100ms);
  }

  Lab lab_{lab_options()};
  std::shared_ptr<HealthPlugin> health_ = std::make_shared<HealthPlugin>(few_watches());
  TaskGroup watches_{lab_.client_loop()};
};

TEST_P(HealthOfNodes, TheNodeAndWhatItServesServeFromTheStart) {
  EXPECT_EQ(check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(check(kLab), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("grpc.health.v1.Health"), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("acme.v1.Robot"), HealthCheckResponse::UNKNOWN);
}

TEST_P(HealthOfNodes, IsWhatTheProgramSays) {
  health_->set(kLab, Health::kNotServing);
  health_->set("not a service of this node", Health::kNotServing);
  EXPECT_EQ(check(kLab), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(check("not a service of this node"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(check(""), HealthCheckResponse::SERVING);
  health_->set(kLab, Health::kServing);
  health_->set("", Health::kNotServing);
  EXPECT_EQ(check(kLab), HealthCheckResponse::SERVING);
  EXPECT_EQ(check(""), HealthCheckResponse::NOT_SERVING);
}

TEST_P(HealthOfNodes, AWatchTellsWhatIsAndEachChangeOnce) {
  Told told;
  start_watch(kLab, told);
  EXPECT_THAT(told.statuses, ElementsAre(HealthCheckResponse::SERVING));
  health_->set(kLab, Health::kServing);
  health_->set("", Health::kNotServing);
  lab_.run_for(100ms);
  EXPECT_THAT(told.statuses, ElementsAre(HealthCheckResponse::SERVING));
  health_->set(kLab, Health::kNotServing);
  lab_.run_for(100ms);
  health_->set(kLab, Health::kServing);
  lab_.run_for(100ms);
  EXPECT_THAT(told.statuses,
              ElementsAre(HealthCheckResponse::SERVING, HealthCheckResponse::NOT_SERVING,
                          HealthCheckResponse::SERVING));
  EXPECT_FALSE(told.end);
}

TEST_P(HealthOfNodes, AWatchWaitsForAServiceThatComesLater) {
  Told told;
  start_watch("acme.v1.Robot", told);
  EXPECT_THAT(told.statuses, ElementsAre(HealthCheckResponse::SERVICE_UNKNOWN));
  health_->set("acme.v1.Robot", Health::kServing);
  lab_.run_for(100ms);
  EXPECT_THAT(told.statuses,
              ElementsAre(HealthCheckResponse::SERVICE_UNKNOWN, HealthCheckResponse::SERVING));
}

TEST_P(HealthOfNodes, O01_ASessionHasSoManyWatchesAndNoMore) {
  Told first, second, third;
  start_watch("", first);
  {
    TaskGroup gone(lab_.client_loop());
    gone.spawn(watch(client(), kLab, second));
    lab_.run_for(100ms);
    start_watch("", third);
    ASSERT_TRUE(third.end);
    EXPECT_EQ(third.end->code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(health_->watches(), 2u);
  }
  lab_.run_for(100ms);
  EXPECT_EQ(health_->watches(), 1u);
  Told fourth;
  start_watch("", fourth);
  EXPECT_THAT(fourth.statuses, ElementsAre(HealthCheckResponse::SERVING));
}

TEST_P(HealthOfNodes, WatchesEndWithTheirSession) {
  Told told;
  start_watch("", told);
  lab_.at_client->close();
  lab_.run_for(1s);
  EXPECT_EQ(health_->watches(), 0u);
}

TEST_P(HealthOfNodes, WhileItDrainsNothingServesAndCallsAreAnsweredAsBefore) {
  Told told;
  start_watch(kLab, told);
  health_->drain();
  lab_.run_for(100ms);
  EXPECT_THAT(told.statuses,
              ElementsAre(HealthCheckResponse::SERVING, HealthCheckResponse::NOT_SERVING));
  EXPECT_FALSE(told.end);
  EXPECT_EQ(check(""), HealthCheckResponse::NOT_SERVING);
  health_->set("", Health::kServing);
  EXPECT_EQ(check(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_TRUE(*lab_.run(lab_.client().Echo(text("still here"))));
}

TEST_P(HealthOfNodes, AtShutdownWatchesSayNotServingBeforeTheSessionLeavesAndHoldNothingUp) {
  Told told;
  start_watch("", told);
  const Duration before = lab_.sim.elapsed();
  std::optional<bool> done;
  TaskGroup tasks(*lab_.server_side);
  const auto shut_down = [](Node& node, std::optional<bool>& set) -> Task<void> {
    co_await node.shutdown(30s);
    set = true;
  };
  tasks.spawn(shut_down(*lab_.server_node, done));
  ASSERT_TRUE(lab_.sim.run_until([&] { return done.has_value(); }, 60s));
  EXPECT_LT(lab_.sim.elapsed() - before, 2s);
  lab_.run_for(1s);
  EXPECT_THAT(told.statuses,
              ElementsAre(HealthCheckResponse::SERVING, HealthCheckResponse::NOT_SERVING));
  ASSERT_TRUE(told.end);
  EXPECT_EQ(told.end->code(), StatusCode::kUnavailable);
  EXPECT_TRUE(health_->is_draining());
}

INSTANTIATE_TEST_SUITE_P(Wires, HealthOfNodes, ::testing::Values(Wire::kMemory, Wire::kQuic));

// It has nothing to check: connect() takes as long as without it.
TEST(HealthOverQuic, KeepsNoPeerWaiting) {
  const auto time_to_connect = [](bool with_health) {
    Lab::Options options;
    options.link.delay = 5ms;
    Lab lab(options);
    if (with_health) {
      EXPECT_TRUE(lab.server_node->add_plugin(std::make_shared<HealthPlugin>()).is_ok());
    }
    EXPECT_TRUE(lab.server_node->listen("10.0.0.1:4433"));
    const Duration began = lab.sim.elapsed();
    auto session = lab.run(lab.client_node->connect("10.0.0.1:4433"));
    EXPECT_TRUE(session && *session);
    return lab.sim.elapsed() - began;
  };
  EXPECT_LT(time_to_connect(true), time_to_connect(false) + 5ms);
}

TEST(HealthOfRealNodes, IsAskedAndWatchedOverTheLoopback) {
  RealNodes nodes;
  const auto health = std::make_shared<HealthPlugin>();
  ASSERT_TRUE(nodes.server->add_plugin(health).is_ok());
  nodes.connect();
  ASSERT_TRUE(nodes.session);
  HealthClient client = nodes.session->client<grpc::health::v1::Health>();
  const auto response = nodes.run(client.Check(of(kLab)));
  ASSERT_TRUE(response) << response.status();
  EXPECT_EQ(response->status(), HealthCheckResponse::SERVING);

  auto reader = nodes.run(client.Watch(of(kLab)));
  EXPECT_EQ(nodes.run(reader.next())->message.status(), HealthCheckResponse::SERVING);
  health->set(kLab, Health::kNotServing);
  EXPECT_EQ(nodes.run(reader.next())->message.status(), HealthCheckResponse::NOT_SERVING);
}

TEST(HealthOfRealNodes, ASecondHealthServiceIsRefusedWhenTheNodeStarts) {
  RealNodes nodes;
  class Own final : public grpc::health::v1::Health::Handler {
    Task<Result<HealthCheckResponse>> Check(Call&, HealthCheckRequest) override {
      co_return HealthCheckResponse();
    }
    Task<Status> Watch(Call&, HealthCheckRequest, Writer<HealthCheckResponse>) override {
      co_return Status::ok();
    }
  };
  ASSERT_TRUE(nodes.server->serve(std::make_shared<Own>()).is_ok());
  ASSERT_TRUE(nodes.server->add_plugin(std::make_shared<HealthPlugin>()).is_ok());
  EXPECT_EQ(nodes.run(nodes.server->start()).code(), StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace echostream::testing
