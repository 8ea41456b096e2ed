#include "runtime/api/node_traces.h"

#include <utility>

#include "runtime/api/key_log_file.h"

namespace echostream::internal {

NodeTraces::NodeTraces(Loop& loop, NodeContext& context) : loop_(loop), context_(context) {
  const NodeOptions& options = context.options;
  const auto from_environment = [&](const char* name) {
    return options.use_environment ? loop.environment(name) : std::string();
  };
  if (!options.key_log_file.empty()) {
    open_key_log(options.key_log_file, "NodeOptions::key_log_file");
  } else if (const std::string path = from_environment("SSLKEYLOGFILE"); !path.empty()) {
    open_key_log(path, "SSLKEYLOGFILE");
  }
  std::string directory = options.qlog_directory;
  if (directory.empty()) directory = from_environment("QLOGDIR");
  if (directory.empty()) return;
  log_soon(LogLevel::kInfo, "qlog traces of this node's sessions go to " + directory);
  qlog_ = std::make_unique<QlogFiles>(std::move(directory), [this](const std::string& text) {
    log_soon(LogLevel::kWarning, text);
  });
}

void NodeTraces::open_key_log(const std::string& path, const char* asked_by) {
  const std::string what = std::string("key log (") + asked_by + "): ";
  auto report = [&loop = loop_, &context = context_, alive = std::weak_ptr(alive_), what,
                 path](const Status& status) {
    loop.post([&context, alive,
               text = what + "cannot write " + path + ": " + std::string(status.message()) +
                      "; sessions go on, and some cannot be decrypted"] {
      if (!alive.expired()) context.log(LogLevel::kWarning, text);
    });
  };
  auto file = KeyLogFile::open(path, std::move(report));
  if (!file) {
    return log_soon(LogLevel::kWarning,
                    what + std::string(file.error().message()) + "; sessions go on without it");
  }
  key_log_ = *std::move(file);
  log_soon(LogLevel::kWarning,
           what + "THE SECRETS OF ALL SESSIONS ARE WRITTEN TO " + path +
               ". Who has that file can read, and has recorded, everything that they carry. For "
               "debugging only: never in production");
}

// Not from inside the transport, or the constructor of the node that the program's log may use.
void NodeTraces::log_soon(LogLevel level, std::string text) {
  context_.deferrer.defer(
      [context = &context_, level, line = std::move(text)] { context->log(level, line); });
}

void NodeTraces::apply_to(transport::QuicEndpoint::Options& endpoint) {
  // What is recorded for tshark 4.0 must be readable for it: it does not know RFC 9287.
  endpoint.quic.grease_quic_bit = context_.options.grease_quic_bit && key_log_ == nullptr;
  if (!qlog_) return;
  endpoint.open_qlog = [this](const transport::QlogName& name) { return qlog_->open(name); };
}

}  // namespace echostream::internal
