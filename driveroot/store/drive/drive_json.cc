// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/drive_json.h"

#include <optional>
#include <utility>

#include "driveroot/net/json.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void WriteString(Writer* writer, std::string_view text) {
  writer->String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void WriteMember(Writer* writer, std::string_view name,
                 std::string_view value) {
  WriteString(writer, name);
  WriteString(writer, value);
}

std::string OptionalString(const rapidjson::Value& value, const char* name) {
  return std::string(JsonString(value, name).value_or(""));
}

}  // namespace

std::string NewFileJson(const NewDriveFile& file) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  WriteMember(&writer, "id", file.id);
  WriteMember(&writer, "name", file.name);
  WriteMember(&writer, "mimeType", file.mime_type);
  if (!file.parent.empty()) {
    WriteString(&writer, "parents");
    writer.StartArray();
    WriteString(&writer, file.parent);
    writer.EndArray();
  }
  if (!file.app_properties.empty()) {
    WriteString(&writer, "appProperties");
    writer.StartObject();
    for (const auto& [key, value] : file.app_properties) {
      WriteMember(&writer, key, value);
    }
    writer.EndObject();
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string PropertiesJson(const DrivePropertyChanges& changes) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  WriteString(&writer, "appProperties");
  writer.StartObject();
  for (const auto& [key, value] : changes) {
    WriteString(&writer, key);
    if (value) {
      WriteString(&writer, *value);
    } else {
      writer.Null();
    }
  }
  writer.EndObject();
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize());
}

Result<DriveFile> ParseDriveFile(const rapidjson::Value& value) {
  DriveFile file{.id = OptionalString(value, "id"),
                 .name = OptionalString(value, "name"),
                 .mime_type = OptionalString(value, "mimeType"),
                 .created_time = OptionalString(value, "createdTime"),
                 .size = JsonUint64(value, "size"),
                 .md5 = OptionalString(value, "md5Checksum"),
                 .sha256 = OptionalString(value, "sha256Checksum")};
  if (!IsDriveId(file.id)) {
    return Fail(ErrorCode::kDataLoss, "a file without a usable id");
  }
  const rapidjson::Value* trashed = JsonMember(value, "trashed");
  file.trashed = trashed != nullptr && trashed->IsTrue();
  const rapidjson::Value* properties = JsonMember(value, "appProperties");
  if (properties != nullptr && properties->IsObject()) {
    for (const auto& property : properties->GetObject()) {
      if (!property.value.IsString()) continue;
      file.app_properties.emplace(
          std::string(property.name.GetString(),
                      property.name.GetStringLength()),
          std::string(property.value.GetString(),
                      property.value.GetStringLength()));
    }
  }
  return file;
}

Result<DriveFilePage> ParseFileList(const rapidjson::Document& document) {
  DriveFilePage page;
  page.next_page_token = OptionalString(document, "nextPageToken");
  const rapidjson::Value* files = JsonMember(document, "files");
  if (files == nullptr || !files->IsArray()) {
    return Fail(ErrorCode::kDataLoss, "a file list without files");
  }
  page.files.reserve(files->Size());
  for (const rapidjson::Value& value : files->GetArray()) {
    DRIVEROOT_ASSIGN_OR_RETURN(DriveFile file, ParseDriveFile(value));
    page.files.push_back(std::move(file));
  }
  return page;
}

Result<std::vector<std::string>> ParseGeneratedIds(
    const rapidjson::Document& document, int count) {
  const rapidjson::Value* ids = JsonMember(document, "ids");
  if (ids == nullptr || !ids->IsArray() ||
      ids->Size() != static_cast<rapidjson::SizeType>(count)) {
    return Fail(ErrorCode::kDataLoss,
                "not the " + std::to_string(count) + " ids asked for");
  }
  std::vector<std::string> parsed;
  parsed.reserve(ids->Size());
  for (const rapidjson::Value& id : ids->GetArray()) {
    if (!id.IsString()) return Fail(ErrorCode::kDataLoss, "an unusable id");
    parsed.emplace_back(id.GetString(), id.GetStringLength());
    if (!IsDriveId(parsed.back())) {
      return Fail(ErrorCode::kDataLoss, "an unusable id");
    }
  }
  return parsed;
}

Result<DriveQuota> ParseQuota(const rapidjson::Document& document) {
  const rapidjson::Value* quota = JsonMember(document, "storageQuota");
  if (quota == nullptr || !quota->IsObject()) {
    return Fail(ErrorCode::kDataLoss, "no storageQuota");
  }
  return DriveQuota{.limit = JsonUint64(*quota, "limit"),
                    .usage = JsonUint64(*quota, "usage").value_or(0)};
}

}  // namespace driveroot
