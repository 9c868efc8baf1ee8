// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/volume_name.h"

#include <gflags/gflags.h>

#include <utility>

#include "driveroot/store/dir/dir_store.h"
#include "driveroot/store/drive/drive_volume.h"

DEFINE_string(
    credentials, "",
    "file with client id, client secret and refresh token (JSON, mode "
    "0600); default: driveroot/credentials.json in the user's "
    "configuration folder");
DEFINE_string(drive_endpoint, "",
              "address of a server that speaks Google Drive's API, instead of "
              "Google's own");
DEFINE_string(
    ca_file, "",
    "certificate authorities to trust (PEM), instead of the system's");

namespace driveroot {
namespace {

constexpr std::string_view kDrivePrefix = "drive:";
constexpr std::string_view kDirPrefix = "dir:";

Result<std::shared_ptr<DriveClient>> OpenDrive(Patience patience) {
  DriveClientOptions options;
  options.credentials_file = FLAGS_credentials;
  options.drive_endpoint = FLAGS_drive_endpoint;
  options.ca_file = FLAGS_ca_file;
  if (patience == Patience::kForEver) {
    options.retry_limit = RetryLimit::ForEver();
  }
  return DriveClient::Open(options);
}

template <typename Function>
Result<OpenedStore> OnDrive(
    const VolumeName& name, Patience patience, Function function,
    const std::function<void()>& before_requests = nullptr) {
  OpenedStore opened;
  DRIVEROOT_ASSIGN_OR_RETURN(opened.drive, OpenDrive(patience));
  if (before_requests != nullptr) before_requests();
  DRIVEROOT_ASSIGN_OR_RETURN(opened.store, function(opened.drive, name.rest));
  return opened;
}

}  // namespace

std::string VolumeName::ToString() const {
  return std::string(kind == Kind::kDrive ? kDrivePrefix : kDirPrefix) + rest;
}

Result<VolumeName> ParseVolumeName(std::string_view text) {
  for (const auto& [prefix, kind] :
       {std::pair(kDrivePrefix, VolumeName::Kind::kDrive),
        std::pair(kDirPrefix, VolumeName::Kind::kDir)}) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) {
      return VolumeName{.kind = kind,
                        .rest = std::string(text.substr(prefix.size()))};
    }
  }
  return Fail(ErrorCode::kInvalidArgument,
              "\"" + std::string(text) +
                  "\" names no volume: write drive:NAME, drive:id=FOLDERID or "
                  "dir:/path");
}

Result<OpenedStore> OpenStore(const VolumeName& name, Patience patience,
                              const std::function<void()>& before_requests) {
  if (name.kind == VolumeName::Kind::kDrive) {
    return OnDrive(name, patience, OpenDriveVolume, before_requests);
  }
  if (before_requests != nullptr) before_requests();
  OpenedStore opened;
  DRIVEROOT_ASSIGN_OR_RETURN(opened.store, DirStore::Open(name.rest));
  return opened;
}

Result<OpenedStore> OpenOrCreateStore(const VolumeName& name) {
  if (name.kind == VolumeName::Kind::kDrive) {
    return OnDrive(name, Patience::kCommand, OpenOrCreateDriveVolume);
  }
  Result<OpenedStore> opened = OpenStore(name, Patience::kCommand);
  if (opened || opened.error().code() != ErrorCode::kNotFound) return opened;
  return CreateStore(name);
}

Result<OpenedStore> CreateStore(const VolumeName& name) {
  if (name.kind == VolumeName::Kind::kDrive) {
    return OnDrive(name, Patience::kCommand, CreateDriveVolume);
  }
  OpenedStore opened;
  DRIVEROOT_ASSIGN_OR_RETURN(opened.store, DirStore::Create(name.rest));
  return opened;
}

}  // namespace driveroot
