// JSON of messages from strangers: refused with a place, or understood exactly as protobuf does, so
// that writing and reading it again changes nothing. And descriptors from strangers: refused, or
// good enough to read and write messages by.
// Input: taken for JSON of several types, for their bytes, and for a FileDescriptorProto.
#include <google/protobuf/api.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/field_comparator.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <memory>
#include <string>

#include "runtime/gateway/json/message_types.h"
#include "runtime/messages/json_scanner.h"
#include "tests/fuzz/fuzz_check.h"

using namespace echostream;
using google::protobuf::Descriptor;
using google::protobuf::DynamicMessageFactory;
using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

namespace {

class JsonWorld {
 public:
  JsonWorld() {
    google::protobuf::SetLogHandler(nullptr);
    FileDescriptorProto api;
    google::protobuf::Api::descriptor()->file()->CopyTo(&api);
    FileDescriptorProto wide;
    wide.set_name("wide.proto");
    wide.add_dependency("google/protobuf/type.proto");
    FUZZ_CHECK(types.add_file(wide.SerializeAsString()).is_ok());
    FUZZ_CHECK(types.add_file(api.SerializeAsString()).is_ok());
  }
  const Descriptor& type(const char* name) const {
    const Descriptor* found = types.pool().FindMessageTypeByName(name);
    FUZZ_CHECK(found != nullptr);
    return *found;
  }
  gateway::MessageTypes types;
  DynamicMessageFactory factory;
};

void try_json(JsonWorld& world, const Descriptor& type, const std::string& json) {
  const auto bytes = world.types.from_json(type, json);
  if (!bytes) {
    FUZZ_CHECK(!bytes.error().message().empty());
    return;
  }
  const std::unique_ptr<Message> expected(world.factory.GetPrototype(&type)->New());
  FUZZ_CHECK(google::protobuf::util::JsonStringToMessage(json, expected.get()).ok());
  const std::unique_ptr<Message> read(world.factory.GetPrototype(&type)->New());
  FUZZ_CHECK(read->ParseFromArray(bytes->data(), static_cast<int>(bytes->size())));
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  FUZZ_CHECK(differencer.Compare(*read, *expected));
  // Times out of range and the like may be read, but not written.
  const auto text = world.types.to_json(type, *bytes);
  if (!text) return;
  const auto again = world.types.from_json(type, *text);
  FUZZ_CHECK(again);
  const auto same = world.types.to_json(type, *again);
  FUZZ_CHECK(same && *same == *text);
}

class OnlyGood final : public internal::JsonHandler {
 public:
  bool on_scalar(internal::Place, internal::JsonScalar, std::string) override { return true; }
  bool on_begin(internal::Place, char) override { return true; }
  bool on_end(internal::Place) override { return true; }
  bool on_name(internal::Place, std::string) override { return true; }
  bool on_problem(internal::Place, std::string) override { return false; }
};

void try_bytes(const gateway::MessageTypes& types, const Descriptor& type, BytesView bytes) {
  for (const bool with_defaults : {false, true}) {
    const auto text = types.to_json(type, bytes, with_defaults);
    if (!text) continue;
    OnlyGood good;
    FUZZ_CHECK(internal::scan_json(*text, {1000, ""}, good));
  }
}

void try_file(const std::string& bytes) {
  gateway::MessageTypes types;
  if (!types.add_file(bytes).is_ok()) return;
  FUZZ_CHECK(types.add_file(bytes).is_ok());
  FileDescriptorProto file;
  FUZZ_CHECK(file.ParsePartialFromString(bytes));
  const auto* built = types.pool().FindFileByName(file.name());
  FUZZ_CHECK(built != nullptr);
  for (int i = 0; i < built->message_type_count(); ++i) {
    const Descriptor& type = *built->message_type(i);
    (void)types.from_json(type, "{}");
    try_bytes(types, type, as_bytes(bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static JsonWorld world;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"google.protobuf.Api", "google.protobuf.Type", "google.protobuf.Value",
                           "google.protobuf.Any", "google.protobuf.DoubleValue"}) {
    try_json(world, world.type(name), text);
    try_bytes(world.types, world.type(name), {data, size});
  }
  try_file(text);
  return 0;
}
