#include "tools/echostream/cert/certificate_files.h"

#include <filesystem>
#include <system_error>

#include "tools/echostream/discovery/this_system.h"

namespace echostream::tool {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kForAll = 0644;

void remove(const std::string& path) {
  std::error_code already_gone;
  fs::remove(path, already_gone);
}

// The certificate last: where it is, there is its key.
Status write_new(const CertificateFiles& paths, const CertificateFiles& contents) {
  if (Status status = write_secret(paths.key, contents.key); !status.is_ok()) return status;
  Status status = write_new_file(paths.certificate, contents.certificate, kForAll);
  if (!status.is_ok()) remove(paths.key);
  return status;
}

// The old key is kept beside until the certificate is there. `certificate` is moved there.
Status replace_both(const CertificateFiles& paths, const std::string& key,
                    const std::string& certificate) {
  const std::string old_key = paths.key + ".replaced";
  remove(old_key);
  std::error_code error;
  const bool had_key = fs::exists(paths.key, error);
  if (had_key) fs::create_hard_link(paths.key, old_key, error);
  const bool has_old_key = had_key && !error;
  Status status = replace_file(paths.key, key, 0600);
  if (status.is_ok()) {
    fs::rename(certificate, paths.certificate, error);
    if (!error) {
      if (has_old_key) remove(old_key);
      return status;
    }
    status = {StatusCode::kUnavailable,
              "cannot replace " + paths.certificate + ": " + error.message()};
    if (has_old_key) {
      fs::rename(old_key, paths.key, error);
    } else {
      remove(paths.key);
    }
  }
  if (has_old_key) remove(old_key);
  remove(certificate);
  return status;
}

}  // namespace

Status write_certificate_files(const CertificateFiles& paths, const CertificateFiles& contents,
                               bool replaces) {
  if (!replaces) return write_new(paths, contents);
  // Beside the place, which shows whether it can be written there at all.
  const std::string unfinished = paths.certificate + ".unfinished";
  remove(unfinished);
  Status status = write_new_file(unfinished, contents.certificate, kForAll);
  if (!status.is_ok()) return status;
  return replace_both(paths, contents.key, unfinished);
}

}  // namespace echostream::tool
