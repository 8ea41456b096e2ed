#include "runtime/api/qlog_files.h"

#include <utility>

#include "runtime/api/trace_file.h"

namespace echostream::internal {

class QlogFiles::File final : public transport::QlogSink {
 public:
  File(QlogFiles& owner, std::string path, TraceFile file)
      : owner_(owner), path_(std::move(path)), file_(std::move(file)) {}

  // Each record at once: what a program did last is what one wants to see after it has crashed.
  void on_qlog(BytesView record) override {
    if (has_ended_) return;
    if (record.size() > owner_.bounds_.file_bytes ||
        size_ > owner_.bounds_.file_bytes - record.size()) {
      has_ended_ = true;
      return owner_.complain(Trouble::kFileFull, path_ + " has " + std::to_string(size_) +
                                                     " bytes and ends here; the session goes on");
    }
    Status status = file_.append(record);
    if (status.is_ok()) {
      size_ += record.size();
      return;
    }
    has_ended_ = true;
    file_.cut_to(size_);
    owner_.complain(Trouble::kWrite, "cannot write " + path_ + ": " +
                                         std::string(status.message()) +
                                         "; the trace ends here, the session goes on");
  }

 private:
  QlogFiles& owner_;
  const std::string path_;
  const TraceFile file_;
  std::uint64_t size_ = 0;
  bool has_ended_ = false;
};

std::unique_ptr<transport::QlogSink> QlogFiles::open(const transport::QlogName& name) {
  if (opened_ >= bounds_.files) {
    complain(Trouble::kTooMany, "this node has written " + std::to_string(opened_) + " traces to " +
                                    directory_ + "; sessions from now on get none");
    return nullptr;
  }
  // The id is hexadecimal, and the client's choice, who may choose one twice.
  constexpr int kMostOfOneId = 9;
  const std::string stem =
      directory_ + '/' + name.original_id + (name.is_server ? "_server" : "_client");
  for (int i = 1;; ++i) {
    std::string path = stem + (i > 1 ? '-' + std::to_string(i) : std::string()) + ".sqlog";
    auto file = TraceFile::make(path);
    if (file) {
      ++opened_;
      return std::make_unique<File>(*this, std::move(path), *std::move(file));
    }
    if (i < kMostOfOneId && file.error().code() == StatusCode::kAlreadyExists) continue;
    complain(Trouble::kOpen,
             std::string(file.error().message()) + "; the session goes on without a trace");
    return nullptr;
  }
}

void QlogFiles::complain(Trouble trouble, const std::string& text) {
  if (!std::exchange(told_[static_cast<std::size_t>(trouble)], true)) report_("qlog: " + text);
}

}  // namespace echostream::internal
