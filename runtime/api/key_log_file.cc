#include "runtime/api/key_log_file.h"

#include <utility>

namespace echostream::internal {

Result<std::shared_ptr<KeyLogFile>> KeyLogFile::open(const std::string& path, Report report) {
  auto file = TraceFile::open(path);
  if (!file) return std::move(file).error();
  return std::shared_ptr<KeyLogFile>(new KeyLogFile(*std::move(file), std::move(report)));
}

void KeyLogFile::on_key_log(std::string_view line) {
  // In one piece: other threads and programs may write to the same file.
  std::string text = is_spoilt_.exchange(false) ? "\n" : "";
  text += line;
  text += '\n';
  Status status = file_.append(as_bytes(text));
  if (status.is_ok()) return;
  is_spoilt_ = true;
  if (!has_failed_.exchange(true)) report_(status);
}

}  // namespace echostream::internal
