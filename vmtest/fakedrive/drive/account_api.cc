// SPDX-License-Identifier: Apache-2.0
//
// about.get, changes.getStartPageToken, changes.list and drives.list.
#include <algorithm>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/drive/export_formats.h"
#include "vmtest/fakedrive/drive/files_api.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

// 5 TB, the largest file that Drive takes.
constexpr uint64_t kMaxUploadBytes = 5'242'880'000'000;

Json ChangeResource(const World& world, const Call& call,
                    const FileRecord& record, JsonAllocator& allocator) {
  JsonObject change(allocator);
  change.Set("kind", "drive#change")
      .Set("type", "file")
      .Set("changeType", "file")
      .Set("time", FormatTime(record.changed_ms))
      .Set("removed", record.deleted)
      .Set("fileId", std::string_view(record.id));
  if (!record.deleted)
    change.Set("file",
               FileResource(record, ContextOf(world, call, record), allocator));
  return change.Take();
}

Json FormatsJson(const Formats& formats, JsonAllocator& allocator) {
  JsonObject object(allocator);
  for (const auto& [from, to] : formats) {
    Json array(rapidjson::kArrayType);
    for (const std::string_view type : to)
      array.PushBack(JsonString(type, allocator), allocator);
    object.Set(from, std::move(array));
  }
  return object.Take();
}

}  // namespace

ApiResult<Response> GetAbout(const World& world, const Call& call) {
  if (FieldsParameter(call.target) == nullptr) {
    ApiError error = InvalidParameter(
        "fields", "The 'fields' parameter is required for this method.");
    error.reason = "required";
    return std::unexpected(std::move(error));
  }
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  JsonObject user(allocator);
  user.Set("kind", "drive#user")
      .Set("displayName", kUserName)
      .Set("me", true)
      .Set("permissionId", std::string_view(world.account->permission_id()))
      .Set("emailAddress", kUserEmail);
  JsonObject quota(allocator);
  if (world.settings->quota_bytes > 0)
    quota.SetNumberText("limit", world.settings->quota_bytes);
  quota.SetNumberText("usage", world.files->bytes_used())
      .SetNumberText("usageInDrive", world.files->bytes_used())
      .SetNumberText("usageInDriveTrash", world.files->bytes_in_trash());
  JsonObject about(allocator);
  about.Set("kind", "drive#about")
      .Set("user", user.Take())
      .Set("storageQuota", quota.Take())
      .SetNumberText("maxUploadSize", kMaxUploadBytes)
      .Set("appInstalled", true)
      .Set("canCreateDrives", false)
      .Set("importFormats", FormatsJson(AllImportFormats(), allocator))
      .Set("exportFormats", FormatsJson(AllExportFormats(), allocator));
  return MaskedResponse(call, "about", "*", about.Take());
}

ApiResult<Response> GetChanges(const World& world, const Call& call) {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  const uint64_t start = world.files->last_change() + 1;
  if (call.route.is_start_token) {
    JsonObject object(allocator);
    object.Set("kind", "drive#startPageToken")
        .SetNumberText("startPageToken", start);
    return MaskedResponse(call, "", "*", object.Take());
  }
  const auto page_size = PageSizeParameter(call.target);
  if (!page_size) return std::unexpected(page_size.error());
  if (call.target.Parameter("pageToken") == nullptr) {
    ApiError error =
        InvalidParameter("pageToken", "Required parameter: pageToken");
    error.reason = "required";
    return std::unexpected(std::move(error));
  }
  const auto first = NumberParameter(call.target, "pageToken", 0, 1, start);
  if (!first) return std::unexpected(first.error());

  const auto with_removed = FlagParameter(call.target, "includeRemoved", true);
  if (!with_removed) return std::unexpected(with_removed.error());

  std::vector<const FileRecord*> records;
  for (const auto& [id, record] : world.files->all()) {
    if (record.deleted && !*with_removed) continue;
    // The root folder's making is no change that anybody sees.
    if (record.change >= *first && (record.deleted || !record.parent.empty()))
      records.push_back(&record);
  }
  std::ranges::sort(records, {}, &FileRecord::change);
  Json changes(rapidjson::kArrayType);
  JsonObject list(allocator);
  list.Set("kind", "drive#changeList");
  const bool last_page = records.size() <= *page_size;
  if (!last_page) {
    records.resize(*page_size);
    list.SetNumberText("nextPageToken", records.back()->change + 1);
  } else {
    list.SetNumberText("newStartPageToken", start);
  }
  for (const FileRecord* record : records)
    changes.PushBack(ChangeResource(world, call, *record, allocator),
                     allocator);
  list.Set("changes", std::move(changes));
  return MaskedResponse(
      call, "changeList",
      "kind,newStartPageToken,nextPageToken,changes(kind,type,changeType,time,"
      "removed,fileId,file(kind,id,name,mimeType))",
      list.Take());
}

// There are no shared drives, as in an account without an organisation, but
// clients ask.
ApiResult<Response> AnswerDrives(const World& /*world*/, const Call& call) {
  const std::string& method = call.exchange.head().method;
  if (!call.route.id.empty()) {
    ApiError error = FileNotFound(call.route.id);
    error.message = "Shared drive not found: " + call.route.id;
    error.location = "driveId";
    return std::unexpected(std::move(error));
  }
  if (method == "POST")
    return std::unexpected(Forbidden("userCannotCreateTeamDrives",
                                     "The user cannot create shared drives."));
  if (auto size = PageSizeParameter(call.target); !size)
    return std::unexpected(size.error());
  const bool is_team = call.target.path.ends_with("/teamdrives");
  rapidjson::Document document;
  JsonObject list(document.GetAllocator());
  list.Set("kind", is_team ? "drive#teamDriveList" : "drive#driveList")
      .Set(is_team ? "teamDrives" : "drives", Json(rapidjson::kArrayType));
  return MaskedResponse(call, "", "*", list.Take());
}

}  // namespace driveroot::fakedrive
