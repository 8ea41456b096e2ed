#include "echostream/base/status.h"

#include <array>

namespace echostream {
namespace {

constexpr std::array<std::string_view, 17> kNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

}  // namespace

std::string_view to_string(StatusCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

StatusCode status_code_from_wire(std::uint64_t number) {
  return number < kNames.size() ? static_cast<StatusCode>(number) : StatusCode::kUnknown;
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::kOk) error_.reset(new Error{code, std::move(message), {}});
}

void Status::Delete::operator()(Error* error) const noexcept { delete error; }

Status::Error* Status::copy(const Error& error) { return new Error(error); }

const std::vector<StatusDetail>& Status::details() const noexcept {
  static const std::vector<StatusDetail> kNone;
  return error_ ? error_->details : kNone;
}

Status& Status::add_detail(StatusDetail detail) & {
  if (error_) error_->details.push_back(std::move(detail));
  return *this;
}

Status Status::with_context(std::string_view context) const {
  Status result = *this;
  if (result.error_) result.error_->message.insert(0, std::string(context) + ": ");
  return result;
}

std::string Status::to_string() const {
  std::string text(echostream::to_string(code()));
  if (error_ && !error_->message.empty()) text.append(": ").append(error_->message);
  return text;
}

bool operator==(const Status& a, const Status& b) {
  return a.code() == b.code() && a.message() == b.message() && a.details() == b.details();
}

std::ostream& operator<<(std::ostream& out, const Status& status) {
  return out << status.to_string();
}

std::ostream& operator<<(std::ostream& out, StatusCode code) { return out << to_string(code); }

}  // namespace echostream
