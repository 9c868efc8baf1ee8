// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/metadata.h"

#include <algorithm>
#include <utility>

#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

// Drive's limits (drive-api note).
constexpr size_t kMaxPropertyBytes = 124;  // Key and value together.
constexpr size_t kMaxProperties = 30;      // Of each kind.
constexpr size_t kMaxChildren = 500'000;
constexpr size_t kMaxDepth = 100;

constexpr std::string_view kDefaultType = "application/octet-stream";

// What clients may set, in some call or other.
constexpr std::string_view kWritable[] = {"appProperties",
                                          "copyRequiresWriterPermission",
                                          "contentHints",
                                          "createdTime",
                                          "description",
                                          "folderColorRgb",
                                          "id",
                                          "kind",
                                          "mimeType",
                                          "modifiedTime",
                                          "name",
                                          "originalFilename",
                                          "parents",
                                          "properties",
                                          "starred",
                                          "shortcutDetails",
                                          "trashed",
                                          "viewedByMeTime",
                                          "writersCanShare",
                                          "viewersCanCopyContent"};

// What clients may set at Google, with effects that are not simulated.
constexpr std::string_view kNotSimulated[] = {
    "contentRestrictions", "downloadRestrictions",
    "inheritedPermissionsDisabled", "clientEncryptionDetails"};

// What only the server sets. It refuses them even where the value is right.
constexpr std::string_view kReadOnly[] = {"capabilities",   "explicitlyTrashed",
                                          "headRevisionId", "lastModifyingUser",
                                          "md5Checksum",    "modifiedByMeTime",
                                          "owners",         "ownedByMe",
                                          "permissionIds",  "quotaBytesUsed",
                                          "sha1Checksum",   "sha256Checksum",
                                          "shared",         "size",
                                          "version",        "webContentLink",
                                          "webViewLink"};

ApiError NotWritable(std::string_view field) {
  return Forbidden("fieldNotWritable",
                   "The resource body includes fields which are not directly "
                   "writable: " +
                       std::string(field) + ".");
}

ApiResult<void> CheckNames(const Json& metadata) {
  for (const auto& [key, value] : metadata.GetObject()) {
    const std::string_view field = JsonView(key);
    if (std::ranges::count(kReadOnly, field) > 0)
      return std::unexpected(NotWritable(field));
    if (std::ranges::count(kNotSimulated, field) > 0)
      return std::unexpected(NotSimulated(field));
    if (std::ranges::count(kWritable, field) == 0)
      return std::unexpected(BadRequest("Unknown name \"" + std::string(field) +
                                        "\": cannot find field."));
  }
  return {};
}

ApiError WrongType(std::string_view field) {
  return BadRequest("Invalid value for: " + std::string(field));
}

ApiResult<void> ReadString(const Json& metadata, const char* name,
                           std::string* field) {
  const Json* member = Member(metadata, name);
  if (member == nullptr || member->IsNull()) return {};
  if (!member->IsString()) return std::unexpected(WrongType(name));
  *field = JsonView(*member);
  return {};
}

ApiResult<void> ReadBool(const Json& metadata, const char* name, bool* field) {
  const Json* member = Member(metadata, name);
  if (member == nullptr || member->IsNull()) return {};
  if (!member->IsBool()) return std::unexpected(WrongType(name));
  *field = member->GetBool();
  return {};
}

ApiResult<void> ReadTime(const Json& metadata, const char* name,
                         int64_t* field) {
  std::string text;
  if (auto good = ReadString(metadata, name, &text); !good || text.empty())
    return good;
  const auto time = ParseTime(text);
  if (!time) return std::unexpected(WrongType(name));
  *field = *time;
  return {};
}

ApiResult<void> ReadColor(const Json& metadata, std::string* field) {
  std::string color;
  if (auto good = ReadString(metadata, "folderColorRgb", &color);
      !good || color.empty())
    return good;
  const bool is_hex =
      color.size() == 7 && color.front() == '#' &&
      color.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
  if (!is_hex) return std::unexpected(WrongType("folderColorRgb"));
  *field = std::move(color);
  return {};
}

// What a shortcut points at, which is said once, when it is made.
ApiResult<void> ReadShortcut(const World& world, const Json& metadata,
                             FileRecord* record) {
  const Json* details = Member(metadata, "shortcutDetails");
  const bool given = details != nullptr && !details->IsNull();
  if (given != record->is_shortcut())
    return std::unexpected(BadRequest(
        "A shortcut, and nothing else, has shortcutDetails.targetId."));
  if (!given) return {};
  const auto target = MemberString(*details, "targetId");
  if (!target || target->empty())
    return std::unexpected(WrongType("shortcutDetails.targetId"));
  const FileRecord* file =
      world.files->Find(ResolveId(*world.account, *target));
  if (file == nullptr) return std::unexpected(FileNotFound(*target));
  if (file->is_shortcut())
    return std::unexpected(
        Forbidden("shortcutTargetInvalid",
                  "A shortcut cannot point at another shortcut."));
  record->shortcut_target = file->id;
  return {};
}

// Entries are added, replaced, and with null removed.
ApiResult<void> ReadProperties(const Json& metadata, const char* name,
                               std::map<std::string, std::string>* field) {
  const Json* member = Member(metadata, name);
  if (member == nullptr || member->IsNull()) return {};
  if (!member->IsObject()) return std::unexpected(WrongType(name));
  for (const auto& entry : member->GetObject()) {
    const std::string key(JsonView(entry.name));
    if (entry.value.IsNull()) {
      field->erase(key);
      continue;
    }
    if (!entry.value.IsString() || key.empty())
      return std::unexpected(WrongType(name));
    const std::string_view value = JsonView(entry.value);
    if (key.size() + value.size() > kMaxPropertyBytes)
      return std::unexpected(
          Forbidden("propertyLengthLimitExceeded",
                    "The length limit of a property's key and value together "
                    "is 124 bytes of UTF-8."));
    field->insert_or_assign(key, value);
  }
  if (field->size() > kMaxProperties)
    return std::unexpected(
        Forbidden("propertyCountLimitExceeded",
                  "A file can have 30 properties of each visibility and app."));
  return {};
}

// What create, update and copy have in common.
ApiResult<void> ApplyCommon(const Json& metadata, FileRecord* record) {
  auto good = CheckNames(metadata);
  if (good) good = ReadString(metadata, "name", &record->name);
  if (good)
    good = ReadString(metadata, "originalFilename", &record->original_name);
  if (good) good = ReadColor(metadata, &record->folder_color);
  if (good) good = ReadTime(metadata, "viewedByMeTime", &record->viewed_ms);
  if (good)
    good = ReadBool(metadata, "writersCanShare", &record->writers_can_share);
  if (good)
    good = ReadBool(metadata, "copyRequiresWriterPermission",
                    &record->copy_requires_writer);
  if (good) good = ReadString(metadata, "description", &record->description);
  if (good) good = ReadBool(metadata, "starred", &record->starred);
  if (good) good = ReadBool(metadata, "trashed", &record->trashed);
  if (good) good = ReadProperties(metadata, "properties", &record->properties);
  if (good)
    good = ReadProperties(metadata, "appProperties", &record->app_properties);
  if (good) good = ReadTime(metadata, "modifiedTime", &record->modified_ms);
  return good;
}

ApiResult<void> CheckParent(const World& world, const std::string& id) {
  const FileRecord* parent = world.files->Find(id);
  if (parent == nullptr) return std::unexpected(FileNotFound(id));
  if (!parent->is_folder())
    return std::unexpected(
        Forbidden("parentNotAFolder", "The specified parent is not a folder."));
  if (world.files->Children(id).size() >= kMaxChildren)
    return std::unexpected(
        Forbidden("numChildrenInNonRootLimitExceeded",
                  "The limit for this folder's number of children (files and "
                  "folders) has been exceeded."));
  if (world.files->Depth(*parent) + 1 > kMaxDepth)
    return std::unexpected(
        Forbidden("myDriveHierarchyDepthLimitExceeded",
                  "Your My Drive can have at most 100 levels of folders."));
  return {};
}

// The `parents` of a new file.
ApiResult<std::string> ReadParent(const World& world, const Json& metadata,
                                  const std::string& absent) {
  const Json* member = Member(metadata, "parents");
  std::string parent = absent;
  if (member != nullptr && !member->IsNull()) {
    if (!member->IsArray()) return std::unexpected(WrongType("parents"));
    if (member->Size() > 1)
      return std::unexpected(InvalidParameter(
          "parents", "A file cannot have more than one parent."));
    if (member->Size() == 1) {
      if (!(*member)[0].IsString())
        return std::unexpected(WrongType("parents"));
      parent = ResolveId(*world.account, std::string(JsonView((*member)[0])));
    }
  }
  if (auto good = CheckParent(world, parent); !good)
    return std::unexpected(good.error());
  return parent;
}

ApiResult<std::string> ReadNewId(const World& world, const Json& metadata) {
  std::string id;
  if (auto good = ReadString(metadata, "id", &id); !good)
    return std::unexpected(good.error());
  if (id.empty()) return NewFileId(*world.account);
  if (!IsFileId(*world.account, id))
    return std::unexpected(
        InvalidParameter("file.id", "The provided file ID is not usable."));
  const bool taken = world.settings->reuse_deleted_ids
                         ? world.files->Find(id) != nullptr
                         : world.files->WasUsed(id);
  if (taken) {
    ApiError error;
    error.status = 409;
    error.reason = "fileIdInUse";
    error.message = "A file already exists with the provided ID.";
    return std::unexpected(std::move(error));
  }
  return id;
}

std::vector<std::string> SplitIds(const World& world, const Target& target,
                                  std::string_view parameter) {
  std::vector<std::string> ids;
  const std::string* text = target.Parameter(parameter);
  std::string_view rest = text != nullptr ? *text : std::string_view();
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    if (end > 0)
      ids.push_back(
          ResolveId(*world.account, std::string(rest.substr(0, end))));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return ids;
}

ApiResult<void> Move(const World& world, const Target& target,
                     FileRecord* record) {
  const auto added = SplitIds(world, target, "addParents");
  const auto removed = SplitIds(world, target, "removeParents");
  const bool leaves = std::ranges::count(removed, record->parent) > 0;
  for (const std::string& id : removed) {
    if (id != record->parent)
      return std::unexpected(InvalidParameter(
          "removeParents", "The file is not in the folder " + id + "."));
  }
  if (added.empty()) {
    // A file without a parent would be lost: Drive keeps it where it is.
    return {};
  }
  if (added.size() > 1 || (!leaves && added[0] != record->parent))
    return std::unexpected(Forbidden(
        "cannotAddParent", "Increasing the number of parents is not allowed"));
  if (added[0] == record->parent) return {};
  if (auto good = CheckParent(world, added[0]); !good) return good;
  if (world.files->IsWithin(added[0], record->id))
    return std::unexpected(
        Forbidden("cyclicParent", "A folder cannot be moved into itself."));
  record->parent = added[0];
  return {};
}

}  // namespace

std::string NewFileId(const Account& account) {
  return "1" + account.sealer().Seal("file", RandomBytes(12));
}

bool IsFileId(const Account& account, std::string_view id) {
  return id.starts_with('1') &&
         account.sealer().Open("file", id.substr(1)).has_value();
}

ApiResult<FileRecord> PrepareCreate(const World& world, const Json& metadata,
                                    std::string_view content_type) {
  FileRecord record;
  record.name = "Untitled";
  record.created_ms = record.modified_ms = NowMs();
  auto id = ReadNewId(world, metadata);
  if (!id) return std::unexpected(id.error());
  record.id = *std::move(id);
  auto good = ApplyCommon(metadata, &record);
  if (good) good = ReadString(metadata, "mimeType", &record.mime_type);
  if (good) good = ReadTime(metadata, "createdTime", &record.created_ms);
  if (!good) return std::unexpected(good.error());
  if (record.mime_type.empty())
    record.mime_type = content_type.empty() ? kDefaultType : content_type;
  if (good = ReadShortcut(world, metadata, &record); !good)
    return std::unexpected(good.error());
  auto parent = ReadParent(world, metadata, world.account->root_id());
  if (!parent) return std::unexpected(parent.error());
  record.parent = *std::move(parent);
  return record;
}

ApiResult<FileRecord> PrepareUpdate(const World& world, const std::string& id,
                                    const Json& metadata, const Target& target,
                                    UpdateOf what,
                                    std::string_view content_type) {
  const FileRecord* old = world.files->Find(ResolveId(*world.account, id));
  if (old == nullptr) return std::unexpected(FileNotFound(id));
  for (const char* field : {"id", "createdTime", "shortcutDetails"}) {
    if (Member(metadata, field) != nullptr)
      return std::unexpected(NotWritable(field));
  }
  if (Member(metadata, "parents") != nullptr)
    return std::unexpected(Forbidden(
        "fieldNotWritable",
        "The parents field is not directly writable in update requests. Use "
        "the addParents and removeParents parameters instead."));
  FileRecord record = *old;
  if (what == UpdateOf::kContent) record.modified_ms = NowMs();
  auto good = ApplyCommon(metadata, &record);
  if (!good) return std::unexpected(good.error());
  std::string mime_type(content_type);
  good = ReadString(metadata, "mimeType", &mime_type);
  if (!good) return std::unexpected(good.error());
  if (!mime_type.empty() &&
      (mime_type == kFolderMimeType) != record.is_folder())
    return std::unexpected(
        InvalidParameter("mimeType", "A folder stays a folder."));
  if (!mime_type.empty()) record.mime_type = mime_type;
  if (record.parent.empty() &&
      (record.trashed || target.Parameter("addParents") != nullptr))
    return std::unexpected(
        Forbidden("insufficientFilePermissions",
                  "The root folder can be neither moved nor trashed."));
  good = Move(world, target, &record);
  if (!good) return std::unexpected(good.error());
  return record;
}

ApiResult<FileRecord> PrepareCopy(const World& world, const std::string& id,
                                  const Json& metadata) {
  const FileRecord* source = world.files->Find(ResolveId(*world.account, id));
  if (source == nullptr) return std::unexpected(FileNotFound(id));
  if (source->is_folder())
    return std::unexpected(
        Forbidden("cannotCopyFile", "This file cannot be copied by the user."));
  FileRecord record = *source;
  record.name = "Copy of " + source->name;
  record.starred = false;
  record.trashed = false;
  record.content.clear();
  record.size = 0;
  record.revisions.clear();
  record.keep_forever = false;
  record.permissions.clear();
  record.created_ms = record.modified_ms = NowMs();
  auto new_id = ReadNewId(world, metadata);
  if (!new_id) return std::unexpected(new_id.error());
  record.id = *std::move(new_id);
  auto good = ApplyCommon(metadata, &record);
  if (good) good = ReadString(metadata, "mimeType", &record.mime_type);
  if (good) good = ReadTime(metadata, "createdTime", &record.created_ms);
  if (!good) return std::unexpected(good.error());
  auto parent = ReadParent(world, metadata, source->parent);
  if (!parent) return std::unexpected(parent.error());
  record.parent = *std::move(parent);
  return record;
}

ApiResult<void> CheckQuota(const World& world, uint64_t more) {
  const uint64_t quota = world.settings->quota_bytes;
  const uint64_t used = world.files->bytes_used();
  if (quota == 0 || (used <= quota && more <= quota - used)) return {};
  return std::unexpected(
      Forbidden("storageQuotaExceeded",
                "The user's Drive storage quota has been exceeded."));
}

}  // namespace driveroot::fakedrive
