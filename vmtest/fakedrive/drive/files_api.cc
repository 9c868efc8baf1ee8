// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/files_api.h"

#include <set>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/drive/metadata.h"

namespace driveroot::fakedrive {
ApiResult<Response> Commit(const World& world, const Call& call,
                           FileRecord record, Content* content) {
  const std::string id = record.id;
  FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Put(std::move(record), content));
  const FileRecord& stored = *world.files->Find(id);
  rapidjson::Document document;
  return MaskedResponse(call, "file", kDefaultFileFields,
                        FileResource(stored, ContextOf(world, call, stored),
                                     document.GetAllocator()));
}

ApiResult<Content> EmptyContent(const World& world) {
  auto writer = ContentWriter::Open(world.files->NewSpoolPath());
  if (!writer) return std::unexpected(Internal(writer.error()));
  auto content = writer->Finish();
  if (!content) return std::unexpected(Internal(content.error()));
  return *std::move(content);
}

ApiResult<Response> GetFile(const World& world, const Call& call) {
  const auto record = FindFile(world, call);
  if (!record) return std::unexpected(record.error());
  rapidjson::Document document;
  return MaskedResponse(call, "file", kDefaultFileFields,
                        FileResource(**record, ContextOf(world, call, **record),
                                     document.GetAllocator()));
}

ApiResult<Response> CreateFile(const World& world, const Call& call) {
  const auto metadata = ParseBody(call);
  if (!metadata) return std::unexpected(metadata.error());
  if (auto good = CheckFields(call.target, "file"); !good)
    return std::unexpected(good.error());
  auto record = PrepareCreate(world, *metadata, "");
  if (!record) return std::unexpected(record.error());
  // Folders, shortcuts and Google's own documents have no bytes.
  if (record->mime_type.starts_with("application/vnd.google-apps."))
    return Commit(world, call, *std::move(record), nullptr);
  auto content = EmptyContent(world);
  if (!content) return std::unexpected(content.error());
  return Commit(world, call, *std::move(record), &*content);
}

ApiResult<Response> UpdateFile(const World& world, const Call& call) {
  const auto metadata = ParseBody(call);
  if (!metadata) return std::unexpected(metadata.error());
  if (auto good = CheckFields(call.target, "file"); !good)
    return std::unexpected(good.error());
  auto record = PrepareUpdate(world, call.route.id, *metadata, call.target,
                              UpdateOf::kMetadata, "");
  if (!record) return std::unexpected(record.error());
  return Commit(world, call, *std::move(record), nullptr);
}

ApiResult<Response> CopyFile(const World& world, const Call& call) {
  const auto metadata = ParseBody(call);
  if (!metadata) return std::unexpected(metadata.error());
  if (auto good = CheckFields(call.target, "file"); !good)
    return std::unexpected(good.error());
  auto record = PrepareCopy(world, call.route.id, *metadata);
  if (!record) return std::unexpected(record.error());
  const auto source = FindFile(world, call);
  if (!source) return std::unexpected(source.error());
  if (!(*source)->has_content())
    return Commit(world, call, *std::move(record), nullptr);
  if (auto good = CheckQuota(world, (*source)->size); !good)
    return std::unexpected(good.error());

  auto writer = ContentWriter::Open(world.files->NewSpoolPath());
  if (!writer) return std::unexpected(Internal(writer.error()));
  FAKEDRIVE_RETURN_IF_DISK_ERROR(
      writer->AppendFile(world.files->ContentPath(**source)));
  auto content = writer->Finish();
  if (!content) return std::unexpected(Internal(content.error()));
  return Commit(world, call, *std::move(record), &*content);
}

ApiResult<Response> DeleteFile(const World& world, const Call& call) {
  if (call.route.is_trash) {
    std::vector<std::string> trashed;
    for (const auto& [id, record] : world.files->all()) {
      if (!record.deleted && record.trashed) trashed.push_back(id);
    }
    for (const std::string& id : trashed)
      FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Delete(id));
    return NoContent();
  }
  const auto record = FindFile(world, call);
  if (!record) return std::unexpected(record.error());
  if ((*record)->parent.empty())
    return std::unexpected(
        Forbidden("insufficientFilePermissions",
                  "The user does not have sufficient permissions for this "
                  "file: the root folder cannot be deleted."));
  // A copy: the record goes while it is being deleted.
  const std::string id = (*record)->id;
  FAKEDRIVE_RETURN_IF_DISK_ERROR(world.files->Delete(id));
  return NoContent();
}

ApiResult<Response> GenerateIds(const World& world, const Call& call) {
  const auto count = NumberParameter(call.target, "count", 10, 1, 1000);
  if (!count) return std::unexpected(count.error());
  const std::string* space = call.target.Parameter("space");
  if (space != nullptr && *space != "drive" && *space != "appDataFolder")
    return std::unexpected(InvalidParameter("space", "Invalid Value"));
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  Json ids(rapidjson::kArrayType);
  for (uint64_t i = 0; i < *count; ++i)
    ids.PushBack(JsonString(NewFileId(*world.account), allocator), allocator);
  JsonObject object(allocator);
  object.Set("kind", "drive#generatedIds")
      .Set("space", space != nullptr ? std::string_view(*space) : "drive")
      .Set("ids", std::move(ids));
  return MaskedResponse(call, "", "*", object.Take());
}

}  // namespace driveroot::fakedrive
