// The one error type of EchoStream: a code that says what the caller can do, and a message that
// says why.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace echostream {

/// The canonical codes of gRPC (https://grpc.io/docs/guides/status-codes/), with the same numbers.
/// They travel on the wire; new ones are never added.
enum class StatusCode : std::uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

/// "OK", "CANCELLED", ... as gRPC spells them.
std::string_view to_string(StatusCode code);

/// The code with that number; kUnknown for numbers that have no name.
StatusCode status_code_from_wire(std::uint64_t number);

/// A typed error detail, shaped as google.protobuf.Any: the type's URL and the encoded message.
struct StatusDetail {
  std::string type_url;
  std::string value;
  friend bool operator==(const StatusDetail&, const StatusDetail&) = default;
};

/// OK, or an error: code, message for a person, optional details for a program. One pointer wide;
/// the OK status allocates nothing. A value: copy and move freely.
class [[nodiscard]] Status {
 public:
  /// OK.
  Status() noexcept = default;
  /// An error. `code` may be kOk, which drops the message.
  Status(StatusCode code, std::string message);

  Status(const Status& other) : error_(copy(other.error_.get())) {}
  Status& operator=(const Status& other) {
    if (this != &other) error_.reset(copy(other.error_.get()));
    return *this;
  }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  static Status ok() noexcept { return Status(); }

  bool is_ok() const noexcept { return error_ == nullptr; }
  StatusCode code() const noexcept { return error_ ? error_->code : StatusCode::kOk; }
  /// Empty when OK. Valid as long as this object is not changed.
  std::string_view message() const noexcept {
    return error_ ? std::string_view(error_->message) : std::string_view();
  }
  const std::vector<StatusDetail>& details() const noexcept;

  /// Appends a detail; does nothing on OK.
  Status& add_detail(StatusDetail detail) &;
  Status&& add_detail(StatusDetail detail) && { return std::move(add_detail(std::move(detail))); }

  /// The same error with "context: " in front of the message; OK stays OK.
  Status with_context(std::string_view context) const;

  /// "OK", or "NOT_FOUND: no such robot".
  std::string to_string() const;

  friend bool operator==(const Status& a, const Status& b);

 private:
  struct Error {
    StatusCode code;
    std::string message;
    std::vector<StatusDetail> details;
  };
  // Out of line: nearly all are OK, and hundreds are copied and destroyed in each call.
  struct Delete {
    void operator()(Error* error) const noexcept;
  };
  static Error* copy(const Error& error);
  static Error* copy(const Error* error) { return error != nullptr ? copy(*error) : nullptr; }
  std::unique_ptr<Error, Delete> error_;
};

std::ostream& operator<<(std::ostream& out, const Status& status);
std::ostream& operator<<(std::ostream& out, StatusCode code);

}  // namespace echostream
