#include <prometheus/text_serializer.h>

#include <iterator>
#include <mutex>
#include <sstream>
#include <utility>

#include "echostream/plugins/metrics.h"

#include "runtime/plugins/metrics/families.h"
#include "runtime/plugins/metrics/http_listener.h"
#include "runtime/plugins/metrics/series_table.h"

namespace echostream {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<Duration> default_buckets() {
  return {microseconds(100),  microseconds(250),  microseconds(500), milliseconds(1),
          microseconds(2500), milliseconds(5),    milliseconds(10),  milliseconds(25),
          milliseconds(50),   milliseconds(100),  milliseconds(250), milliseconds(500),
          seconds(1),         milliseconds(2500), seconds(5),        seconds(10)};
}

}  // namespace

struct MetricsRegistry::Listening {
  std::mutex mutex;
  std::string wanted;
  std::unique_ptr<internal::HttpListener> listener;
};

MetricsRegistry::MetricsRegistry(std::vector<Duration> handling_buckets)
    : table_(std::make_shared<internal::SeriesTable>(
          handling_buckets.empty() ? default_buckets() : std::move(handling_buckets))),
      listening_(std::make_unique<Listening>()) {}

MetricsRegistry::~MetricsRegistry() { listening_.reset(); }

std::vector<prometheus::MetricFamily> MetricsRegistry::Collect() const {
  internal::NodeSeries sum(table_->handling_bounds());
  table_->add_up(sum);
  std::vector<prometheus::MetricFamily> families = internal::make_families(sum);
  std::vector<prometheus::MetricFamily> own = prometheus::Registry::Collect();
  families.insert(families.end(), std::make_move_iterator(own.begin()),
                  std::make_move_iterator(own.end()));
  return families;
}

std::string MetricsRegistry::to_text() const {
  return prometheus::TextSerializer().Serialize(Collect());
}

Result<SocketAddress> MetricsRegistry::listen(const MetricsListenOptions& options) {
  const std::lock_guard lock(listening_->mutex);
  if (listening_->listener != nullptr) {
    if (listening_->wanted == options.address) return listening_->listener->address();
    return Status(StatusCode::kFailedPrecondition, "metrics are shown on " + listening_->wanted +
                                                       " already, not on " + options.address +
                                                       ": one registry has one page");
  }
  auto listener = internal::HttpListener::open(options, [this] { return to_text(); });
  if (!listener) return listener.error();
  listening_->wanted = options.address;
  listening_->listener = *std::move(listener);
  return listening_->listener->address();
}

}  // namespace echostream
