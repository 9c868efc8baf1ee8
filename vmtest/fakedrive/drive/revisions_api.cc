// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/revisions_api.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/drive/downloads.h"
#include "vmtest/fakedrive/drive/times.h"

namespace driveroot::fakedrive {
namespace {

constexpr std::string_view kDefaultFields = "kind,id,mimeType,modifiedTime";
// Google keeps at most so many for ever.
constexpr std::ptrdiff_t kMaxKeptForever = 200;

Revision Head(const FileRecord& file) {
  return {.content = file.content,
          .mime_type = file.mime_type,
          .size = file.size,
          .md5 = file.md5,
          .sha1 = file.sha1,
          .sha256 = file.sha256,
          .modified_ms = file.modified_ms,
          .keep_forever = file.keep_forever};
}

// Oldest first, the head last.
std::vector<Revision> AllRevisions(const FileRecord& file) {
  std::vector<Revision> revisions = file.revisions;
  if (file.has_content()) revisions.push_back(Head(file));
  return revisions;
}

Json RevisionResource(const FileRecord& file, const Revision& revision,
                      JsonAllocator& allocator) {
  JsonObject object(allocator);
  object.Set("kind", "drive#revision")
      .Set("id", std::string_view(revision.content))
      .Set("mimeType", std::string_view(revision.mime_type))
      .Set("modifiedTime", FormatTime(revision.modified_ms))
      .Set("keepForever", revision.keep_forever)
      .Set("published", false)
      .Set("md5Checksum", std::string_view(revision.md5))
      .Set("originalFilename", file.original_name.empty()
                                   ? std::string_view(file.name)
                                   : std::string_view(file.original_name))
      .SetNumberText("size", revision.size);
  return object.Take();
}

ApiError RevisionNotFound(const std::string& id) {
  ApiError error = FileNotFound(id);
  error.message = "Revision not found: " + id + ".";
  error.location = "revisionId";
  return error;
}

ApiResult<Response> ListRevisions(const Call& call, const FileRecord& file) {
  const auto page_size = PageSizeParameter(call.target);
  if (!page_size) return std::unexpected(page_size.error());
  // A page token is the id of the first revision of the page.
  const std::vector<Revision> all = AllRevisions(file);
  auto next = all.begin();
  if (const std::string* token = call.target.Parameter("pageToken");
      token != nullptr && !token->empty()) {
    next = std::ranges::find(all, *token, &Revision::content);
    if (next == all.end())
      return std::unexpected(InvalidParameter("pageToken", "Invalid Value"));
  }
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  Json revisions(rapidjson::kArrayType);
  for (; next != all.end() && revisions.Size() < *page_size; ++next)
    revisions.PushBack(RevisionResource(file, *next, allocator), allocator);
  JsonObject list(allocator);
  list.Set("kind", "drive#revisionList");
  if (next != all.end())
    list.Set("nextPageToken", std::string_view(next->content));
  list.Set("revisions", std::move(revisions));
  return MaskedResponse(
      call, "revisionList",
      "kind,nextPageToken,revisions(kind,id,mimeType,modifiedTime)",
      list.Take());
}

ApiResult<Response> UpdateRevision(const World& world, const Call& call,
                                   FileRecord file, const std::string& id) {
  const auto body = ParseBody(call);
  if (!body) return std::unexpected(body.error());
  for (const auto& [key, value] : body->GetObject()) {
    const std::string_view name = JsonView(key);
    if (name.starts_with("publish")) return std::unexpected(NotSimulated(name));
    if (name != "keepForever" || !value.IsBool())
      return std::unexpected(
          BadRequest("Invalid value for: " + std::string(name)));
  }
  const auto past = std::ranges::find(file.revisions, id, &Revision::content);
  bool& keep =
      past == file.revisions.end() ? file.keep_forever : past->keep_forever;
  if (Member(*body, "keepForever") != nullptr)
    keep = MemberBool(*body, "keepForever");
  const auto kept = std::ranges::count_if(
      AllRevisions(file), [](const Revision& it) { return it.keep_forever; });
  if (kept > kMaxKeptForever)
    return std::unexpected(
        Forbidden("keepForeverLimitExceeded",
                  "At most 200 revisions of a file can be kept forever."));
  rapidjson::Document document;
  const Revision shown = past == file.revisions.end() ? Head(file) : *past;
  auto response =
      MaskedResponse(call, "revision", kDefaultFields,
                     RevisionResource(file, shown, document.GetAllocator()));
  if (!response) return response;
  FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Put(std::move(file), nullptr));
  return response;
}

ApiResult<Response> DeleteRevision(const World& world, FileRecord file,
                                   const std::string& id) {
  const auto past = std::ranges::find(file.revisions, id, &Revision::content);
  if (past == file.revisions.end())
    return std::unexpected(Forbidden("cannotDeleteHeadRevision",
                                     "The head revision cannot be deleted."));
  file.revisions.erase(past);
  FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Put(std::move(file), nullptr));
  return NoContent();
}

}  // namespace

ApiResult<Response> AnswerRevisions(const World& world, const Call& call) {
  const auto found = FindFile(world, call);
  if (!found) return std::unexpected(found.error());
  const FileRecord& file = **found;
  if (file.is_folder() || file.is_shortcut())
    return std::unexpected(Forbidden("revisionsNotSupported",
                                     "The file does not support revisions."));
  if (call.route.sub_id.empty()) return ListRevisions(call, file);
  const std::string id =
      call.route.sub_id == "head" ? file.content : call.route.sub_id;
  const std::vector<Revision> all = AllRevisions(file);
  const auto revision = std::ranges::find(all, id, &Revision::content);
  if (revision == all.end()) return std::unexpected(RevisionNotFound(id));
  const std::string& method = call.exchange.head().method;
  if (method == "PATCH") return UpdateRevision(world, call, file, id);
  if (method == "DELETE") return DeleteRevision(world, file, id);
  if (const std::string* alt = call.target.Parameter("alt");
      alt != nullptr && *alt == "media") {
    FileRecord then = file;
    then.content = revision->content;
    then.size = revision->size;
    then.mime_type = revision->mime_type;
    return SendContent(world, call, then);
  }
  rapidjson::Document document;
  return MaskedResponse(
      call, "revision", kDefaultFields,
      RevisionResource(file, *revision, document.GetAllocator()));
}

}  // namespace driveroot::fakedrive
