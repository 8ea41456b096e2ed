#include "tools/echostream/cert/certificate_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace echostream::tool {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const CertificateFiles kNew = {"new key", "new certificate"};

class CertificateFilesTest : public ::testing::Test {
 protected:
  CertificateFilesTest() {
    std::string pattern = (fs::temp_directory_path() / "certificate_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CertificateFilesTest() override { fs::remove_all(folder_); }

  CertificateFiles paths(const std::string& certificate = "c.pem") const {
    return {(folder_ / "c.key").string(), (folder_ / certificate).string()};
  }
  void put(const std::string& path, const std::string& text) const { std::ofstream(path) << text; }
  static std::string text_of(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  fs::path folder_;
};

TEST_F(CertificateFilesTest, AreWrittenTogether) {
  ASSERT_TRUE(write_certificate_files(paths(), kNew, false).is_ok());
  EXPECT_EQ(text_of(paths().key), "new key");
  EXPECT_EQ(text_of(paths().certificate), "new certificate");
  EXPECT_EQ(fs::status(paths().key).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(CertificateFilesTest, NoKeyStaysWithoutItsCertificate) {
  for (const bool replaces : {false, true}) {
    const Status status = write_certificate_files(paths("no/such/c.pem"), kNew, replaces);
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status;
    EXPECT_THAT(names(), IsEmpty());
  }
}

TEST_F(CertificateFilesTest, ReplaceThoseThatAreThereWhenTheyMay) {
  put(paths().key, "old key");
  put(paths().certificate, "old certificate");
  EXPECT_FALSE(write_certificate_files(paths(), kNew, false).is_ok());
  EXPECT_EQ(text_of(paths().key), "old key");
  ASSERT_TRUE(write_certificate_files(paths(), kNew, true).is_ok());
  EXPECT_EQ(text_of(paths().key), "new key");
  EXPECT_EQ(text_of(paths().certificate), "new certificate");
  EXPECT_THAT(names(), UnorderedElementsAre("c.key", "c.pem"));
}

TEST_F(CertificateFilesTest, TheOldKeyStaysWhenItsCertificateCannotBeReplaced) {
  put(paths().key, "old key");
  fs::create_directory(paths().certificate);
  EXPECT_FALSE(write_certificate_files(paths(), kNew, true).is_ok());
  EXPECT_EQ(text_of(paths().key), "old key");
  fs::remove(paths().key);
  EXPECT_FALSE(write_certificate_files(paths(), kNew, true).is_ok());
  EXPECT_THAT(names(), UnorderedElementsAre("c.pem"));
}

}  // namespace
}  // namespace echostream::tool
