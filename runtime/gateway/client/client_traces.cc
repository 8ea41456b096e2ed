#include "runtime/gateway/client/client_traces.h"

#include <cstdio>
#include <utility>

#include "runtime/api/key_log_file.h"

namespace echostream::gateway {
namespace {

void warn_on_stderr(std::string_view text) {
  std::fprintf(stderr, "echostream: warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

}  // namespace

ClientTraces::ClientTraces(Loop& loop, const HttpClientOptions& options)
    : warn_soon_([&loop, warn = options.warn ? options.warn : warn_on_stderr](std::string text) {
        loop.post([warn, line = std::move(text)] { warn(line); });
      }) {
  const auto chosen = [&](const std::string& option, const char* name) {
    return option.empty() && options.use_environment ? loop.environment(name) : option;
  };
  const std::string key_log = chosen(options.key_log_file, "SSLKEYLOGFILE");
  if (!key_log.empty()) open_key_log(key_log);
  std::string directory = chosen(options.qlog_directory, "QLOGDIR");
  if (directory.empty()) return;
  qlog_ = std::make_unique<internal::QlogFiles>(
      std::move(directory), [warn = warn_soon_](const std::string& text) { warn(text); });
}

void ClientTraces::open_key_log(const std::string& path) {
  auto report = [warn = warn_soon_, path](const Status& status) {
    warn("key log: cannot write " + path + ": " + std::string(status.message()) +
         "; some connections cannot be decrypted");
  };
  auto file = internal::KeyLogFile::open(path, std::move(report));
  if (!file) {
    return warn_soon_("key log: " + std::string(file.error().message()) + "; going on without it");
  }
  key_log_ = *std::move(file);
  warn_soon_("key log: THE SECRETS OF ALL CONNECTIONS ARE WRITTEN TO " + path +
             ". Who has that file can read everything that they carry. For debugging only");
}

void ClientTraces::apply_to(transport::QuicEndpoint::Options& endpoint) {
  // What is recorded for tshark 4.0 must be readable for it: it does not know RFC 9287.
  endpoint.quic.grease_quic_bit = key_log_ == nullptr;
  if (!qlog_) return;
  endpoint.open_qlog = [this](const transport::QlogName& name) { return qlog_->open(name); };
}

}  // namespace echostream::gateway
