#include "tools/echostream/discovery/own_identity.h"

#include <chrono>
#include <filesystem>

#include "tools/echostream/discovery/this_system.h"

namespace echostream::tool {

namespace {

// Peers know it by its fingerprint, whatever its dates say; but those who look shall not find it
// out of date.
constexpr Duration kValidity = std::chrono::hours(24 * 365 * 20);

}  // namespace

Result<Identity> own_identity(const std::string& certificate, const std::string& key,
                              const std::string& name, WallTime now) {
  if (certificate.empty() != key.empty()) {
    return Status(StatusCode::kInvalidArgument, "--certificate and --key belong together");
  }
  if (!certificate.empty()) return Identity::from_pem_files(certificate, key);
  auto folder = settings_folder();
  if (!folder) {
    return std::move(folder).error().with_context("which identity? Give --certificate and --key");
  }
  const std::string certificate_path = *folder + "/certificate.pem";
  const std::string key_path = *folder + "/key.pem";
  std::error_code error;
  if (std::filesystem::exists(certificate_path, error)) {
    return Identity::from_pem_files(certificate_path, key_path);
  }
  auto made = Identity::self_signed(name, now, kValidity);
  if (!made) return made;
  if (Status status = make_folder_of(key_path); !status.is_ok()) return status;
  // The certificate last: where it is, there is a key.
  if (Status status = write_secret(key_path, made->private_key_pem()); !status.is_ok()) {
    return status;
  }
  if (Status status = write_secret(certificate_path, made->certificate_chain_pem());
      !status.is_ok()) {
    return status;
  }
  return made;
}

}  // namespace echostream::tool
