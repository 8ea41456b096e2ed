#include "echostream/plugins/health.h"

#include <optional>
#include <utility>

#include "echostream/node.h"

#include "grpc/health/v1/health.echostream.h"
#include "runtime/plugins/health/health_board.h"

namespace echostream {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using internal::HealthBoard;

HealthCheckResponse::ServingStatus to_wire(std::optional<Health> health) {
  if (!health) return HealthCheckResponse::SERVICE_UNKNOWN;
  return *health == Health::kServing ? HealthCheckResponse::SERVING
                                     : HealthCheckResponse::NOT_SERVING;
}

class HealthService final : public grpc::health::v1::Health::Handler {
 public:
  explicit HealthService(std::shared_ptr<HealthBoard> board) : board_(std::move(board)) {}

  Task<Result<HealthCheckResponse>> Check(Call&, HealthCheckRequest request) override {
    const std::optional<Health> health = board_->of(request.service());
    if (!health) {
      co_return Status(StatusCode::kNotFound, "this node knows no service of that name");
    }
    HealthCheckResponse response;
    response.set_status(to_wire(health));
    co_return response;
  }

  Task<Status> Watch(Call& call, HealthCheckRequest request,
                     Writer<HealthCheckResponse> out) override {
    const std::shared_ptr<HealthBoard> board = board_;
    const Session session = call.peer();
    Status entered = board->enter(session);
    if (!entered.is_ok()) co_return entered;
    const HealthBoard::Place place(*board, session);
    std::optional<HealthCheckResponse::ServingStatus> told;
    for (;;) {
      const HealthCheckResponse::ServingStatus now = to_wire(board->of(request.service()));
      if (told != now) {
        HealthCheckResponse response;
        response.set_status(now);
        Status written = co_await out.write(response);
        if (!written.is_ok()) co_return written;
        told = now;
        continue;  // it may have changed while a slow reader was waited for
      }
      if (board->have_watches_ended()) {
        co_return Status(StatusCode::kUnavailable, "the node is shutting down");
      }
      const WaitResult woken = co_await board->changed().wait();
      if (woken == WaitResult::kCancelled) {
        co_return Status(StatusCode::kCancelled, "the watch was cancelled");
      }
    }
  }

 private:
  const std::shared_ptr<HealthBoard> board_;
};

}  // namespace

HealthPlugin::HealthPlugin(HealthOptions options)
    : board_(std::make_shared<HealthBoard>(options)) {}
HealthPlugin::~HealthPlugin() = default;

void HealthPlugin::set(std::string_view service, Health health) { board_->set(service, health); }
void HealthPlugin::drain() { board_->drain(); }
bool HealthPlugin::is_draining() const { return board_->is_draining(); }
std::size_t HealthPlugin::watches() const { return board_->watches(); }

Task<Status> HealthPlugin::on_start(Node& node) {
  co_return node.serve(std::make_shared<HealthService>(board_));
}

void HealthPlugin::on_draining(Node&) {
  board_->drain();
  board_->end_watches();
}

Status HealthPlugin::on_service(Node&, const ServiceInfo& service) {
  board_->add(service.full_name);
  return Status::ok();
}

}  // namespace echostream
