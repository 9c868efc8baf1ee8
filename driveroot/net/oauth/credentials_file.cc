// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/oauth/credentials_file.h"

#include <glog/logging.h>
#include <sys/stat.h>

#include <utility>

namespace driveroot {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Result<CredentialsFile> CredentialsFile::Open(const std::string& path) {
  CredentialsFile file(path);
  // Before it is read: one that is replaced meanwhile is read again.
  file.seen_ = file.VersionNow();
  DRIVEROOT_ASSIGN_OR_RETURN(file.first_, LoadCredentials(path));
  return file;
}

std::optional<CredentialsFile::Version> CredentialsFile::VersionNow() const {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0) return std::nullopt;
  return Version{.device = info.st_dev,
                 .inode = info.st_ino,
                 .size = info.st_size,
                 .modified = Nanoseconds(info.st_mtim),
                 .changed = Nanoseconds(info.st_ctim)};
}

std::optional<Credentials> CredentialsFile::TakeNewer() {
  if (first_) return std::exchange(first_, std::nullopt);
  const std::optional<Version> now = VersionNow();
  if (!now || now == seen_) return std::nullopt;
  seen_ = now;
  Result<Credentials> credentials = LoadCredentials(path_);
  if (credentials) return *std::move(credentials);
  LOG(WARNING) << "new credentials cannot be used: "
               << credentials.error().message();
  return std::nullopt;
}

}  // namespace driveroot
