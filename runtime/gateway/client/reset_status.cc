#include "runtime/gateway/client/reset_status.h"

#include <array>
#include <cstdio>

#include "runtime/http3/http3_error.h"

namespace echostream::gateway {
namespace {

using http3::Http3Error;

struct ErrorName {
  Http3Error code;
  const char* name;
};

constexpr std::array kErrorNames = {
    ErrorName{Http3Error::kNoError, "H3_NO_ERROR"},
    ErrorName{Http3Error::kGeneralProtocolError, "H3_GENERAL_PROTOCOL_ERROR"},
    ErrorName{Http3Error::kInternalError, "H3_INTERNAL_ERROR"},
    ErrorName{Http3Error::kStreamCreationError, "H3_STREAM_CREATION_ERROR"},
    ErrorName{Http3Error::kClosedCriticalStream, "H3_CLOSED_CRITICAL_STREAM"},
    ErrorName{Http3Error::kFrameUnexpected, "H3_FRAME_UNEXPECTED"},
    ErrorName{Http3Error::kFrameError, "H3_FRAME_ERROR"},
    ErrorName{Http3Error::kExcessiveLoad, "H3_EXCESSIVE_LOAD"},
    ErrorName{Http3Error::kIdError, "H3_ID_ERROR"},
    ErrorName{Http3Error::kSettingsError, "H3_SETTINGS_ERROR"},
    ErrorName{Http3Error::kMissingSettings, "H3_MISSING_SETTINGS"},
    ErrorName{Http3Error::kRequestRejected, "H3_REQUEST_REJECTED"},
    ErrorName{Http3Error::kRequestCancelled, "H3_REQUEST_CANCELLED"},
    ErrorName{Http3Error::kRequestIncomplete, "H3_REQUEST_INCOMPLETE"},
    ErrorName{Http3Error::kMessageError, "H3_MESSAGE_ERROR"},
    ErrorName{Http3Error::kConnectError, "H3_CONNECT_ERROR"},
    ErrorName{Http3Error::kVersionFallback, "H3_VERSION_FALLBACK"},
    ErrorName{Http3Error::kQpackDecompressionFailed, "QPACK_DECOMPRESSION_FAILED"},
    ErrorName{Http3Error::kQpackEncoderStreamError, "QPACK_ENCODER_STREAM_ERROR"},
    ErrorName{Http3Error::kQpackDecoderStreamError, "QPACK_DECODER_STREAM_ERROR"},
};

}  // namespace

std::string http3_error_name(std::uint64_t code) {
  for (const ErrorName& known : kErrorNames) {
    if (static_cast<std::uint64_t>(known.code) == code) return known.name;
  }
  char text[40];
  std::snprintf(text, sizeof text, "error code 0x%llx", static_cast<unsigned long long>(code));
  return text;
}

Status reset_status(std::uint64_t code) {
  const std::string name = " (" + http3_error_name(code) + ")";
  switch (static_cast<Http3Error>(code)) {
    case Http3Error::kRequestRejected:
      return {StatusCode::kUnavailable,
              "the server did not process the request" + name + "; it may be sent again"};
    case Http3Error::kRequestCancelled:
      return {StatusCode::kCancelled, "the server cancelled the request" + name};
    case Http3Error::kExcessiveLoad:
      return {StatusCode::kResourceExhausted, "the request was too much for the server" + name};
    case Http3Error::kMessageError:
      return {StatusCode::kInternal, "the request or its response is malformed" + name};
    case Http3Error::kVersionFallback:
      return {StatusCode::kUnavailable, "the server takes this request over HTTP/1.1 only" + name};
    default:
      return {StatusCode::kInternal, "the server broke the response off" + name};
  }
}

Status lost_status(const transport::CloseInfo& info) {
  if (!info.application_code) {
    return {StatusCode::kUnavailable,
            "the connection was lost: " + std::string(info.status.message())};
  }
  // Our own end closes for what the server did: the rest is in the message.
  std::string text = info.by_peer ? "the server closed the connection (" +
                                        http3_error_name(*info.application_code) + ")"
                                  : std::string(info.status.message()) + " (" +
                                        http3_error_name(*info.application_code) + ")";
  if (info.by_peer && !info.reason.empty()) text += ": " + info.reason;
  return {StatusCode::kUnavailable, std::move(text)};
}

}  // namespace echostream::gateway
