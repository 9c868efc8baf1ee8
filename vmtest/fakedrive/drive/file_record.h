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
#include <vector>

#include "vmtest/fakedrive/drive/json.h"

namespace driveroot::fakedrive {

inline constexpr std::string_view kFolderMimeType =
    "application/vnd.google-apps.folder";

inline constexpr std::string_view kShortcutMimeType =
    "application/vnd.google-apps.shortcut";

// What somebody besides the owner may do with a file and all below it.
struct Permission {
  std::string id;
  std::string type;  // "user", "group", "domain" or "anyone".
  std::string role;  // "writer", "commenter" or "reader".
  std::string email;
  std::string domain;
  std::string expires;  // RFC 3339, or "".
  bool discoverable = false;
};

// Content that a file had.
struct Revision {
  std::string content;  // Its name in the content folder: the revision's id.
  std::string mime_type;
  uint64_t size = 0;
  std::string md5;
  std::string sha1;
  std::string sha256;
  int64_t modified_ms = 0;
  bool keep_forever = false;
};

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
  uint64_t change = 0;     // Its place in the change feed.
  int64_t changed_ms = 0;  // When that change was made.

  // Of a file with content; `content` names it within the content folder.
  std::string content;
  uint64_t size = 0;
  std::string md5;
  std::string sha1;
  std::string sha256;

  bool keep_forever = false;        // The head revision.
  std::vector<Revision> revisions;  // Earlier content, oldest first.

  std::string shortcut_target;  // Of a shortcut: the other file's id.
  std::string original_name;    // "" until it is set or content comes.
  std::string folder_color;     // "#rrggbb", or "".
  int64_t viewed_ms = 0;        // 0: as long as it is there.
  bool copy_requires_writer = false;
  bool writers_can_share = true;
  std::vector<Permission> permissions;

  bool is_folder() const { return mime_type == kFolderMimeType; }
  bool is_shortcut() const { return mime_type == kShortcutMimeType; }
  // A document of Google's own editors, which is exported, never downloaded.
  bool is_editor_file() const {
    return mime_type.starts_with("application/vnd.google-apps.") &&
           !is_folder() && !is_shortcut();
  }
  bool has_content() const { return !content.empty(); }
  // The head revision and those that are kept forever count.
  uint64_t quota_bytes() const;
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
  std::vector<Permission> permissions;  // Its own and those of folders above.
  std::string shortcut_target_type;     // "" where the target is gone.
};

Json PermissionResource(const Permission& permission, JsonAllocator& allocator);

// The owner's, which is in no record.
Json OwnerPermission(const FileContext& context, JsonAllocator& allocator);

// The whole File resource of API version 3 (fields that only Google's own
// editors, shared drives or media analysis fill are absent).
Json FileResource(const FileRecord& record, const FileContext& context,
                  JsonAllocator& allocator);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_FILE_RECORD_H_
