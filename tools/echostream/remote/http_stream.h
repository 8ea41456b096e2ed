// A call to an HTTP/3 server: of one message each way, or of streams.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "echostream/loop.h"

#include "runtime/gateway/client/http_client.h"
#include "runtime/gateway/protocol/client_exchange.h"
#include "tools/echostream/remote/remote.h"

namespace echostream::tool {

/// What a server can make a call hold.
struct HttpCallLimits {
  std::size_t max_message_bytes = 0;
  std::size_t max_metadata_bytes = 0;
};

class HttpStream final : public RemoteStream {
 public:
  /// `request`: the one message of methods whose request is no stream; others write(). Nothing of
  /// what is wrong is told here: next() gives nothing then, and status() says why. `loop` and
  /// `client` outlive it.
  HttpStream(Loop& loop, gateway::HttpClient& client, gateway::ClientCall call, bool one_reply,
             std::optional<Buffer> request, HttpCallLimits limits);

  Task<Status> write(Buffer message) override;
  Task<Status> finish() override;
  Task<std::optional<Frame<Buffer>>> next() override;
  Status status() const override { return status_; }
  void cancel() override;
  Metadata response_metadata() const override { return reader_->metadata(); }

 private:
  // One reply is good when the call has ended well, and not before.
  bool has_message() const { return taken_ < messages_.size() && (!one_reply_ || is_over_); }
  Task<Status> read_more();
  Status read_end();
  void end(Status status);
  Frame<Buffer> take_message();

  Loop& loop_;
  const gateway::ClientCall call_;
  const bool one_reply_;
  std::unique_ptr<gateway::ResponseReader> reader_;
  std::optional<gateway::HttpExchange> exchange_;
  bool has_head_ = false;
  Buffer unread_;  // of the response
  gateway::Buffers messages_;
  std::size_t taken_ = 0;  // of `messages_`
  std::uint64_t sequence_ = 0;
  bool is_over_ = false;
  Status status_;
};

}  // namespace echostream::tool
