// Runs protoc with our plugin and compares what comes out, byte by byte.
//
//   <case>/        every .proto in it is generated; expected/ holds the files
//   bad/<case>/    is refused; expected_error.txt holds all that protoc prints
//   .../old/       an earlier version of the case, passed as against=
//   .../imports/   imported only, not generated
//   .../parameters.txt   parameters of the plugin
//
// tools/regenerate_golden.sh writes the expectations anew; read the difference before you commit
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct CommandResult {
  int exit_code = -1;
  std::string output;
};

CommandResult run(const std::string& command) {
  CommandResult result;
  FILE* pipe = popen((command + " 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[4096];
  for (std::size_t size = 0; (size = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    result.output.append(buffer, size);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

std::string in_quotes(const fs::path& path) { return "'" + path.string() + "'"; }

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

/// Relative paths of the files under `root`, sorted.
std::vector<std::string> files_under(const fs::path& root) {
  std::vector<std::string> files;
  if (!fs::exists(root)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) files.push_back(fs::relative(entry.path(), root).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The .proto files of a case, without its side folders.
std::vector<std::string> protos_of(const fs::path& root) {
  std::vector<std::string> protos;
  for (const std::string& file : files_under(root)) {
    const std::string folder = fs::path(file).begin()->string();
    if (folder == "old" || folder == "imports" || folder == "expected") continue;
    if (fs::path(file).extension() == ".proto") protos.push_back(file);
  }
  return protos;
}

bool regenerating() { return std::getenv("ECHOSTREAM_REGENERATE_GOLDEN") != nullptr; }

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "echostream-golden-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchFolder() { fs::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string protoc_command(const fs::path& root, const std::string& outputs) {
  std::string command = std::string("cd ") + in_quotes(root) + " && " + in_quotes(PROTOC) +
                        " --plugin=protoc-gen-echostream=" + in_quotes(PLUGIN) + " -I.";
  if (fs::exists(root / "imports")) command += " -Iimports";
  command += " -I" + in_quotes(IDL_DIR) + " " + outputs;
  for (const std::string& proto : protos_of(root)) command += " " + in_quotes(proto);
  return command;
}

/// Generates a case into `output`, with the parameters that its folder asks for.
CommandResult generate(const fs::path& root, const fs::path& output, const fs::path& scratch) {
  std::string parameters = read(root / "parameters.txt");
  while (!parameters.empty() && parameters.back() == '\n') parameters.pop_back();
  if (fs::exists(root / "old")) {
    const fs::path set = scratch / "old.binpb";
    const CommandResult made = run(
        protoc_command(root / "old", "--include_imports --descriptor_set_out=" + in_quotes(set)));
    if (made.exit_code != 0) return {-1, "the old version is not valid:\n" + made.output};
    parameters = "against=" + set.string();
  }
  if (!parameters.empty()) parameters += ":";
  return run(protoc_command(root, "--echostream_out=" + parameters + output.string()));
}

std::vector<std::string> cases_in(const fs::path& root) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name != "bad") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, GeneratesTheExpectedFiles) {
  const fs::path root = fs::path(GOLDEN_DIR) / GetParam();
  const ScratchFolder scratch;
  const fs::path output = scratch.path() / "out";
  fs::create_directory(output);
  const CommandResult result = generate(root, output, scratch.path());
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(result.output, "");
  if (regenerating()) {
    fs::remove_all(root / "expected");
    fs::copy(output, root / "expected", fs::copy_options::recursive);
  }

  EXPECT_EQ(files_under(output), files_under(root / "expected"));
  for (const std::string& file : files_under(output)) {
    EXPECT_EQ(read(output / file), read(root / "expected" / file))
        << file << " is not fresh; run tools/regenerate_golden.sh";
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(cases_in(GOLDEN_DIR)),
                         [](const auto& test) { return test.param; });

class Bad : public testing::TestWithParam<std::string> {};

TEST_P(Bad, IsRefusedWithTheExpectedErrors) {
  const fs::path root = fs::path(GOLDEN_DIR) / "bad" / GetParam();
  const ScratchFolder scratch;
  const CommandResult result = generate(root, scratch.path(), scratch.path());
  EXPECT_EQ(result.exit_code, 1) << result.output;
  if (regenerating()) write(root / "expected_error.txt", result.output);

  EXPECT_EQ(result.output, read(root / "expected_error.txt"));
  fs::remove(scratch.path() / "old.binpb");
  EXPECT_THAT(files_under(scratch.path()), testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Cases, Bad, testing::ValuesIn(cases_in(fs::path(GOLDEN_DIR) / "bad")),
                         [](const auto& test) { return test.param; });

TEST(Plugin, ExplainsItselfWhenRunByHand) {
  const CommandResult help = run(in_quotes(PLUGIN) + " --help");
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.output, testing::HasSubstr("--echostream_out="));
  EXPECT_THAT(help.output, testing::HasSubstr("against=<file>"));

  const CommandResult version = run(in_quotes(PLUGIN) + " --version");
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.output,
              testing::MatchesRegex("protoc-gen-echostream [0-9]+\\.[0-9]+\\.[0-9]+\n"));

  const CommandResult wrong = run(in_quotes(PLUGIN) + " --frobnicate");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.output, testing::HasSubstr("unknown argument '--frobnicate'"));
}

TEST(Plugin, RefusesADescriptorSetThatItCannotUse) {
  const ScratchFolder scratch;
  write(scratch.path() / "a.proto", "syntax = \"proto3\";\nmessage A {}\n");
  write(scratch.path() / "garbage.binpb", "this is no descriptor set");
  const auto generate_against = [&](const std::string& file) {
    return run(protoc_command(scratch.path(), "--echostream_out=against=" + file + ":.")).output;
  };

  EXPECT_THAT(generate_against("missing.binpb"),
              testing::HasSubstr("against=missing.binpb: cannot open the file; check the path"));
  EXPECT_THAT(generate_against("garbage.binpb"),
              testing::HasSubstr("against=garbage.binpb: is not a descriptor set; make one with"));
}

TEST(Plugin, RefusesADescriptorSetWithoutItsImports) {
  const ScratchFolder scratch;
  write(scratch.path() / "a.proto",
        "syntax = \"proto3\";\nimport \"echostream/options.proto\";\nmessage A {}\n");
  ASSERT_EQ(run(protoc_command(scratch.path(), "--descriptor_set_out=old.binpb")).exit_code, 0);

  const CommandResult result =
      run(protoc_command(scratch.path(), "--echostream_out=against=old.binpb:."));

  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, testing::HasSubstr("made with --include_imports?"));
}

TEST(Plugin, KeepsTheHeaderOfALargeServiceSmall) {
  constexpr int kMethods = 600;
  std::string proto = "syntax = \"proto3\";\npackage acme.v1;\nmessage Ask {}\nmessage Answer {}\n";
  proto += "service Large {\n";
  for (int i = 0; i < kMethods; ++i) {
    proto += "  rpc Method" + std::to_string(i) + "(Ask) returns (Answer);\n";
  }
  const ScratchFolder scratch;
  write(scratch.path() / "large.proto", proto + "}\n");

  const CommandResult result = run(protoc_command(scratch.path(), "--echostream_out=."));

  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_LT(read(scratch.path() / "large.echostream.h").size(), kMethods * 400U);
}

}  // namespace
