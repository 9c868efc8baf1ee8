// SPDX-License-Identifier: Apache-2.0
//
// Unguessable and self-authenticating strings: file ids, tokens, session names.
// A sealed string carries its own HMAC, so that "did we make this?" needs no
// table and survives restarts.
#ifndef VMTEST_FAKEDRIVE_DRIVE_SECRETS_H_
#define VMTEST_FAKEDRIVE_DRIVE_SECRETS_H_

#include <optional>
#include <string>
#include <string_view>

namespace driveroot::fakedrive {

// `size` random bytes. Aborts if the system gives none.
std::string RandomBytes(size_t size);

std::string Hex(std::string_view bytes);

std::string Sha256(std::string_view bytes);

class Sealer {
 public:
  explicit Sealer(std::string key) : key_(std::move(key)) {}

  // Base64Url(bytes + 12 bytes of HMAC). `purpose` keeps kinds apart.
  std::string Seal(std::string_view purpose, std::string_view bytes) const;
  // The bytes, if Seal made `text` for the same purpose with the same key.
  std::optional<std::string> Open(std::string_view purpose,
                                  std::string_view text) const;

 private:
  std::string Mac(std::string_view purpose, std::string_view bytes) const;

  std::string key_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_SECRETS_H_
