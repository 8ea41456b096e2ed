// Shared objects that are plugins, and those that are not.
#include "echostream/plugin_loader.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "echostream/node.h"

namespace echostream {
namespace {

using ::testing::HasSubstr;

const std::string kLibraries = ECHOSTREAM_LOADABLE_DIR;

std::string library(const std::string& name) { return kLibraries + "/loadable_" + name + ".so"; }

// A folder of ours.
class PluginLoader : public ::testing::Test {
 protected:
  PluginLoader() {
    std::string name = (std::filesystem::temp_directory_path() / "plugins-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~PluginLoader() override { std::filesystem::remove_all(folder_); }
  std::string copy_of(const std::string& name) {
    const std::string copy = folder_ + "/" + name + ".so";
    std::filesystem::copy_file(library(name), copy);
    return copy;
  }
  static std::string refusal(const std::string& path, StatusCode code) {
    auto plugin = load_plugin(path);
    EXPECT_FALSE(plugin.has_value());
    if (plugin) return {};
    EXPECT_EQ(plugin.error().code(), code) << plugin.error();
    EXPECT_THAT(std::string(plugin.error().message()), HasSubstr("plugin " + path));
    return std::string(plugin.error().message());
  }
  std::string folder_;
};

TEST_F(PluginLoader, LoadsConfiguresAndRunsAPlugin) {
  auto plugin = load_plugin(library("good"));
  ASSERT_TRUE(plugin) << plugin.error();
  EXPECT_EQ((*plugin)->name(), "good");
  EXPECT_TRUE((*plugin)->configure("{}").is_ok());
  auto loop = make_loop();
  ASSERT_TRUE(loop);
  Node node(**loop);
  ASSERT_TRUE(node.add_plugin(*std::move(plugin)).is_ok());
  EXPECT_TRUE(run(**loop, node.start()).is_ok());
  // A type of both: values are found across the border.
  ASSERT_NE(node.state().get<std::string>(), nullptr);
  EXPECT_EQ(*node.state().get<std::string>(), "started with {}");
}

TEST_F(PluginLoader, MakesAPluginOfItsOwnForEachNode) {
  auto first = load_plugin(library("good"));
  auto second = load_plugin(library("good"));
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
}

TEST_F(PluginLoader, L03_NoSuchFileIsSaid) {
  EXPECT_THAT(refusal(folder_ + "/none.so", StatusCode::kNotFound), HasSubstr("no such file"));
  EXPECT_THAT(refusal(library("good") + "/x.so", StatusCode::kNotFound), HasSubstr("no such file"));
  EXPECT_THAT(refusal(folder_, StatusCode::kInvalidArgument), HasSubstr("not a file"));
}

TEST_F(PluginLoader, L03_WhatIsNoSharedObjectIsNotLoaded) {
  const std::string path = folder_ + "/text.so";
  std::ofstream(path) << "this is no library";
  EXPECT_THAT(refusal(path, StatusCode::kInvalidArgument), HasSubstr("cannot be loaded"));
}

TEST_F(PluginLoader, L03_AMissingSymbolIsNamed) {
  EXPECT_THAT(refusal(library("no_entry"), StatusCode::kInvalidArgument),
              HasSubstr("exports no 'echostream_plugin'"));
  const std::string needs = refusal(library("needs_more"), StatusCode::kInvalidArgument);
  EXPECT_THAT(needs, HasSubstr("what_no_program_has"));
  EXPECT_THAT(needs, HasSubstr("echostream_allow_plugins()"));
}

TEST_F(PluginLoader, L03_AnotherAbiIsRefusedWithBothNumbers) {
  const std::string said = refusal(library("other_abi"), StatusCode::kFailedPrecondition);
  EXPECT_THAT(said, HasSubstr("ABI " + std::to_string(ECHOSTREAM_PLUGIN_ABI + 41)));
  EXPECT_THAT(said, HasSubstr("has " + std::to_string(ECHOSTREAM_PLUGIN_ABI)));
}

TEST_F(PluginLoader, L03_AConstructorThatThrowsIsContained) {
  const std::string said = refusal(library("throwing"), StatusCode::kInternal);
  EXPECT_THAT(said, HasSubstr("'throwing' threw when it was made: no licence"));
}

TEST_F(PluginLoader, L03_WhatAnybodyMayWriteIsNotLoaded) {
  const std::string path = copy_of("good");
  ASSERT_TRUE(load_plugin(path));
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  EXPECT_THAT(refusal(path, StatusCode::kPermissionDenied), HasSubstr("may write the file"));
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  EXPECT_THAT(refusal(path, StatusCode::kPermissionDenied), HasSubstr("may write the folder"));
  // Not even where only the owner of a file may replace it.
  ASSERT_EQ(chmod(folder_.c_str(), 01777), 0);
  EXPECT_THAT(refusal(path, StatusCode::kPermissionDenied), HasSubstr("may write the folder"));
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  EXPECT_TRUE(load_plugin(path));
}

TEST_F(PluginLoader, L03_AFolderAboveThatAnybodyMayWriteIsNotTrusted) {
  const std::string inner = folder_ + "/inner";
  std::filesystem::create_directory(inner);
  const std::string path = inner + "/good.so";
  std::filesystem::copy_file(library("good"), path);
  ASSERT_TRUE(load_plugin(path));
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  EXPECT_THAT(refusal(path, StatusCode::kPermissionDenied), HasSubstr(folder_));
}

TEST_F(PluginLoader, L03_ALinkIsJudgedByWhereItLeads) {
  const std::string path = copy_of("good");
  ASSERT_EQ(chmod(path.c_str(), 0666), 0);
  const std::string link = folder_ + "/link.so";
  std::filesystem::create_symlink(path, link);
  EXPECT_THAT(refusal(link, StatusCode::kPermissionDenied), HasSubstr("may write the file"));
}

TEST_F(PluginLoader, L03_AFileOfSomebodyElseIsNotLoaded) {
  const std::string path = copy_of("good");
  if (chown(path.c_str(), 12345, static_cast<gid_t>(-1)) != 0) GTEST_SKIP() << "needs root";
  EXPECT_THAT(refusal(path, StatusCode::kPermissionDenied), HasSubstr("neither root nor"));
}

}  // namespace
}  // namespace echostream
