#include "runtime/plugins/compression/packing_layer.h"

#include <optional>
#include <string>
#include <utility>

namespace echostream::compression {
namespace {

// What is known of a session's peer; in Session::state().
struct PeerEncodings {
  // What we compress for it; null while that is not known, and when it takes none of ours.
  Codec* takes = nullptr;
  // It has answered a call that told it what we take: nothing of that need be said again.
  bool knows_ours = false;
  // It could not read what we compressed for it unasked.
  bool refuses = false;
};

PeerEncodings* known_of(const std::optional<Session>& session) {
  return session ? &session->state().get_or_emplace<PeerEncodings>() : nullptr;
}

// What a caller has told the peer of the session that it had then.
struct Offer {
  std::optional<Session> session;
  bool told_ours = false;
};

std::optional<std::string_view> peers_list(InterceptedCall& call) {
  if (auto list = call.response_metadata().find(kAcceptKey)) return list;
  return call.trailing_metadata().find(kAcceptKey);
}

// From what came in answer.
void learn(InterceptedCall& call, const Offer& offer, const CodecSet& codecs) {
  const auto list = peers_list(call);
  if (!list || !offer.session || call.session() != offer.session) return;
  PeerEncodings& known = *known_of(offer.session);
  known.takes = codecs.choose(*list);
  known.knows_ours |= offer.told_ours;
  known.refuses = known.takes == nullptr;
}

// One call's messages, both ways.
class PackingFilter : public MessageFilter {
 public:
  PackingFilter(std::shared_ptr<Packer> packer, const MethodInfo& method)
      : packer_(std::move(packer)), method_(method) {}

  /// Packs what is sent; null: it goes as it is, without a form in front.
  Codec* sends = nullptr;
  Codec* receives = nullptr;

  Status on_message(CallMessage& message) override {
    if (message.direction == CallMessage::Direction::kReceived) return unpack(message.bytes);
    if (sends != nullptr) message.bytes = packer_->pack(message.bytes, *sends, method_);
    return Status::ok();
  }

 protected:
  Packer& packer() const noexcept { return *packer_; }
  virtual Status unpack(Buffer& bytes) {
    if (receives == nullptr) return Status::ok();
    auto message = packer_->unpack(bytes, *receives);
    if (!message) return message.error();
    bytes = *std::move(message);
    return Status::ok();
  }

 private:
  std::shared_ptr<Packer> packer_;
  const MethodInfo& method_;
};

// A caller hears how the peer encodes, and what it takes, before the first message; but frames that
// travel on their own may overtake that.
class CallerFilter final : public PackingFilter {
 public:
  /// Messages are received as long as `call` lives.
  CallerFilter(std::shared_ptr<Packer> packer, InterceptedCall& call)
      : PackingFilter(std::move(packer), call.method()), call_(call) {}

  Offer offer;

 protected:
  Status unpack(Buffer& bytes) override {
    // Each time: a reader that goes on on another session may have met another peer.
    const auto encoding = call_.response_metadata().find(kEncodingKey);
    const bool may_overtake = call_.method().delivery != Delivery::kReliable;
    const bool is_packed = encoding || (may_overtake && looks_packed(bytes));
    receives = is_packed ? codec_of(encoding, bytes) : nullptr;
    if (is_packed && receives == nullptr) {
      packer().count_refused();
      return {StatusCode::kInternal, "the peer answers in an encoding that it was not told"};
    }
    if (!has_learned_) learn(call_, offer, packer().codecs());
    has_learned_ = true;
    Status status = PackingFilter::unpack(bytes);
    if (status.code() != StatusCode::kInvalidArgument) return status;
    // The caller's arguments were fine.
    return {StatusCode::kInternal, std::string(status.message())};
  }

 private:
  Codec* codec_of(std::optional<std::string_view> encoding, BytesView packed) const {
    const CodecSet& codecs = packer().codecs();
    return encoding ? codecs.find(*encoding) : codecs.find_form(packed[0]);
  }

  InterceptedCall& call_;
  bool has_learned_ = false;
};

// What an attempt before this one said: a layer outside has made the call again, maybe on another
// session.
void forget_attempt(Metadata& metadata) {
  if (!metadata.find(kAcceptKey) && !metadata.find(kEncodingKey)) return;
  Metadata rest;
  for (const auto& [key, value] : metadata.entries()) {
    if (key != kAcceptKey && key != kEncodingKey) rest.add(key, value);
  }
  metadata = std::move(rest);
}

// Whether the answer can be looked at before it is said how it is encoded.
bool has_one_answer(const MethodInfo& method) {
  return method.kind == MethodKind::kRpc ||
         (method.kind == MethodKind::kStream && !method.server_streaming);
}

bool has_many_answers(const MethodInfo& method) {
  return method.kind != MethodKind::kEvent && !has_one_answer(method);
}

template <class Filter, class... Arguments>
Filter& add_filter(InterceptedCall& call, Arguments&&... arguments) {
  auto filter = std::make_unique<Filter>(std::forward<Arguments>(arguments)...);
  Filter& added = *filter;
  call.add_filter(std::move(filter), FilterPlace::kWire);
  return added;
}

class PackingLayer final : public Middleware {
 public:
  explicit PackingLayer(std::shared_ptr<Packer> packer) : packer_(std::move(packer)) {}

  std::string_view name() const override { return "compression"; }

  Task<Status> call(InterceptedCall& call, Next next) override {
    CallerFilter& filter = add_filter<CallerFilter>(call, packer_, call);
    forget_attempt(call.metadata());
    filter.offer.session = call.session();
    PeerEncodings* known = known_of(filter.offer.session);
    filter.offer.told_ours = tell_ours(call, known);
    Codec* codec = codec_for_request(call, known);
    Metadata plain;
    if (codec != nullptr) {
      plain = call.metadata();
      encode_request(call, filter, *codec);
    }
    Status status = co_await next();
    learn(call, filter.offer, packer_->codecs());
    if (codec == nullptr || !was_not_understood(call, status, *codec)) co_return status;
    // Nothing has happened at a peer that could not read the request.
    if (known != nullptr) *known = {nullptr, false, true};
    filter.sends = nullptr;
    call.metadata() = std::move(plain);
    Status again = co_await next();
    co_return again;
  }

  Task<Status> serve(InterceptedCall& call, Next next) override {
    const CodecSet& codecs = packer_->codecs();
    PackingFilter& filter = add_filter<PackingFilter>(call, packer_, call.method());
    const auto peers = call.metadata().find(kAcceptKey);
    const auto encoding = call.metadata().find(kEncodingKey);
    if (peers || encoding) answer_with_ours(call);
    if (encoding) {
      filter.receives = codecs.find(*encoding);
      if (filter.receives == nullptr) {
        packer_->count_refused();
        co_return Status(
            StatusCode::kUnimplemented,
            "the request is encoded in a way that this node does not know; it takes: " +
                codecs.list());
      }
    }
    PeerEncodings* known = known_of(call.session());
    if (peers && known != nullptr) known->takes = codecs.choose(*peers);
    Codec* codec = known != nullptr ? known->takes : nullptr;
    if (codec != nullptr && !packer_->is_compressed(call.method())) codec = nullptr;
    if (codec != nullptr && has_many_answers(call.method())) encode_answers(call, filter, *codec);
    Status status = co_await next();
    if (codec != nullptr && has_one_answer(call.method()) && call.reply() &&
        packer_->pays(*call.reply(), *codec, call.method())) {
      encode_answers(call, filter, *codec);
    }
    co_return status;
  }

 private:
  // ---- Calling side.

  // Says what we take where the peer may not know it. Streams always do: their readers may go on at
  // another peer.
  bool tell_ours(InterceptedCall& call, const PeerEncodings* known) const {
    const MethodKind kind = call.method().kind;
    if (kind == MethodKind::kEvent) return false;
    if (kind == MethodKind::kRpc && known != nullptr && known->knows_ours) return false;
    call.metadata().add(kAcceptKey, packer_->codecs().list());
    return true;
  }

  Codec* codec_for_request(InterceptedCall& call, const PeerEncodings* known) const {
    Codec* codec = known != nullptr ? known->takes : nullptr;
    const bool may_guess =
        packer_->options().peers_take_it && (known == nullptr || !known->refuses);
    if (codec == nullptr && may_guess) codec = &packer_->codecs().first();
    if (codec == nullptr || !packer_->is_compressed(call.method())) return nullptr;
    if (!call.request()) return codec;
    return packer_->pays(*call.request(), *codec, call.method()) ? codec : nullptr;
  }

  static void encode_request(InterceptedCall& call, PackingFilter& filter, Codec& codec) {
    call.metadata().add(kEncodingKey, std::string(codec.name()));
    filter.sends = &codec;
  }

  // An encoded request never is a message as protobuf encodes it: its first byte would be a field
  // of number 0. So a peer without this plugin fails to decode it, and a peer with it that does not
  // know the encoding says so; neither has run a handler.
  static bool was_not_understood(InterceptedCall& call, const Status& status, const Codec& codec) {
    if (call.method().kind != MethodKind::kRpc) return false;
    const auto list = peers_list(call);
    if (!list) return status.code() == StatusCode::kInvalidArgument;
    return status.code() == StatusCode::kUnimplemented && !list_has(*list, codec.name());
  }

  // ---- Serving side.

  // In the metadata that goes out anyway.
  void answer_with_ours(InterceptedCall& call) const {
    Metadata& metadata =
        has_one_answer(call.method()) ? call.trailing_metadata() : call.response_metadata();
    metadata.add(kAcceptKey, packer_->codecs().list());
  }

  static void encode_answers(InterceptedCall& call, PackingFilter& filter, Codec& codec) {
    call.response_metadata().add(kEncodingKey, std::string(codec.name()));
    filter.sends = &codec;
  }

  std::shared_ptr<Packer> packer_;
};

}  // namespace

std::shared_ptr<Middleware> make_packing_layer(std::shared_ptr<Packer> packer) {
  return std::make_shared<PackingLayer>(std::move(packer));
}

}  // namespace echostream::compression
