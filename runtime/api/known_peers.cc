#include "echostream/known_peers.h"

#include <chrono>
#include <mutex>
#include <utility>

#include "runtime/api/known_peer_list.h"
#include "runtime/api/shared_file.h"

namespace echostream {
namespace {

using internal::KnownPeerList;
using internal::SharedFile;

class MemoryKnownPeers final : public KnownPeers {
 public:
  std::optional<KnownPeer> find(std::string_view name) const override {
    const std::lock_guard lock(mutex_);
    return list_.find(name);
  }
  std::optional<KnownPeer> find(const Fingerprint& fingerprint) const override {
    const std::lock_guard lock(mutex_);
    return list_.find(fingerprint);
  }
  std::vector<KnownPeer> list() const override {
    const std::lock_guard lock(mutex_);
    return list_.list();
  }
  Status add(const KnownPeer& peer) override {
    const std::lock_guard lock(mutex_);
    return list_.add(peer).status();
  }
  Status remove(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    return list_.remove(name);
  }

 private:
  mutable std::mutex mutex_;
  KnownPeerList list_;
};

constexpr SharedFile::Rules kRules = {022, "who could say in it whom to trust",
                                      "others may write into it whom to trust", true};
// How long to wait for other programs, which are done within milliseconds, or hang.
constexpr std::chrono::milliseconds kPatience{100};

class FileKnownPeers final : public KnownPeers {
 public:
  explicit FileKnownPeers(std::string path) : file_(std::move(path), kRules) {}

  /// The file is there, and can be understood.
  Status prepare() {
    const std::lock_guard lock(mutex_);
    if (Status status = read(); !status.is_ok()) return status;
    if (version_ != SharedFile::Version()) return Status::ok();
    return change([](KnownPeerList&) { return Result<bool>(true); });
  }

  std::optional<KnownPeer> find(std::string_view name) const override {
    const std::lock_guard lock(mutex_);
    refresh();
    return list_.find(name);
  }
  std::optional<KnownPeer> find(const Fingerprint& fingerprint) const override {
    const std::lock_guard lock(mutex_);
    refresh();
    return list_.find(fingerprint);
  }
  std::vector<KnownPeer> list() const override {
    const std::lock_guard lock(mutex_);
    refresh();
    return list_.list();
  }
  Status add(const KnownPeer& peer) override {
    const std::lock_guard lock(mutex_);
    return change([&](KnownPeerList& list) { return list.add(peer); });
  }
  Status remove(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    return change([&](KnownPeerList& list) -> Result<bool> {
      Status status = list.remove(name);
      if (!status.is_ok()) return status;
      return true;
    });
  }

 private:
  void refresh() const {
    if (file_.version() != version_) (void)read();
  }

  // Nobody is known when that fails.
  Status read() const {
    list_ = KnownPeerList();
    version_ = {};
    auto content = file_.read();
    if (!content) return std::move(content).error();
    version_ = content->version;
    auto parsed = KnownPeerList::parse(content->text);
    if (!parsed) {
      return {parsed.error().code(), file_.path() + ": " + std::string(parsed.error().message()) +
                                         "; the file is left as it is"};
    }
    list_ = *std::move(parsed);
    return Status::ok();
  }

  template <class Change>
  Status change(const Change& how) {
    const internal::FileDescriptor others = file_.lock(kPatience);
    if (!others.is_valid()) {
      return {StatusCode::kUnavailable,
              "cannot lock " + file_.path() + ".lock: " + internal::system_error()};
    }
    // What others have written meanwhile stays.
    if (Status status = read(); !status.is_ok()) return status;
    KnownPeerList changed = list_;
    const Result<bool> has_changed = how(changed);
    if (!has_changed) return has_changed.error();
    if (!*has_changed) return Status::ok();
    if (Status status = file_.replace(changed.to_text()); !status.is_ok()) return status;
    return read();
  }

  const SharedFile file_;
  mutable std::mutex mutex_;
  // As it was when the file had that version.
  mutable KnownPeerList list_;
  mutable SharedFile::Version version_{};
};

}  // namespace

std::shared_ptr<KnownPeers> make_memory_known_peers() {
  return std::make_shared<MemoryKnownPeers>();
}

Result<std::shared_ptr<KnownPeers>> make_file_known_peers(std::string path) {
  auto peers = std::make_shared<FileKnownPeers>(std::move(path));
  if (Status status = peers->prepare(); !status.is_ok()) {
    return status.with_context("the known peers");
  }
  return std::shared_ptr<KnownPeers>(std::move(peers));
}

}  // namespace echostream
