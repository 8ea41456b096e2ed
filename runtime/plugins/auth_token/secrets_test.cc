#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "echostream/plugins/auth_token.h"

namespace echostream {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Secrets : public ::testing::Test {
 protected:
  Secrets() {
    std::string pattern = ::testing::TempDir() + "secretsXXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~Secrets() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_ + "/secret";
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string folder_;
};

TEST_F(Secrets, OfAFileComeWithoutTheNewlineAtTheEnd) {
  EXPECT_EQ(*read_secret_file(write("abc\n")), "abc");
  EXPECT_EQ(*read_secret_file(write("abc\r\n")), "abc");
  EXPECT_EQ(*read_secret_file(write(" abc\n\n", 0400)), " abc\n");
  EXPECT_EQ(read_secret_file(write(std::string(4096, 'a') + "\n"))->size(), 4096u);
}

TEST_F(Secrets, C07_OfAFileThatOthersMayReadAreNotTaken) {
  for (const mode_t mode : {0644, 0640, 0660, 0604, 0601, 0610, 0620}) {
    const auto secret = read_secret_file(write("SeCrEt", mode));
    ASSERT_FALSE(secret) << std::oct << mode;
    EXPECT_EQ(secret.error().code(), StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(secret.error().message()), HasSubstr("chmod 600"));
    EXPECT_THAT(std::string(secret.error().message()), Not(HasSubstr("SeCrEt")));
  }
}

TEST_F(Secrets, ThatAreNoneSayWhy) {
  EXPECT_EQ(read_secret_file(folder_ + "/none").error().code(), StatusCode::kNotFound);
  EXPECT_EQ(read_secret_file(folder_).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(read_secret_file(write("\n")).error().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(read_secret_file(write(std::string(4097, 'a'))).error().code(),
            StatusCode::kInvalidArgument);
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(read_secret_file(pipe)) << "and does not wait for a writer";
}

TEST_F(Secrets, OfTheEnvironmentMustBeSet) {
  setenv("ECHOSTREAM_TEST_SECRET", "abc", 1);
  EXPECT_EQ(*read_secret_variable("ECHOSTREAM_TEST_SECRET"), "abc");
  setenv("ECHOSTREAM_TEST_SECRET", "", 1);
  EXPECT_EQ(read_secret_variable("ECHOSTREAM_TEST_SECRET").error().code(), StatusCode::kNotFound);
  unsetenv("ECHOSTREAM_TEST_SECRET");
  EXPECT_FALSE(read_secret_variable("ECHOSTREAM_TEST_SECRET"));
}

}  // namespace
}  // namespace echostream
