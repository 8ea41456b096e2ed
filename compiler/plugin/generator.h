// The plugin as libprotoc sees it: descriptors in, files or one error text out.
#pragma once

#include <google/protobuf/compiler/code_generator.h>

#include <string>
#include <vector>

namespace echostream::compiler {

class Generator final : public google::protobuf::compiler::CodeGenerator {
 public:
  using File = google::protobuf::FileDescriptor;
  using Context = google::protobuf::compiler::GeneratorContext;

  bool Generate(const File* file, const std::string& parameter, Context* context,
                std::string* error) const override;
  /// All files of the run together: errors of all of them are shown at once, and ids are compared.
  bool GenerateAll(const std::vector<const File*>& files, const std::string& parameter,
                   Context* context, std::string* error) const override;
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }
};

}  // namespace echostream::compiler
