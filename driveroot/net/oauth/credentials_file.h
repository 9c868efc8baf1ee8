// SPDX-License-Identifier: Apache-2.0
//
// CredentialsFile tells when the file of the credentials was replaced, as
// `driveroot login` does while a volume is mounted. Not thread-safe.
#ifndef DRIVEROOT_NET_OAUTH_CREDENTIALS_FILE_H_
#define DRIVEROOT_NET_OAUTH_CREDENTIALS_FILE_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/net/oauth/credentials.h"

namespace driveroot {

class CredentialsFile {
 public:
  // LoadCredentials().
  static Result<CredentialsFile> Open(const std::string& path);

  const std::string& path() const { return path_; }

  // What the file holds, when it is another one, or was written, since the last
  // call. One that cannot be used is logged and waits to be replaced.
  std::optional<Credentials> TakeNewer();

 private:
  // As far as stat(2) tells.
  struct Version {
    dev_t device = 0;
    ino_t inode = 0;
    int64_t size = 0;
    int64_t modified = 0;  // ns
    int64_t changed = 0;   // ns

    friend bool operator==(const Version&, const Version&) = default;
  };

  explicit CredentialsFile(std::string path) : path_(std::move(path)) {}
  // Nothing: there is none.
  std::optional<Version> VersionNow() const;

  std::string path_;
  std::optional<Version> seen_;
  std::optional<Credentials> first_;  // until it is taken
};

}  // namespace driveroot

#endif  // DRIVEROOT_NET_OAUTH_CREDENTIALS_FILE_H_
