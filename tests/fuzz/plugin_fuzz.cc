// What protoc may hand to protoc-gen-echostream: any descriptors, options and parameters. It
// answers with files, or with an error that a person can read. Input: one byte that chooses, then
//   't': the text of a .proto file     'b': a FileDescriptorProto
//   'r': a CodeGeneratorRequest        'p': the parameter
//   'a': a descriptor set, as the earlier version of a file of ours
#include <fcntl.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/compiler/plugin.pb.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "echostream/options.pb.h"

#include "compiler/plugin/generator.h"
#include "tests/fuzz/fuzz_check.h"

using namespace google::protobuf;
using google::protobuf::compiler::CodeGeneratorRequest;
using google::protobuf::compiler::CodeGeneratorResponse;

namespace {

constexpr char kFile[] = "robot.proto";
constexpr char kRobot[] = R"(syntax = "proto3";
package acme;
import "echostream/options.proto";
message Note { string text = 1; repeated Note more = 2; map<string, int32> counts = 3; }
enum Mood { CALM = 0; WILD = 1; }
message Bump { Mood mood = 1; oneof which { double force = 2; bytes raw = 3; } }
service Robot {
  rpc Grip(Note) returns (Bump) { option (echostream.method) = { rpc { deadline_ms: 200 } }; }
  rpc Ping(Note) returns (Note);
  rpc Camera(Note) returns (stream Bump) {
    option (echostream.method) = { stream { delivery: EXPIRING max_age_ms: 150 } };
  }
}
)";

// Above what an honest file needs by far, and far below what would be slow.
constexpr std::size_t kMostAnswerFactor = 2000;
constexpr std::size_t kMostAnswerBase = 100'000;

bool parse(const std::string& text, FileDescriptorProto& file) {
  io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  struct Silent final : io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
  } silent;
  io::Tokenizer tokenizer(&stream, &silent);
  compiler::Parser parser;
  parser.RecordErrorsTo(&silent);
  const bool is_good = parser.Parse(&tokenizer, &file);
  file.set_name(kFile);
  return is_good;
}

// As protoc sends it: with all imports, options interpreted.
CodeGeneratorRequest request_of(const FileDescriptorProto& file) {
  CodeGeneratorRequest request;
  const FileDescriptor* const options = echostream::MethodOptions::descriptor()->file();
  DescriptorProto::descriptor()->file()->CopyTo(request.add_proto_file());
  options->CopyTo(request.add_proto_file());
  *request.add_proto_file() = file;
  request.add_file_to_generate(file.name());
  request.mutable_compiler_version()->set_major(3);
  return request;
}

void run(CodeGeneratorRequest request) {
  CodeGeneratorResponse response;
  std::string error;
  const echostream::compiler::Generator generator;
  const std::size_t asked_bytes = request.ByteSizeLong();
  if (!compiler::GenerateCode(request, generator, &response, &error)) {
    return;  // libprotobuf has refused the descriptors, and said so itself
  }
  FUZZ_CHECK(!response.has_error() || !response.error().empty());
  FUZZ_CHECK(!response.has_error() || response.file_size() == 0);
  FUZZ_CHECK(response.ByteSizeLong() <= kMostAnswerBase + kMostAnswerFactor * asked_bytes);
}

CodeGeneratorRequest good_request() {
  FileDescriptorProto file;
  FUZZ_CHECK(parse(kRobot, file));
  return request_of(file);
}

// A file without a name on any disk.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("set", MFD_CLOEXEC)) {
    FUZZ_CHECK(descriptor_ >= 0);
    FUZZ_CHECK(::write(descriptor_, bytes.data(), bytes.size()) ==
               static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void try_text(const std::string& text) {
  FileDescriptorProto file;
  if (parse(text, file)) run(request_of(file));
}

void try_against(const std::string& bytes) {
  // Text is an earlier version as well: easier to write.
  std::string set_bytes = bytes;
  FileDescriptorProto file;
  if (parse(bytes, file)) {
    FileDescriptorSet set;
    const CodeGeneratorRequest request = request_of(file);
    for (const auto& part : request.proto_file()) *set.add_file() = part;
    set_bytes = set.SerializeAsString();
  }
  const MemoryFile earlier(set_bytes);
  CodeGeneratorRequest request = good_request();
  request.set_parameter("against=" + earlier.path());
  run(std::move(request));
}

void try_parameter(const std::string& text) {
  // It names files: not those of this machine.
  if (text.find('/') != text.npos) return;
  CodeGeneratorRequest request = good_request();
  request.set_parameter(text);
  run(std::move(request));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // libprotobuf tells every broken descriptor on standard error.
  static const LogSilencer silence;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't':
      try_text(rest);
      break;
    case 'b': {
      FileDescriptorProto file;
      if (file.ParseFromString(rest)) run(request_of(file));
      break;
    }
    case 'r': {
      CodeGeneratorRequest request;
      if (!request.ParseFromString(rest)) return 0;
      if (request.parameter().find('/') != std::string::npos) return 0;
      run(std::move(request));
      break;
    }
    case 'p':
      try_parameter(rest);
      break;
    case 'a':
      try_against(rest);
      break;
    default:
      break;
  }
  return 0;
}
