// SPDX-License-Identifier: Apache-2.0
//
// SentContent tells whether a file on Drive is the one that was sent: by id,
// size and the checksum that Drive computed. A detail of DriveApi.
//
// Thread-safety: none; it belongs to one call.
#ifndef DRIVEROOT_STORE_DRIVE_SENT_CONTENT_H_
#define DRIVEROOT_STORE_DRIVE_SENT_CONTENT_H_

#include <cstdint>
#include <future>
#include <string>
#include <string_view>

#include "driveroot/store/drive/drive_api.h"

namespace driveroot {

// What is asked for of every file whose content was sent.
inline constexpr std::string_view kContentFields =
    "id,size,md5Checksum,sha256Checksum,trashed";

enum class ContentMatch : uint8_t {
  kSame,
  kOther,
  kUnknown,  // the size or every checksum is missing
};

class SentContent {
 public:
  // Both outlive the object. Many bytes are hashed on another thread, while
  // they are being sent.
  SentContent(std::string_view id, std::string_view bytes);

  std::string_view id() const { return id_; }
  std::string_view bytes() const { return bytes_; }

  // Compares with what the server says of a file.
  ContentMatch Compare(const DriveFile& file) const;

 private:
  std::string_view id_;
  std::string_view bytes_;
  std::shared_future<std::string> sha256_;  // hexadecimal
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_SENT_CONTENT_H_
