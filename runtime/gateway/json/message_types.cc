#include "runtime/gateway/json/message_types.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <unordered_map>
#include <utility>

#include "runtime/gateway/json/file_check.h"
#include "runtime/gateway/json/json_check.h"
#include "runtime/gateway/json/opaque_anys.h"
#include "runtime/messages/decode_budget.h"
#include "runtime/messages/spelling.h"

namespace echostream::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::util::TypeResolver;
using internal::quoted;

// Descriptors take some twenty times their bytes.
constexpr std::size_t kMostDecodedFileBytes = 64 * 1024 * 1024;
// What protobuf holds for each field of a message whose defaults are printed: measured.
constexpr std::size_t kPrintedFieldBytes = 384;

/// Keeps the first thing that is wrong, so that nothing is printed.
class FirstError final : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string& element, const google::protobuf::Message*,
                ErrorLocation, const std::string& message) override {
    if (text.empty()) text = element + ": " + message;
  }
  std::string text;
};

/// Gets at most `most` bytes, and drops the rest.
class LimitedOutput final : public google::protobuf::io::ZeroCopyOutputStream {
 public:
  explicit LimitedOutput(std::size_t most) : most_(most) {}

  bool Next(void** data, int* size) override {
    if (text_.size() >= most_) {
      is_over_ = true;
      return false;
    }
    const std::size_t before = text_.size();
    const std::size_t grow = std::clamp<std::size_t>(before, 256, 1024 * 1024);
    text_.resize(before + std::min(grow, most_ - before));
    *data = text_.data() + before;
    *size = static_cast<int>(text_.size() - before);
    return true;
  }
  void BackUp(int count) override { text_.resize(text_.size() - static_cast<std::size_t>(count)); }
  std::int64_t ByteCount() const override { return static_cast<std::int64_t>(text_.size()); }

  bool is_over() const { return is_over_; }
  std::string& text() { return text_; }

 private:
  const std::size_t most_;
  std::string text_;
  bool is_over_ = false;
};

Status invalid(std::string text) { return {StatusCode::kInvalidArgument, std::move(text)}; }

std::string url_of(const Descriptor& type) {
  return std::string(kTypeHost) + "/" + type.full_name();
}

/// For protobuf's streams, which count in int.
bool is_countable(std::size_t size) {
  return size <= static_cast<std::size_t>(std::numeric_limits<int>::max());
}

}  // namespace

struct MessageTypes::Impl {
  explicit Impl(JsonLimits limits_in) : limits(limits_in) {}

  Status add(std::string_view bytes);
  Status build(const FileDescriptorProto& file);
  const FileDescriptor* build_linked(const std::string& name);
  Result<std::string> print(const Descriptor& type, BytesView message, bool with_defaults,
                            TypeResolver& types) const;

  const JsonLimits limits;
  // Without a database behind it: it would keep each name that was looked for in vain.
  DescriptorPool pool;
  std::unique_ptr<TypeResolver> resolver;
  /// Hashes of the files that were added, by their names.
  std::unordered_map<std::string, std::size_t> added;
  std::size_t bytes_of_all = 0;
  /// Imports that were not there; the program's own pool keeps their names.
  std::size_t missing = 0;
};

Status MessageTypes::Impl::add(std::string_view bytes) {
  if (bytes.size() > kMaxFileBytes || bytes_of_all + bytes.size() > kMaxBytesOfAll ||
      added.size() >= kMaxFiles) {
    return {StatusCode::kResourceExhausted,
            "descriptors may have " + std::to_string(kMaxFileBytes) + " bytes each and " +
                std::to_string(kMaxBytesOfAll) + " together, in " + std::to_string(kMaxFiles) +
                " files; this one goes beyond that"};
  }
  const std::size_t hash = std::hash<std::string_view>()(bytes);
  FileDescriptorProto file;
  if (!internal::decoded_size(as_bytes(bytes), file, kMostDecodedFileBytes)) {
    return {StatusCode::kResourceExhausted, "a descriptor would take more than " +
                                                std::to_string(kMostDecodedFileBytes) + " bytes"};
  }
  if (!file.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return invalid("these bytes are no google.protobuf.FileDescriptorProto");
  }
  Status status = check_file(file);
  if (!status.is_ok()) return status;
  const auto known = added.find(file.name());
  if (known != added.end()) {
    if (known->second == hash) return Status::ok();
    return invalid(quoted(file.name()) + " was added before, and was another file then");
  }
  // The linked one was imported by one that came before.
  if (pool.FindFileByName(file.name()) != nullptr) return Status::ok();
  status = build(file);
  if (!status.is_ok()) return status;
  added.emplace(file.name(), hash);
  bytes_of_all += bytes.size();
  return Status::ok();
}

Status MessageTypes::Impl::build(const FileDescriptorProto& file) {
  for (const std::string& import : file.dependency()) {
    if (pool.FindFileByName(import) == nullptr && build_linked(import) == nullptr) {
      return invalid(quoted(file.name()) + " imports " + quoted(import) +
                     ", which was not added before and is not linked into this program");
    }
  }
  FirstError error;
  const google::protobuf::LogSilencer silence;
  if (pool.BuildFileCollectingErrors(file, &error) == nullptr) {
    return invalid(quoted(file.name()) + ": " + error.text);
  }
  return Status::ok();
}

// The program's own file with what it imports; null when there is none.
const FileDescriptor* MessageTypes::Impl::build_linked(const std::string& name) {
  if (missing >= kMaxFiles) return nullptr;
  const google::protobuf::LogSilencer silence;
  const FileDescriptor* linked = DescriptorPool::generated_pool()->FindFileByName(name);
  if (linked == nullptr) {
    ++missing;
    return nullptr;
  }
  FileDescriptorProto file;
  linked->CopyTo(&file);
  return build(file).is_ok() ? pool.FindFileByName(name) : nullptr;
}

MessageTypes::MessageTypes(JsonLimits limits) : impl_(std::make_unique<Impl>(limits)) {
  for (const Descriptor* known :
       {google::protobuf::Any::descriptor(), google::protobuf::Duration::descriptor(),
        google::protobuf::Empty::descriptor(), google::protobuf::FieldMask::descriptor(),
        google::protobuf::Struct::descriptor(), google::protobuf::Timestamp::descriptor(),
        google::protobuf::StringValue::descriptor()}) {
    (void)impl_->build_linked(known->file()->name());
  }
  impl_->resolver.reset(google::protobuf::util::NewTypeResolverForDescriptorPool(
      std::string(kTypeHost), &impl_->pool));
}
MessageTypes::~MessageTypes() = default;

Status MessageTypes::add(const ServiceInfo& service) {
  Status status = impl_->add(service.file_descriptor);
  if (!status.is_ok()) return status;
  if (impl_->pool.FindServiceByName(std::string(service.full_name)) != nullptr) return status;
  return invalid("the descriptor of " + quoted(service.full_name) + " does not declare it");
}

Status MessageTypes::add_file(std::string_view file_descriptor) {
  return impl_->add(file_descriptor);
}

const google::protobuf::MethodDescriptor* MessageTypes::find_method(
    std::string_view full_name) const {
  const std::size_t slash = full_name.find('/');
  if (slash == full_name.npos) return nullptr;
  const auto* service = impl_->pool.FindServiceByName(std::string(full_name.substr(0, slash)));
  if (service == nullptr) return nullptr;
  return service->FindMethodByName(std::string(full_name.substr(slash + 1)));
}

const DescriptorPool& MessageTypes::pool() const { return impl_->pool; }

Result<Buffer> MessageTypes::from_json(const Descriptor& type, std::string_view json) const {
  const std::size_t most = impl_->limits.max_decoded_bytes;
  const Status too_much(StatusCode::kResourceExhausted, "this message would take more than " +
                                                            std::to_string(most) +
                                                            " bytes of memory; send less at once");
  if (!is_countable(json.size())) return too_much;
  Status status = check_json(json, type, impl_->pool, impl_->limits);
  if (!status.is_ok()) return status;
  google::protobuf::io::ArrayInputStream in(json.data(), static_cast<int>(json.size()));
  LimitedOutput out(most);
  const google::protobuf::LogSilencer silence;
  const auto converted =
      google::protobuf::util::JsonToBinaryStream(impl_->resolver.get(), url_of(type), &in, &out);
  if (out.is_over()) return too_much;
  if (!converted.ok()) return invalid(std::string(converted.message()));
  const auto scan = internal::scan_message(as_bytes(out.text()), type, sizeof(void*), most);
  if (!scan.size) return too_much;
  if (!scan.is_well_formed) {
    // Each list of a google.protobuf.Value is two messages.
    return Status(StatusCode::kResourceExhausted,
                  "this message nests deeper than the 100 levels that its receivers take");
  }
  return Buffer::copy(out.text());
}

Result<std::string> MessageTypes::to_json(const Descriptor& type, BytesView message,
                                          bool with_defaults, UnknownAny unknown) const {
  auto json = impl_->print(type, message, with_defaults, *impl_->resolver);
  const bool is_printable = json || json.error().code() != StatusCode::kInternal;
  if (is_printable || unknown == UnknownAny::kRefuse) return json;
  const OpaqueAnys opaque =
      with_opaque_anys(type, message, impl_->pool, impl_->limits.max_decoded_bytes);
  if (opaque.urls.empty()) return json;
  OpaqueResolver resolver(*impl_->resolver, opaque.urls);
  return impl_->print(type, as_bytes(opaque.message), with_defaults, resolver);
}

Result<std::string> MessageTypes::Impl::print(const Descriptor& type, BytesView message,
                                              bool with_defaults, TypeResolver& types) const {
  const std::size_t most = limits.max_decoded_bytes;
  const Status too_much(StatusCode::kResourceExhausted,
                        "a " + type.full_name() + " as JSON would take more than " +
                            std::to_string(most) + " bytes of memory");
  const std::size_t for_field = with_defaults ? kPrintedFieldBytes : 0;
  const auto scan = internal::scan_message(message, type, for_field, most);
  if (!scan.size || !is_countable(message.size())) return too_much;
  if (!scan.is_well_formed) {
    return Status(StatusCode::kInternal, "these bytes are no " + type.full_name());
  }
  google::protobuf::io::ArrayInputStream in(message.data(), static_cast<int>(message.size()));
  LimitedOutput out(most);
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = with_defaults;
  const google::protobuf::LogSilencer silence;
  const auto converted =
      google::protobuf::util::BinaryToJsonStream(&types, url_of(type), &in, &out, options);
  if (out.is_over()) return too_much;
  if (!converted.ok()) {
    return Status(StatusCode::kInternal, "a " + type.full_name() + " cannot be written as JSON: " +
                                             std::string(converted.message()));
  }
  if (out.text().empty()) {
    // A google.protobuf.Value of no kind.
    return Status(StatusCode::kInternal, "an empty " + type.full_name() + " has no JSON");
  }
  return std::move(out.text());
}

}  // namespace echostream::gateway
