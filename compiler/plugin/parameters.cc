#include "compiler/plugin/parameters.h"

#include <google/protobuf/compiler/code_generator.h>

#include <utility>
#include <vector>

namespace echostream::compiler {

std::string parse_parameters(const std::string& text, Parameters& parameters) {
  std::vector<std::pair<std::string, std::string>> options;
  google::protobuf::compiler::ParseGeneratorParameter(text, &options);
  for (const auto& [name, value] : options) {
    if (name != "against") {
      return "unknown parameter '" + name +
             "'; the only one is against=<file>, a descriptor set of the version to stay "
             "compatible with";
    }
    if (value.empty()) {
      return "parameter 'against' needs a file: write against=old.binpb, made by protoc "
             "--include_imports --descriptor_set_out=old.binpb";
    }
    if (!parameters.against.empty()) {
      return "parameter 'against' is given twice; give one descriptor set";
    }
    parameters.against = value;
  }
  return {};
}

std::string usage() {
  return R"(protoc-gen-echostream makes C++ clients and handlers from the services of .proto files.
protoc runs it:

  protoc --plugin=protoc-gen-echostream=/path/to/protoc-gen-echostream \
         -I <proto dir> -I <dir of echostream/options.proto> \
         --cpp_out=<dir> --echostream_out=[<parameters>:]<dir> <files>.proto

--plugin is not needed when protoc-gen-echostream is in PATH. For x.proto it writes
x.echostream.h and x.echostream.cc, to be compiled with protoc's x.pb.cc.

Parameters:
  against=<file>   refuse changes that break the wire since that descriptor set, made by
                   protoc --include_imports --descriptor_set_out=<file>

Options when run by hand:
  --help, -h       this text
  --version        the version
)";
}

}  // namespace echostream::compiler
