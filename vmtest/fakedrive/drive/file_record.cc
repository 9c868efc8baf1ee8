// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/file_record.h"

#include <utility>

#include "vmtest/fakedrive/drive/export_formats.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

Json StringArray(std::string_view only, JsonAllocator& allocator) {
  Json array(rapidjson::kArrayType);
  array.PushBack(JsonString(only, allocator), allocator);
  return array;
}

bool DecodeMap(const Json& object, const char* name,
               std::map<std::string, std::string>* map) {
  const Json* member = Member(object, name);
  if (member == nullptr || !member->IsObject()) return false;
  for (const auto& entry : member->GetObject()) {
    if (!entry.value.IsString()) return false;
    map->emplace(JsonView(entry.name), JsonView(entry.value));
  }
  return true;
}

Json User(const FileContext& context, JsonAllocator& allocator) {
  JsonObject user(allocator);
  user.Set("kind", "drive#user")
      .Set("displayName", std::string_view(context.user_name))
      .Set("me", true)
      .Set("permissionId", std::string_view(context.permission_id))
      .Set("emailAddress", std::string_view(context.user_email));
  return user.Take();
}

Json Capabilities(const FileRecord& record, JsonAllocator& allocator) {
  const bool root = record.parent.empty();
  const bool folder = record.is_folder();
  JsonObject object(allocator);
  object.Set("canAddChildren", folder)
      .Set("canCopy", !folder)
      .Set("canDelete", !root)
      .Set("canDownload", !folder)
      .Set("canEdit", true)
      .Set("canListChildren", folder)
      .Set("canModifyContent", true)
      .Set("canReadRevisions", !folder)
      .Set("canRename", !root)
      .Set("canShare", true)
      .Set("canTrash", !root)
      .Set("canUntrash", !root);
  return object.Take();
}

struct StringField {
  const char* name;
  std::string* value;
};

Json EncodePermission(const Permission& permission, JsonAllocator& allocator) {
  JsonObject object(allocator);
  object.Set("id", std::string_view(permission.id))
      .Set("type", std::string_view(permission.type))
      .Set("role", std::string_view(permission.role))
      .Set("email", std::string_view(permission.email))
      .Set("domain", std::string_view(permission.domain))
      .Set("expires", std::string_view(permission.expires))
      .Set("discoverable", permission.discoverable);
  return object.Take();
}

std::optional<Permission> DecodePermission(const Json& json) {
  Permission permission;
  for (const auto& [name, value] :
       {StringField{"id", &permission.id},
        StringField{"type", &permission.type},
        StringField{"role", &permission.role},
        StringField{"email", &permission.email},
        StringField{"domain", &permission.domain},
        StringField{"expires", &permission.expires}}) {
    auto text = MemberString(json, name);
    if (!text) return std::nullopt;
    *value = *std::move(text);
  }
  permission.discoverable = MemberBool(json, "discoverable");
  return permission;
}

Json EncodeRevision(const Revision& revision, JsonAllocator& allocator) {
  JsonObject object(allocator);
  object.Set("content", std::string_view(revision.content))
      .Set("mimeType", std::string_view(revision.mime_type))
      .Set("size", revision.size)
      .Set("md5", std::string_view(revision.md5))
      .Set("sha1", std::string_view(revision.sha1))
      .Set("sha256", std::string_view(revision.sha256))
      .Set("modified", Json(revision.modified_ms))
      .Set("keepForever", revision.keep_forever);
  return object.Take();
}

std::optional<Revision> DecodeRevision(const Json& json) {
  Revision revision;
  for (const auto& [name, value] :
       {StringField{"content", &revision.content},
        StringField{"mimeType", &revision.mime_type},
        StringField{"md5", &revision.md5}, StringField{"sha1", &revision.sha1},
        StringField{"sha256", &revision.sha256}}) {
    auto text = MemberString(json, name);
    if (!text) return std::nullopt;
    *value = *std::move(text);
  }
  const auto size = MemberNumber(json, "size");
  const Json* modified = Member(json, "modified");
  if (!size || modified == nullptr || !modified->IsInt64()) return std::nullopt;
  revision.size = *size;
  revision.modified_ms = modified->GetInt64();
  revision.keep_forever = MemberBool(json, "keepForever");
  return revision;
}

template <typename T>
Json EncodeAll(const std::vector<T>& items,
               Json (*encode)(const T&, JsonAllocator&),
               JsonAllocator& allocator) {
  Json array(rapidjson::kArrayType);
  for (const T& item : items)
    array.PushBack(encode(item, allocator), allocator);
  return array;
}

// A member that is missing is an empty list.
template <typename T>
bool DecodeAll(const Json& object, const char* name,
               std::optional<T> (*decode)(const Json&), std::vector<T>* items) {
  const Json* member = Member(object, name);
  if (member == nullptr) return true;
  if (!member->IsArray()) return false;
  for (const Json& element : member->GetArray()) {
    auto item = decode(element);
    if (!item) return false;
    items->push_back(*std::move(item));
  }
  return true;
}

std::string Extension(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? "" : name.substr(dot + 1);
}

// What only folders, shortcuts, documents or files with content have.
void AddByType(const FileRecord& record, const FileContext& context,
               JsonObject& file, JsonAllocator& allocator) {
  if (record.is_folder())
    file.Set("folderColorRgb", record.folder_color.empty()
                                   ? std::string_view("#8f8f8f")
                                   : std::string_view(record.folder_color));
  if (record.is_shortcut()) {
    JsonObject details(allocator);
    details.Set("targetId", std::string_view(record.shortcut_target));
    if (!context.shortcut_target_type.empty())
      details.Set("targetMimeType",
                  std::string_view(context.shortcut_target_type));
    file.Set("shortcutDetails", details.Take());
  }
  if (record.is_editor_file()) {
    JsonObject links(allocator);
    for (const std::string_view type : ExportFormats(record.mime_type))
      links.Set(type, context.base_url + "/drive/v3/files/" + record.id +
                          "/export?mimeType=" + std::string(type));
    file.Set("exportLinks", links.Take());
    file.SetNumberText("size", record.size);
    return;
  }
  if (!record.has_content()) return;
  file.SetNumberText("size", record.size)
      .Set("md5Checksum", std::string_view(record.md5))
      .Set("sha1Checksum", std::string_view(record.sha1))
      .Set("sha256Checksum", std::string_view(record.sha256))
      .Set("originalFilename", record.original_name.empty()
                                   ? std::string_view(record.name)
                                   : std::string_view(record.original_name))
      .Set("fileExtension", Extension(record.name))
      .Set("fullFileExtension", Extension(record.name))
      .Set("headRevisionId", std::string_view(record.content))
      .Set("webContentLink",
           context.base_url + "/uc?id=" + record.id + "&export=download");
}

}  // namespace

uint64_t FileRecord::quota_bytes() const {
  uint64_t bytes = size;
  for (const Revision& revision : revisions) {
    if (revision.keep_forever) bytes += revision.size;
  }
  return bytes;
}

Json PermissionResource(const Permission& permission,
                        JsonAllocator& allocator) {
  JsonObject object(allocator);
  object.Set("kind", "drive#permission")
      .Set("id", std::string_view(permission.id))
      .Set("type", std::string_view(permission.type))
      .Set("role", std::string_view(permission.role));
  if (permission.type == "anyone" || permission.type == "domain")
    object.Set("allowFileDiscovery", permission.discoverable);
  if (!permission.email.empty()) {
    object.Set("emailAddress", std::string_view(permission.email))
        .Set("displayName", std::string_view(permission.email))
        .Set("deleted", false)
        .Set("pendingOwner", false);
  }
  if (!permission.domain.empty()) {
    object.Set("domain", std::string_view(permission.domain))
        .Set("displayName", std::string_view(permission.domain));
  }
  if (!permission.expires.empty())
    object.Set("expirationTime", std::string_view(permission.expires));
  return object.Take();
}

Json OwnerPermission(const FileContext& context, JsonAllocator& allocator) {
  JsonObject object(allocator);
  object.Set("kind", "drive#permission")
      .Set("id", std::string_view(context.permission_id))
      .Set("type", "user")
      .Set("role", "owner")
      .Set("emailAddress", std::string_view(context.user_email))
      .Set("displayName", std::string_view(context.user_name))
      .Set("deleted", false)
      .Set("pendingOwner", false);
  return object.Take();
}

std::string EncodeRecord(const FileRecord& record) {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  JsonObject object(allocator);
  object.Set("id", std::string_view(record.id))
      .Set("name", std::string_view(record.name))
      .Set("mimeType", std::string_view(record.mime_type))
      .Set("description", std::string_view(record.description))
      .Set("parent", std::string_view(record.parent))
      .Set("properties", record.properties)
      .Set("appProperties", record.app_properties)
      .Set("created", Json(record.created_ms))
      .Set("modified", Json(record.modified_ms))
      .Set("starred", record.starred)
      .Set("trashed", record.trashed)
      .Set("deleted", record.deleted)
      .Set("version", record.version)
      .Set("change", record.change)
      .Set("changed", Json(record.changed_ms))
      .Set("content", std::string_view(record.content))
      .Set("size", record.size)
      .Set("md5", std::string_view(record.md5))
      .Set("sha1", std::string_view(record.sha1))
      .Set("sha256", std::string_view(record.sha256))
      .Set("keepForever", record.keep_forever)
      .Set("revisions", EncodeAll(record.revisions, EncodeRevision, allocator))
      .Set("shortcutTarget", std::string_view(record.shortcut_target))
      .Set("originalName", std::string_view(record.original_name))
      .Set("folderColor", std::string_view(record.folder_color))
      .Set("viewed", Json(record.viewed_ms))
      .Set("copyRequiresWriter", record.copy_requires_writer)
      .Set("writersCannotShare", !record.writers_can_share)
      .Set("permissions",
           EncodeAll(record.permissions, EncodePermission, allocator));
  return JsonText(object.Take());
}

std::optional<FileRecord> DecodeRecord(std::string_view text) {
  const auto document = ParseJson(text);
  if (!document) return std::nullopt;
  FileRecord record;
  const std::pair<const char*, std::string*> strings[] = {
      {"id", &record.id},
      {"name", &record.name},
      {"mimeType", &record.mime_type},
      {"description", &record.description},
      {"parent", &record.parent},
      {"content", &record.content},
      {"md5", &record.md5},
      {"sha1", &record.sha1},
      {"sha256", &record.sha256}};
  for (const auto& [name, field] : strings) {
    auto value = MemberString(*document, name);
    if (!value) return std::nullopt;
    *field = *std::move(value);
  }
  const std::pair<const char*, uint64_t*> numbers[] = {
      {"version", &record.version},
      {"change", &record.change},
      {"size", &record.size}};
  for (const auto& [name, field] : numbers) {
    const auto value = MemberNumber(*document, name);
    if (!value) return std::nullopt;
    *field = *value;
  }
  const Json* created = Member(*document, "created");
  const Json* modified = Member(*document, "modified");
  if (record.id.empty() || created == nullptr || !created->IsInt64() ||
      modified == nullptr || !modified->IsInt64() ||
      !DecodeMap(*document, "properties", &record.properties) ||
      !DecodeMap(*document, "appProperties", &record.app_properties))
    return std::nullopt;
  record.created_ms = created->GetInt64();
  record.modified_ms = modified->GetInt64();
  // Folders from before this was kept lack it.
  const Json* changed = Member(*document, "changed");
  record.changed_ms = changed != nullptr && changed->IsInt64()
                          ? changed->GetInt64()
                          : record.modified_ms;
  // What came later is missing in older folders.
  record.shortcut_target =
      MemberString(*document, "shortcutTarget").value_or("");
  record.original_name = MemberString(*document, "originalName").value_or("");
  record.folder_color = MemberString(*document, "folderColor").value_or("");
  const Json* viewed = Member(*document, "viewed");
  if (viewed != nullptr && viewed->IsInt64())
    record.viewed_ms = viewed->GetInt64();
  record.keep_forever = MemberBool(*document, "keepForever");
  record.copy_requires_writer = MemberBool(*document, "copyRequiresWriter");
  record.writers_can_share = !MemberBool(*document, "writersCannotShare");
  if (!DecodeAll(*document, "revisions", DecodeRevision, &record.revisions) ||
      !DecodeAll(*document, "permissions", DecodePermission,
                 &record.permissions))
    return std::nullopt;
  record.starred = MemberBool(*document, "starred");
  record.trashed = MemberBool(*document, "trashed");
  record.deleted = MemberBool(*document, "deleted");
  return record;
}

Json FileResource(const FileRecord& record, const FileContext& context,
                  JsonAllocator& allocator) {
  JsonObject file(allocator);
  file.Set("kind", "drive#file")
      .Set("id", std::string_view(record.id))
      .Set("name", std::string_view(record.name))
      .Set("mimeType", std::string_view(record.mime_type))
      .Set("starred", record.starred)
      .Set("trashed", context.trashed)
      .Set("explicitlyTrashed", record.trashed)
      .Set("spaces", StringArray("drive", allocator))
      .SetNumberText("version", record.version)
      .Set("webViewLink", context.base_url + "/file/d/" + record.id + "/view")
      .Set("viewedByMe", true)
      .Set("viewedByMeTime",
           FormatTime(record.viewed_ms != 0 ? record.viewed_ms
                                            : record.created_ms))
      .Set("createdTime", FormatTime(record.created_ms))
      .Set("modifiedTime", FormatTime(record.modified_ms))
      .Set("modifiedByMeTime", FormatTime(record.modified_ms))
      .Set("modifiedByMe", true)
      .Set("shared", !context.permissions.empty())
      .Set("ownedByMe", true)
      .Set("viewersCanCopyContent", !record.copy_requires_writer)
      .Set("copyRequiresWriterPermission", record.copy_requires_writer)
      .Set("writersCanShare", record.writers_can_share)
      .Set("isAppAuthorized", true)
      .Set("hasThumbnail", false)
      .Set("thumbnailVersion", "0")
      .Set("lastModifyingUser", User(context, allocator))
      .Set("capabilities", Capabilities(record, allocator))
      .SetNumberText("quotaBytesUsed", record.quota_bytes());
  Json owners(rapidjson::kArrayType);
  owners.PushBack(User(context, allocator), allocator);
  file.Set("owners", std::move(owners));
  Json permissions(rapidjson::kArrayType);
  Json permission_ids(rapidjson::kArrayType);
  permissions.PushBack(OwnerPermission(context, allocator), allocator);
  permission_ids.PushBack(JsonString(context.permission_id, allocator),
                          allocator);
  for (const Permission& permission : context.permissions) {
    permissions.PushBack(PermissionResource(permission, allocator), allocator);
    permission_ids.PushBack(JsonString(permission.id, allocator), allocator);
  }
  file.Set("permissions", std::move(permissions))
      .Set("permissionIds", std::move(permission_ids));
  if (!record.parent.empty())
    file.Set("parents", StringArray(record.parent, allocator));
  if (!record.description.empty())
    file.Set("description", std::string_view(record.description));
  if (!record.properties.empty()) file.Set("properties", record.properties);
  if (!record.app_properties.empty())
    file.Set("appProperties", record.app_properties);
  AddByType(record, context, file, allocator);
  return file.Take();
}

}  // namespace driveroot::fakedrive
