#include "session_recording.h"

#ifdef INTERCOM_HAS_RECORDER
#include "echostream/plugins/recorder.h"
#endif

namespace intercom {

using echostream::Status;

#ifdef INTERCOM_HAS_RECORDER

Status record_sessions(echostream::Node& node, const std::string& path) {
  if (path.empty()) return Status::ok();
  echostream::RecorderOptions options(path);
  options.overwrite = true;
  auto recorder = echostream::make_recorder_plugin(options);
  if (!recorder) return recorder.error();
  return node.add_plugin(*recorder);
}

#else

Status record_sessions(echostream::Node&, const std::string& path) {
  if (path.empty()) return Status::ok();
  return Status(echostream::StatusCode::kUnimplemented,
                "--recording: this build has no plugin recorder; it needs libzstd and liblz4");
}

#endif

}  // namespace intercom
