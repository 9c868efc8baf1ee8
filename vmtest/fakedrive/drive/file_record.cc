// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/file_record.h"

#include <utility>

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

std::string Extension(const std::string& name) {
  const size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? "" : name.substr(dot + 1);
}

}  // namespace

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
      .Set("sha256", std::string_view(record.sha256));
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
      .Set("createdTime", FormatTime(record.created_ms))
      .Set("modifiedTime", FormatTime(record.modified_ms))
      .Set("modifiedByMeTime", FormatTime(record.modified_ms))
      .Set("modifiedByMe", true)
      .Set("shared", false)
      .Set("ownedByMe", true)
      .Set("viewersCanCopyContent", true)
      .Set("copyRequiresWriterPermission", false)
      .Set("writersCanShare", true)
      .Set("isAppAuthorized", true)
      .Set("lastModifyingUser", User(context, allocator))
      .Set("capabilities", Capabilities(record, allocator))
      .Set("permissionIds", StringArray(context.permission_id, allocator))
      .SetNumberText("quotaBytesUsed", record.size);
  Json owners(rapidjson::kArrayType);
  owners.PushBack(User(context, allocator), allocator);
  file.Set("owners", std::move(owners));
  if (!record.parent.empty())
    file.Set("parents", StringArray(record.parent, allocator));
  if (!record.description.empty())
    file.Set("description", std::string_view(record.description));
  if (!record.properties.empty()) file.Set("properties", record.properties);
  if (!record.app_properties.empty())
    file.Set("appProperties", record.app_properties);
  if (record.is_folder()) file.Set("folderColorRgb", "#8f8f8f");
  if (record.has_content()) {
    file.SetNumberText("size", record.size)
        .Set("md5Checksum", std::string_view(record.md5))
        .Set("sha1Checksum", std::string_view(record.sha1))
        .Set("sha256Checksum", std::string_view(record.sha256))
        .Set("originalFilename", std::string_view(record.name))
        .Set("fileExtension", Extension(record.name))
        .Set("fullFileExtension", Extension(record.name))
        .Set("headRevisionId", std::string_view(record.content))
        .Set("webContentLink",
             context.base_url + "/uc?id=" + record.id + "&export=download");
  }
  return file.Take();
}

}  // namespace driveroot::fakedrive
