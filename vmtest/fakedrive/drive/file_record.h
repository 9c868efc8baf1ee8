// SPDX-License-Identifier: Apache-2.0
//
// What is kept about one file or folder, and its two JSON forms: the one on
// disk and the API's File resource.
#ifndef VMTEST_FAKEDRIVE_DRIVE_FILE_RECORD_H_
#define VMTEST_FAKEDRIVE_DRIVE_FILE_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/drive/json.h"

namespace driveroot::fakedrive {

inline constexpr std::string_view kFolderMimeType =
    "application/vnd.google-apps.folder";

struct FileRecord {
  std::string id;
  std::string name;
  std::string mime_type;
  std::string description;
  std::string parent;  // Empty for the root folder alone.
  std::map<std::string, std::string> properties;
  std::map<std::string, std::string> app_properties;
  int64_t created_ms = 0;
  int64_t modified_ms = 0;
  bool starred = false;
  bool trashed = false;  // By itself, not by a folder above.
  // Gone for good. The record stays, since its id is used up and the change
  // feed tells of it.
  bool deleted = false;
  uint64_t version = 1;
  uint64_t change = 0;  // Its place in the change feed.
  int64_t changed_ms = 0;  // When that change was made.

  // Of a file with content; `content` names it within the content folder.
  std::string content;
  uint64_t size = 0;
  std::string md5;
  std::string sha1;
  std::string sha256;

  bool is_folder() const { return mime_type == kFolderMimeType; }
  bool has_content() const { return !content.empty(); }
};

// The form on disk.
std::string EncodeRecord(const FileRecord& record);
std::optional<FileRecord> DecodeRecord(std::string_view text);

// What a File resource tells beyond the record.
struct FileContext {
  bool trashed = false;  // By itself or by a folder above.
  std::string permission_id;
  std::string user_name;
  std::string user_email;
  std::string base_url;  // Of the links, e.g. "https://127.0.0.1:4321".
};

// The whole File resource of API version 3 (fields that only Google's own
// editors, shared drives or media analysis fill are absent).
Json FileResource(const FileRecord& record, const FileContext& context,
                  JsonAllocator& allocator);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_FILE_RECORD_H_
