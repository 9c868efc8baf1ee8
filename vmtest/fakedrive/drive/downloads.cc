// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/downloads.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "vmtest/fakedrive/drive/export_formats.h"
#include "vmtest/fakedrive/drive/range.h"

namespace driveroot::fakedrive {
namespace {

// The largest export, as at Google.
constexpr uint64_t kMaxExportBytes = uint64_t{10} << 20;

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

ApiError Missing(std::string_view parameter) {
  ApiError error = InvalidParameter(
      parameter, "Required parameter: " + std::string(parameter));
  error.reason = "required";
  return error;
}

std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

Response Operation(const std::string& name, const std::string& uri) {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  JsonObject response(allocator);
  response
      .Set("@type",
           "type.googleapis.com/google.apps.drive.v3.DownloadFileResponse")
      .Set("downloadUri", std::string_view(uri))
      .Set("partialDownloadAllowed", true);
  JsonObject operation(allocator);
  operation.Set("name", std::string_view(name))
      .Set("done", true)
      .Set("response", response.Take());
  return TextResponse(200, kJsonType, JsonText(operation.Take()));
}

}  // namespace

ApiResult<Response> SendContent(const World& world, const Call& call,
                                const FileRecord& record) {
  if (!record.has_content() || record.is_editor_file())
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
  if (call.fault.kind == FaultAction::Kind::kShortRange)
    range.length =
        std::min(range.length, std::max<uint64_t>(call.fault.bytes, 1));
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

ApiResult<Response> DownloadFile(const World& world, const Call& call) {
  const auto found = FindFile(world, call);
  if (!found) return std::unexpected(found.error());
  // Of a file that is not flagged nothing needs to be acknowledged, but saying
  // it does no harm.
  if (auto flag = FlagParameter(call.target, "acknowledgeAbuse", false); !flag)
    return std::unexpected(flag.error());
  return SendContent(world, call, **found);
}

ApiResult<Response> ExportFile(const World& world, const Call& call) {
  const auto found = FindFile(world, call);
  if (!found) return std::unexpected(found.error());
  FileRecord record = **found;
  const std::string* type = call.target.Parameter("mimeType");
  if (type == nullptr || type->empty())
    return std::unexpected(Missing("mimeType"));
  if (!record.is_editor_file())
    return std::unexpected(Forbidden(
        "fileNotExportable", "Export only supports Docs Editors files."));
  if (std::ranges::count(ExportFormats(record.mime_type), *type) == 0)
    return std::unexpected(BadRequest(
        "The requested conversion is not supported: " + *type + "."));
  if (record.size > kMaxExportBytes)
    return std::unexpected(Forbidden("exportSizeLimitExceeded",
                                     "This file is too large to be exported."));
  if (!record.has_content()) return TextResponse(200, *type, "");
  record.mime_type = *type;
  return SendContent(world, call, record);
}

ApiResult<Response> StartDownload(const World& world, const Call& call) {
  const auto found = FindFile(world, call);
  if (!found) return std::unexpected(found.error());
  const FileRecord& record = **found;
  const std::string* type = call.target.Parameter("mimeType");
  const std::string* revision = call.target.Parameter("revisionId");
  const auto& formats = ExportFormats(record.mime_type);
  std::string path = "/drive/v3/files/" + record.id;
  if (record.is_editor_file()) {
    const std::string format = type != nullptr   ? *type
                               : formats.empty() ? std::string()
                                                 : std::string(formats.front());
    if (std::ranges::count(formats, format) == 0)
      return std::unexpected(
          InvalidParameter("mimeType", "The conversion is not supported."));
    path += "/export?mimeType=" + PercentEncode(format);
  } else if (type != nullptr) {
    return std::unexpected(InvalidParameter(
        "mimeType", "Only documents of Google's editors have a choice."));
  } else if (!record.has_content()) {
    return std::unexpected(Forbidden(
        "fileNotDownloadable", "Only files with content can be downloaded."));
  } else if (revision != nullptr) {
    path += "/revisions/" + PercentEncode(*revision) + "?alt=media";
  } else {
    path += "?alt=media";
  }
  // The name carries what it is about, so that nothing needs to be remembered.
  return Operation(world.account->sealer().Seal("operation", path),
                   call.base_url + path);
}

ApiResult<Response> GetOperation(const World& world, const Call& call) {
  const auto path = world.account->sealer().Open("operation", call.route.id);
  if (!path) return std::unexpected(FileNotFound(call.route.id));
  return Operation(call.route.id, call.base_url + *path);
}

bool IsPublic(const World& world, const FileRecord& record) {
  return std::ranges::any_of(
      EffectivePermissions(*world.files, record),
      [](const Permission& each) { return each.type == "anyone"; });
}

ApiResult<Response> FollowPublicLink(const World& world, const Call& call) {
  const std::string* id = call.target.Parameter("id");
  const FileRecord* record = id != nullptr ? world.files->Find(*id) : nullptr;
  if (record == nullptr || world.files->IsTrashed(*record))
    return TextResponse(404, "text/html; charset=utf-8",
                        "<!DOCTYPE html><title>Not found</title>\n");
  if (!IsPublic(world, *record)) {
    Response response = TextResponse(302, "text/html; charset=utf-8", "");
    response.headers.Add("location", call.base_url + "/ServiceLogin");
    return response;
  }
  auto response = SendContent(world, call, *record);
  if (response)
    response->headers.Add("content-disposition",
                          "attachment; filename=" + Quoted(record->name));
  return response;
}

}  // namespace driveroot::fakedrive
