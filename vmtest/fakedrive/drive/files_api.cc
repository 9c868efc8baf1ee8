// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/files_api.h"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/drive/metadata.h"
#include "vmtest/fakedrive/drive/range.h"

namespace driveroot::fakedrive {
namespace {

ApiResult<const FileRecord*> FindFile(const World& world, const Call& call) {
  const FileRecord* record =
      world.files->Find(ResolveId(*world.account, call.route.id));
  if (record == nullptr) return std::unexpected(FileNotFound(call.route.id));
  return record;
}

ApiError RangeNotSatisfiable(uint64_t size) {
  ApiError error;
  error.status = 416;
  error.reason = "requestedRangeNotSatisfiable";
  error.message = "Request range not satisfiable";
  error.location = "Range";
  error.location_type = "header";
  error.headers.Add("content-range", "bytes */" + std::to_string(size));
  return error;
}

Response NoContent() {
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

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

ApiResult<Response> DownloadFile(const World& world, const Call& call) {
  const auto found = FindFile(world, call);
  if (!found) return std::unexpected(found.error());
  const FileRecord& record = **found;
  if (!record.has_content())
    return std::unexpected(Forbidden(
        "fileNotDownloadable",
        "Only files with binary content can be directly downloaded. Use Export "
        "with Docs Editors files."));

  ByteRange range;
  if (const std::string* header = call.exchange.head().headers.Find("range"))
    range = ParseRange(*header, record.size);
  if (range.kind == ByteRange::Kind::kUnsatisfiable)
    return std::unexpected(RangeNotSatisfiable(record.size));
  if (range.kind == ByteRange::Kind::kWhole)
    range = {.kind = range.kind, .offset = 0, .length = record.size};

  const std::string path = world.files->ContentPath(record);
  auto file = std::make_shared<const UniqueFd>(
      open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file->valid())
    return std::unexpected(
        Internal(Error::FromErrno(errno, "cannot open " + path)));
  Response response;
  response.headers.Add("content-type", record.mime_type);
  response.headers.Add("accept-ranges", "bytes");
  response.headers.Add("cache-control", "private, max-age=0");
  if (range.kind == ByteRange::Kind::kPart) {
    response.status = 206;
    response.headers.Add("content-range",
                         "bytes " + std::to_string(range.offset) + "-" +
                             std::to_string(range.offset + range.length - 1) +
                             "/" + std::to_string(record.size));
  }
  response.file = FileSlice{
      .fd = std::move(file), .offset = range.offset, .length = range.length};
  return response;
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
