// Speaks to the plugin as other programs than protoc do: buf starts several at once, each with a
// part of the files, and names no compiler version.
#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/compiler/plugin.pb.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using google::protobuf::FileDescriptor;
using google::protobuf::compiler::CodeGeneratorRequest;
using google::protobuf::compiler::CodeGeneratorResponse;

class ErrorsAreFailures final : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int, const std::string& message) override {
    ADD_FAILURE() << file << ":" << line + 1 << ": " << message;
  }
};

class ScratchFile {
 public:
  ScratchFile() {
    std::string pattern = (fs::temp_directory_path() / "echostream-plugin-XXXXXX").string();
    const int descriptor = mkstemp(pattern.data());
    EXPECT_GE(descriptor, 0);
    if (descriptor >= 0) close(descriptor);
    path_ = pattern;
  }
  ~ScratchFile() { fs::remove(path_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The tree of protos/, as a request knows it.
class ProtoTree {
 public:
  ProtoTree() : importer_(&sources_, &errors_) {
    for (const char* folder : {PROTO_DIR, IDL_DIR, PROTOBUF_INCLUDE_DIRS}) {
      sources_.MapPath("", folder);
    }
    for (const auto& entry : fs::recursive_directory_iterator(PROTO_DIR)) {
      if (entry.path().extension() != ".proto") continue;
      names_.push_back(fs::relative(entry.path(), PROTO_DIR).string());
    }
    std::sort(names_.begin(), names_.end());
  }

  const std::vector<std::string>& names() const { return names_; }

  /// Asks for `files`, with all that they import before them; without a compiler version.
  CodeGeneratorRequest request_for(const std::vector<std::string>& files) {
    CodeGeneratorRequest request;
    std::set<std::string> added;
    for (const std::string& name : files) {
      request.add_file_to_generate(name);
      const FileDescriptor* file = importer_.Import(name);
      EXPECT_NE(file, nullptr) << name;
      if (file != nullptr) add(*file, request, added);
    }
    return request;
  }

 private:
  static void add(const FileDescriptor& file, CodeGeneratorRequest& request,
                  std::set<std::string>& added) {
    if (!added.insert(file.name()).second) return;
    for (int i = 0; i < file.dependency_count(); ++i) add(*file.dependency(i), request, added);
    auto* proto = request.add_proto_file();
    file.CopyTo(proto);
    file.CopyJsonNameTo(proto);
    file.CopySourceCodeInfoTo(proto);
  }

  ErrorsAreFailures errors_;
  google::protobuf::compiler::DiskSourceTree sources_;
  google::protobuf::compiler::Importer importer_;
  std::vector<std::string> names_;
};

CodeGeneratorResponse ask(const CodeGeneratorRequest& request) {
  const ScratchFile input;
  const ScratchFile output;
  std::ofstream(input.path(), std::ios::binary) << request.SerializeAsString();
  const std::string command =
      std::string("'") + PLUGIN + "' <'" + input.path() + "' >'" + output.path() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  CodeGeneratorResponse response;
  std::ifstream stream(output.path(), std::ios::binary);
  EXPECT_TRUE(response.ParseFromIstream(&stream));
  return response;
}

std::map<std::string, std::string> files_of(const CodeGeneratorResponse& response) {
  EXPECT_FALSE(response.has_error()) << response.error();
  std::map<std::string, std::string> files;
  for (const auto& file : response.file()) {
    EXPECT_TRUE(files.emplace(file.name(), file.content()).second) << file.name() << " twice";
  }
  return files;
}

TEST(PluginProtocol, NeedsNoCompilerVersion) {
  ProtoTree tree;
  const CodeGeneratorRequest request = tree.request_for(tree.names());
  ASSERT_FALSE(request.has_compiler_version());
  const auto files = files_of(ask(request));
  EXPECT_EQ(files.size(), 2 * tree.names().size());
  EXPECT_TRUE(files.contains("museum/v1/museum_service.echostream.h"));
}

TEST(PluginProtocol, DeclaresThatItKnowsOptionalFields) {
  ProtoTree tree;
  const CodeGeneratorResponse response = ask(tree.request_for({"museum/v1/resources.proto"}));
  EXPECT_EQ(response.supported_features() & CodeGeneratorResponse::FEATURE_PROTO3_OPTIONAL,
            static_cast<unsigned>(CodeGeneratorResponse::FEATURE_PROTO3_OPTIONAL));
}

TEST(PluginProtocol, ParallelRunsOnPartsMakeWhatOneRunMakes) {
  ProtoTree tree;
  const auto whole = files_of(ask(tree.request_for(tree.names())));

  std::vector<std::future<CodeGeneratorResponse>> runs;
  for (const std::string& name : tree.names()) {
    runs.push_back(std::async(std::launch::async, ask, tree.request_for({name})));
  }

  std::map<std::string, std::string> parts;
  for (auto& run : runs) parts.merge(files_of(run.get()));
  EXPECT_EQ(parts, whole);
}

TEST(PluginProtocol, GeneratesOnlyWhatItIsAskedFor) {
  ProtoTree tree;
  const auto files = files_of(ask(tree.request_for({"museum/v1/museum_service.proto"})));
  std::vector<std::string> names;
  for (const auto& [name, content] : files) names.push_back(name);
  EXPECT_THAT(names, testing::ElementsAre("museum/v1/museum_service.echostream.cc",
                                          "museum/v1/museum_service.echostream.h"));
}

TEST(PluginProtocol, TheOrderOfFilesDoesNotMatter) {
  ProtoTree tree;
  std::vector<std::string> reversed(tree.names().rbegin(), tree.names().rend());
  EXPECT_EQ(files_of(ask(tree.request_for(reversed))),
            files_of(ask(tree.request_for(tree.names()))));
}

TEST(PluginProtocol, AnswersGarbageWithAnExitCode) {
  const ScratchFile input;
  std::ofstream(input.path(), std::ios::binary) << "this is no request";
  const std::string command =
      std::string("'") + PLUGIN + "' <'" + input.path() + "' >/dev/null 2>&1";
  EXPECT_NE(std::system(command.c_str()), 0);
}

}  // namespace
