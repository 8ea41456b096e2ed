// protoc-gen-echostream: the plugin's main(). protoc starts it without arguments and speaks to it
// through standard input and output.
#include <google/protobuf/compiler/plugin.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "compiler/plugin/generator.h"
#include "compiler/plugin/parameters.h"

namespace {

int answer_user(std::string_view argument) {
  const std::string usage = echostream::compiler::usage();
  if (argument == "--version") {
    std::puts("protoc-gen-echostream " ECHOSTREAM_VERSION);
    return 0;
  }
  if (argument == "--help" || argument == "-h") {
    std::fputs(usage.c_str(), stdout);
    return 0;
  }
  std::fprintf(stderr, "protoc-gen-echostream: unknown argument '%.*s'\n\n%s",
               static_cast<int>(argument.size()), argument.data(), usage.c_str());
  return 2;
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc > 1) return answer_user(argv[1]);
  if (isatty(STDIN_FILENO) != 0) {
    std::fprintf(stderr, "protoc-gen-echostream: standard input is a terminal\n\n%s",
                 echostream::compiler::usage().c_str());
    return 2;
  }
  const echostream::compiler::Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
