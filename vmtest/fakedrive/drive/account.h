// SPDX-License-Identifier: Apache-2.0
//
// The one account that this Drive belongs to, and the one OAuth client that it
// knows: state.json in the data folder. Saved by rename at each change.
#ifndef VMTEST_FAKEDRIVE_DRIVE_ACCOUNT_H_
#define VMTEST_FAKEDRIVE_DRIVE_ACCOUNT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/drive/secrets.h"

namespace driveroot::fakedrive {

class Account {
 public:
  // Reads state.json of `folder`, or makes a new account with one refresh
  // token.
  static Result<Account> LoadOrCreate(const std::string& folder);

  const std::string& client_id() const { return client_id_; }
  const std::string& client_secret() const { return client_secret_; }
  const std::string& root_id() const { return root_id_; }
  const std::string& permission_id() const { return permission_id_; }
  const Sealer& sealer() const { return sealer_; }

  bool HasRefreshToken(const std::string& token) const;
  const std::string& first_refresh_token() const { return refresh_tokens_[0]; }
  // At most 100 live at a time, as at Google: the oldest beyond the first goes.
  Result<std::string> AddRefreshToken();
  // Revokes one, or all of them when `token` is empty. The first one's place is
  // kept (as an empty string) so that it is never handed out again.
  Status RevokeRefreshToken(const std::string& token);

  // Access tokens carry the generation of their making and are good only while
  // it lasts.
  uint64_t access_generation() const { return access_generation_; }
  Status RevokeAccessTokens();

 private:
  explicit Account(std::string path, std::string key)
      : path_(std::move(path)), key_(key), sealer_(std::move(key)) {}

  Status Save() const;

  std::string path_;
  std::string key_;
  Sealer sealer_;
  std::string client_id_;
  std::string client_secret_;
  std::string root_id_;
  std::string permission_id_;
  std::vector<std::string> refresh_tokens_;
  uint64_t access_generation_ = 1;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_ACCOUNT_H_
