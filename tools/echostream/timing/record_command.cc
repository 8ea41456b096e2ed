// echostream timing record: the arrivals of a live stream as a trace.
#include <google/protobuf/empty.pb.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "echostream/base/wait.h"
#include "echostream/config.h"
#include "echostream/internal/call_state.h"
#include "echostream/node.h"
#include "echostream/stream.h"

#include "tools/echostream/io/output_file.h"
#include "tools/echostream/options.h"
#include "tools/echostream/timing/timing_command.h"

namespace echostream::tool {

namespace {

using google::protobuf::Empty;

constexpr const char* kExplanation =
    R"(Calls a streaming method of a node and writes when each of its frames was captured and when it came.

The method is named as in its .proto, package.Service/Method; --delivery must be what the .proto says.
The request is an encoded message in a file (protoc --encode makes one); without it, an empty one.
The trace has the columns seq,send_us,arrival_us: the capture time by the sender's clock and the arrival
by ours; the arrival of a frame that did not come within half a second of its turn is empty.

Example:
  echostream timing record --to 192.0.2.7:4433 --fingerprint 4f2a... --method robot.v1.Robot/Camera \
      --delivery expiring --seconds 30 --output trace.csv
  echostream timing jitter --input trace.csv --output decisions.csv)";

// How long a frame that overtook others waits for them, so that reordering is seen.
constexpr Duration kHoldBack = std::chrono::milliseconds(500);

// As docs/protocol.md 5.1 has it, for methods that set no id of their own.
std::uint64_t method_id(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  return hash & ((std::uint64_t{1} << 62) - 1);
}

struct Recorded {
  std::uint64_t sequence = 0;
  RemoteTime capture{};
  LocalTime arrival{};
};

struct Recording {
  std::vector<Recorded> frames;
  Status status;
};

class RecordCommand final : public Command {
 public:
  explicit RecordCommand(CLI::App& timing)
      : Command(*timing.add_subcommand("record", "Write a live stream's arrivals as a trace")) {
    app().footer(kExplanation);
    app().add_option("--to", target_, "HOST:PORT of the node; or the first peer of --config");
    app().add_option("--fingerprint", fingerprint_, "SHA-256 fingerprint of its certificate");
    add_file(app(), "--ca", ca_, "a PEM file with the authorities that vouch for it");
    add_file(app(), "--config", config_, "the configuration of our own node: *.json, *.textproto");
    app().add_option("--method", method_, "package.Service/Method")->required();
    app().add_option("--id", id_, "the method's id, where its .proto sets one");
    add_choice(app(), "--delivery", delivery_, {"reliable", "expiring", "datagram"},
               "reliable, expiring or datagram: what the .proto says");
    add_file(app(), "--request", request_, "a file with the encoded request");
    app()
        .add_option("--seconds", seconds_, "how long at most")
        ->check(CLI::Range(0.1, 86400.0))
        ->capture_default_str();
    add_file(app(), "--output", output_, "where to write the trace")->required();
  }

  Status run() override {
    if (!(seconds_ > 0)) return {StatusCode::kInvalidArgument, "--seconds must be a number"};
    auto configuration = read_config(config_, ConfigOverrides::from_environment());
    if (!configuration) return configuration.error();
    if (target_.empty() && configuration->message().peers_size() > 0) {
      target_ = configuration->message().peers(0).target();
    }
    if (target_.empty()) {
      return {StatusCode::kInvalidArgument,
              "whom to dial? Give --to HOST:PORT, or peers in --config"};
    }
    Empty request;
    if (Status status = read_request(request); !status.is_ok()) return status;
    auto out = OutputFile::create(output_, {ca_, config_, request_});
    if (!out) return out.error();
    auto loop = make_loop(loop_options_from(*configuration));
    if (!loop) return loop.error();
    auto options = node_options_from(*configuration, (*loop)->wall_time());
    if (!options) return options.error();
    if (Status status = believe(*options); !status.is_ok()) return status;
    Node node(**loop, *std::move(options));
    if (Status status = add_plugins(*configuration, node); !status.is_ok()) return status;
    const Recording recording = echostream::run(**loop, record(node, *this, request));
    if (!recording.status.is_ok()) return recording.status;
    write(recording, out->stream());
    Status status = out->commit();
    if (status.is_ok()) show(recording);
    return status;
  }

 private:
  // What the flags say is over the configuration.
  Status believe(NodeOptions& options) const {
    if (fingerprint_.empty() && ca_.empty() && options.trust) return Status::ok();
    if (fingerprint_.empty() == ca_.empty()) {
      return {StatusCode::kInvalidArgument,
              "whom to believe? Give --fingerprint of the node's certificate, or --ca FILE"};
    }
    if (!ca_.empty()) {
      auto trust = Trust::certificate_authorities_file(ca_);
      if (trust) options.trust = *trust;
      return trust.status();
    }
    auto fingerprint = Fingerprint::parse(fingerprint_);
    if (!fingerprint) return std::move(fingerprint).error().with_context("--fingerprint");
    options.trust = Trust::pinned({*fingerprint});
    return Status::ok();
  }

  // Bytes of any message: an Empty keeps the fields that it does not know.
  Status read_request(Empty& request) const {
    if (request_.empty()) return Status::ok();
    auto in = open_input(request_);
    if (!in) return in.error();
    const std::string bytes{std::istreambuf_iterator<char>(*in), {}};
    if (request.ParseFromString(bytes)) return Status::ok();
    return {StatusCode::kInvalidArgument,
            request_ + ": not an encoded message; protoc --encode=... makes one"};
  }

  MethodInfo method() const {
    MethodInfo method;
    method.name = method_;
    method.full_name = method_;
    method.id = id_ != 0 ? id_ : method_id(method_);
    method.kind = MethodKind::kStream;
    method.server_streaming = true;
    method.delivery = static_cast<Delivery>(delivery_);
    if (method.delivery != Delivery::kReliable) {
      method.jitter_buffer.enabled = true;
      method.jitter_buffer.min_delay = kHoldBack;
      method.jitter_buffer.initial_delay = kHoldBack;
      method.jitter_buffer.max_delay = kHoldBack;
    }
    return method;
  }

  static Task<Recording> record(Node& node, const RecordCommand& command, const Empty& request) {
    Recording recording;
    auto session = co_await node.connect(command.target_);
    if (!session) {
      recording.status = session.error();
      co_return recording;
    }
    const MethodInfo method = command.method();
    const auto limit =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(command.seconds_));
    CallOptions options = CallOptions().timeout(limit);
    // Ctrl-C ends the recording, and what is recorded is kept.
    bool stopped = false;
    auto signals = node.loop().watch_stop_signals([&](int) {
      stopped = true;
      session->close("the recording was stopped");
    });
    if (!signals) {
      recording.status = signals.error();
      co_return recording;
    }
    auto encoded = internal::encode_message(request);
    auto call =
        co_await internal::open_call(session->channel(), method, std::move(encoded), options);
    Reader<Empty> reader(std::move(call));
    while (auto frame = co_await reader.next()) {
      recording.frames.push_back({frame->sequence, frame->capture_time, frame->arrival_time});
    }
    recording.status = reader.status();
    // Being cut off is the way most recordings end.
    const bool was_cut = stopped || recording.status.code() == StatusCode::kDeadlineExceeded;
    if (was_cut) recording.status = Status::ok();
    if (recording.status.is_ok() && recording.frames.empty()) {
      recording.status = Status(StatusCode::kUnavailable, "no frame came; is " + command.method_ +
                                                              " sent as --delivery says?");
    }
    co_return recording;
  }

  // Times since the first frame's capture, so that the numbers can be read. A frame that was lost
  // has no capture time here: it is put between its neighbours.
  static void write(const Recording& recording, std::ostream& out) {
    out << "seq,send_us,arrival_us\n";
    const Recorded& first = recording.frames.front();
    const auto microseconds = [](Duration time) { return time.count() / 1000; };
    std::int64_t last_sent = 0;
    std::uint64_t next = first.sequence;
    for (const Recorded& frame : recording.frames) {
      const std::int64_t sent = microseconds(frame.capture - first.capture);
      const std::uint64_t missing = frame.sequence - next;
      for (std::uint64_t i = 0; i < missing && i < 100'000; ++i) {
        const auto step = static_cast<std::int64_t>(
            (i + 1) * static_cast<std::uint64_t>(std::max<std::int64_t>(sent - last_sent, 0)) /
            (missing + 1));
        out << next + i << ',' << last_sent + step << ",\n";
      }
      out << frame.sequence << ',' << sent << ',' << microseconds(frame.arrival - first.arrival)
          << '\n';
      last_sent = sent;
      next = frame.sequence + 1;
    }
  }

  void show(const Recording& recording) const {
    const std::uint64_t span =
        recording.frames.back().sequence - recording.frames.front().sequence + 1;
    std::cout << recording.frames.size() << " frames recorded, " << span - recording.frames.size()
              << " lost\n";
  }

  std::string target_;
  std::string fingerprint_;
  std::string ca_;
  std::string config_;
  std::string method_;
  std::uint64_t id_ = 0;
  std::size_t delivery_ = 2;
  std::string request_;
  double seconds_ = 10;
  std::string output_;
};

}  // namespace

std::unique_ptr<Command> make_record_command(CLI::App& timing) {
  return std::make_unique<RecordCommand>(timing);
}

}  // namespace echostream::tool
