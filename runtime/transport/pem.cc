#include "runtime/transport/pem.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

#include "runtime/transport/certificate.h"
#include "runtime/transport/printable.h"
#include "runtime/transport/tls_error.h"

namespace echostream::transport {
namespace {

Status bad_text(const std::string& what, const std::string& why) {
  return {StatusCode::kInvalidArgument, what + " " + why};
}

Status no_block(std::string_view text, const std::string& what) {
  if (text.find("-----BEGIN") != std::string_view::npos) {
    return bad_text(what,
                    "has no complete PEM block: '-----BEGIN' must stand at the start of a line");
  }
  // DER begins with a SEQUENCE, here one whose length takes one or two bytes.
  if (text.starts_with("\x30\x81") || text.starts_with("\x30\x82")) {
    return bad_text(what,
                    "is not PEM text but looks like DER; convert it with 'openssl x509 -inform "
                    "der' or 'openssl pkey -inform der'");
  }
  return bad_text(what, "is not PEM text: it has no '-----BEGIN' line");
}

bool is_certificate(const PemBlock& block) {
  return block.label == PEM_STRING_X509 || block.label == PEM_STRING_X509_OLD;
}

StatusCode code_of_errno(int error) {
  if (error == ENOENT || error == ENOTDIR) return StatusCode::kNotFound;
  if (error == EACCES || error == EPERM) return StatusCode::kPermissionDenied;
  return StatusCode::kUnavailable;
}

Status cannot_read(const std::string& path, int error) {
  return {code_of_errno(error),
          "cannot read '" + path + "': " + std::generic_category().message(error)};
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<std::vector<PemBlock>> read_pem(std::string_view text, const std::string& what,
                                       std::size_t max_bytes) {
  static_assert(kMaxAuthoritiesPemBytes <= INT_MAX, "the size must fit BIO_new_mem_buf's int");
  if (text.empty()) return bad_text(what, "is empty");
  if (text.size() > max_bytes) {
    return bad_text(what, "has " + std::to_string(text.size()) + " bytes, more than the " +
                              std::to_string(max_bytes) + " that are read");
  }
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) return Status(StatusCode::kResourceExhausted, "out of memory");
  std::vector<PemBlock> blocks;
  while (true) {
    char* label = nullptr;
    char* header = nullptr;
    std::uint8_t* data = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &label, &header, &data, &size) != 1) break;
    const bssl::UniquePtr<char> owned_label(label);
    const bssl::UniquePtr<char> owned_header(header);
    PemBlock block;
    block.label = label;
    block.is_encrypted = block.label == PEM_STRING_PKCS8 ||
                         std::string_view(header).find("ENCRYPTED") != std::string_view::npos;
    block.data.reset(data);
    block.size = static_cast<std::size_t>(size);
    blocks.push_back(std::move(block));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = take_tls_error();
  if (!at_end) {
    return bad_text(
        what, "is damaged in PEM block " + std::to_string(blocks.size() + 1) + " (" + reason + ")");
  }
  if (blocks.empty()) return no_block(text, what);
  return blocks;
}

Result<std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>> read_pem_certificates(std::string_view text,
                                                                          const std::string& what,
                                                                          std::size_t max_bytes) {
  auto blocks = read_pem(text, what, max_bytes);
  if (!blocks) return std::move(blocks).error();
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> certificates;
  for (const PemBlock& block : *blocks) {
    if (!is_certificate(block)) continue;
    bssl::UniquePtr<CRYPTO_BUFFER> certificate(
        CRYPTO_BUFFER_new(block.data.get(), block.size, nullptr));
    if (!certificate) return Status(StatusCode::kResourceExhausted, "out of memory");
    if (!parse_certificate(certificate.get())) {
      return bad_text(what, "holds a damaged certificate, the one in PEM block " +
                                std::to_string(&block - blocks->data() + 1) + " (" +
                                take_tls_error() + ")");
    }
    certificates.push_back(std::move(certificate));
  }
  if (certificates.empty()) {
    return bad_text(what, "has no CERTIFICATE block; it begins with a block called '" +
                              printable(blocks->front().label) + "'");
  }
  return certificates;
}

std::string write_pem(const char* label, BytesView der) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  ECHOSTREAM_CHECK(
      bio && PEM_write_bio(bio.get(), label, "", der.data(), static_cast<long>(der.size())) != 0,
      "writing PEM to memory");
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  ECHOSTREAM_CHECK(BIO_mem_contents(bio.get(), &data, &size) == 1, "reading back PEM");
  return std::string(as_text({data, size}));
}

Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return cannot_read(path, errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return cannot_read(path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Status(StatusCode::kInvalidArgument, "'" + path + "' is not a regular file");
  }
  // One byte more than allowed, to notice a file that grows meanwhile.
  const std::size_t size = static_cast<std::size_t>(info.st_size);
  std::string text(size <= max_bytes ? size + 1 : 0, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t count = read(file.get(), text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(path, errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  if (size > max_bytes || used > size) {
    return Status(StatusCode::kInvalidArgument,
                  "'" + path + "' is larger than the " + std::to_string(max_bytes) +
                      " bytes that are read, or changes while it is read");
  }
  text.resize(used);
  return text;
}

}  // namespace echostream::transport
