// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/upload_api.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "vmtest/fakedrive/drive/files_api.h"
#include "vmtest/fakedrive/drive/metadata.h"
#include "vmtest/fakedrive/drive/multipart.h"
#include "vmtest/fakedrive/drive/range.h"

namespace driveroot::fakedrive {
namespace {

std::string HeaderOf(const Exchange& exchange, std::string_view name) {
  const std::string* value = exchange.head().headers.Find(name);
  return value != nullptr ? *value : "";
}

Response Incomplete(uint64_t stored) {
  Response response;
  response.status = 308;
  if (stored > 0)
    response.headers.Add("range", "bytes=0-" + std::to_string(stored - 1));
  return response;
}

ApiError SessionGone() {
  ApiError error;
  error.status = 404;
  error.reason = "notFound";
  error.message = "The upload session does not exist or has expired.";
  return error;
}

// A call's view of the parameters that its upload was started with.
Call WithTarget(const Call& call, const Target& target) {
  return {.exchange = call.exchange,
          .target = target,
          .route = call.route,
          .fault = call.fault,
          .base_url = call.base_url};
}

}  // namespace

ApiResult<Response> UploadApi::Start(const Call& call) {
  const std::string* type = call.target.Parameter("uploadType");
  if (auto good = CheckFields(call.target, "file"); !good)
    return std::unexpected(good.error());
  if (type != nullptr && *type == "resumable") return StartResumable(call);
  if (type != nullptr && (*type == "multipart" || *type == "media"))
    return UploadWhole(call);
  return std::unexpected(InvalidParameter(
      "uploadType", "uploadType must be media, multipart or resumable."));
}

ApiResult<FileRecord> UploadApi::Prepare(const std::string& update_id,
                                         const std::string& metadata,
                                         const Target& target,
                                         std::string_view content_type) const {
  const auto json = ParseMetadata(metadata);
  if (!json) return std::unexpected(json.error());
  auto record = update_id.empty()
                    ? PrepareCreate(world_, *json, content_type)
                    : PrepareUpdate(world_, update_id, *json, target,
                                    UpdateOf::kContent, content_type);
  if (record) {
    const auto keep = FlagParameter(target, "keepRevisionForever", false);
    if (!keep) return std::unexpected(keep.error());
    record->keep_forever = *keep;
  }
  if (record && (record->is_folder() || record->is_shortcut()))
    return std::unexpected(BadRequest(
        "Folders and shortcuts have no content: use no upload for them."));
  return record;
}

ApiResult<Response> UploadApi::UploadWhole(const Call& call) {
  const Body& body = call.exchange.body();
  const std::string header = HeaderOf(call.exchange, "content-type");
  MultipartUpload upload{.metadata = "{}",
                         .content_type = header,
                         .offset = 0,
                         .length = body.size()};
  if (*call.target.Parameter("uploadType") == "multipart") {
    const std::string boundary = MultipartBoundary(header);
    if (boundary.empty())
      return std::unexpected(BadRequest(
          "A multipart upload's Content-Type must be multipart/related with a "
          "boundary."));
    auto parsed = ParseMultipart(body, boundary);
    if (!parsed) return std::unexpected(parsed.error());
    upload = *std::move(parsed);
  }
  auto record =
      Prepare(call.route.id, upload.metadata, call.target, upload.content_type);
  if (!record) return std::unexpected(record.error());
  if (auto good = CheckQuota(world_, upload.length); !good)
    return std::unexpected(good.error());
  auto writer = ContentWriter::Open(world_.files->NewSpoolPath());
  if (!writer) return std::unexpected(Internal(writer.error()));
  FAKEDRIVE_RETURN_IF_DISK_ERROR(
      writer->Append(body, upload.offset, upload.length));
  auto content = writer->Finish();
  if (!content) return std::unexpected(Internal(content.error()));
  return Commit(world_, call, *std::move(record), &*content);
}

ApiResult<Response> UploadApi::StartResumable(const Call& call) {
  auto metadata = call.exchange.body().ReadAll(kMaxJsonBytes);
  if (!metadata) return std::unexpected(BadRequest(metadata.error().message()));
  UploadSession session;
  session.update_id = call.route.id;
  session.metadata = *std::move(metadata);
  session.content_type = HeaderOf(call.exchange, "x-upload-content-type");
  session.target = call.exchange.head().target;
  if (const std::string length =
          HeaderOf(call.exchange, "x-upload-content-length");
      !length.empty()) {
    session.total = ParseDecimal(length);
    if (!session.total)
      return std::unexpected(
          BadRequest("Invalid X-Upload-Content-Length: " + length));
  }
  // What would be refused at the end is refused now.
  if (auto record = Prepare(session.update_id, session.metadata, call.target,
                            session.content_type);
      !record)
    return std::unexpected(record.error());
  if (auto good = CheckQuota(world_, session.total.value_or(0)); !good)
    return std::unexpected(good.error());
  const auto added = sessions_.Add(std::move(session));
  if (!added) return std::unexpected(Internal(added.error()));
  Response response;
  response.headers.Add("x-guploader-uploadid", (*added)->name);
  response.headers.Add("location",
                       call.base_url + call.target.path +
                           "?uploadType=resumable&upload_id=" + (*added)->name);
  return response;
}

ApiResult<Response> UploadApi::Continue(const Call& call) {
  const std::string& name = *call.target.Parameter("upload_id");
  if (call.fault.kind == FaultAction::Kind::kExpireSession)
    sessions_.Remove(name);
  UploadSession* session = sessions_.Find(name);
  if (session == nullptr) return std::unexpected(SessionGone());
  const std::string& method = call.exchange.head().method;
  if (method == "DELETE") {
    sessions_.Remove(name);
    Response response;
    response.status = 499;
    return response;
  }
  if (method != "PUT" && method != "POST")
    return std::unexpected(BadRequest("Chunks are sent with PUT or POST."));
  if (!session->done_id.empty()) return AnswerDone(call, *session);
  return TakeChunk(call, session);
}

ApiResult<Response> UploadApi::TakeChunk(const Call& call,
                                         UploadSession* session) {
  const Body& body = call.exchange.body();
  const auto data = sessions_.Data(*session);
  if (!data) return std::unexpected(Internal(data.error()));
  ContentWriter& writer = **data;

  const std::string header = HeaderOf(call.exchange, "content-range");
  // Without the header the body is the whole file.
  ContentRange range{
      .has_bytes = true, .first = 0, .last = 0, .total = body.size()};
  if (!header.empty()) {
    const auto parsed = ParseContentRange(header);
    if (!parsed)
      return std::unexpected(
          BadRequest("Failed to parse Content-Range header."));
    range = *parsed;
    const uint64_t announced =
        range.has_bytes ? range.last - range.first + 1 : 0;
    if (announced != body.size())
      return std::unexpected(
          BadRequest("Invalid request. The Content-Range header announces " +
                     std::to_string(announced) + " byte(s), the body has " +
                     std::to_string(body.size()) + "."));
  }
  if (range.total && session->total && range.total != session->total)
    return std::unexpected(
        BadRequest("Invalid request. The total size was announced as " +
                   std::to_string(*session->total) + " byte(s) before."));
  if (!session->total && range.total && !header.empty()) {
    session->total = range.total;
    FAKEDRIVE_RETURN_IF_DISK_ERROR(sessions_.Save(*session));
  }
  if (!range.has_bytes) {
    // Also of an empty file, which has no other end than "bytes */0".
    if (range.total && writer.size() == *range.total)
      return Finish(call, session);
    return Incomplete(writer.size());
  }

  if (range.first > writer.size())
    return std::unexpected(BadRequest(
        "Invalid request. According to the Content-Range header, the upload "
        "offset is " +
        std::to_string(range.first) +
        " byte(s), which exceeds already uploaded size of " +
        std::to_string(writer.size()) + " byte(s)."));
  const uint64_t end = range.first + body.size();
  const bool last = range.total == end;
  if (!last && body.size() % kChunkGrain != 0)
    return std::unexpected(BadRequest(
        "Invalid request. The number of bytes uploaded must be a multiple of "
        "262144, except for the final request."));
  if (auto good = CheckQuota(world_, range.total.value_or(end)); !good) {
    sessions_.Remove(session->name);
    return std::unexpected(good.error());
  }
  const uint64_t skip = std::min(writer.size() - range.first, body.size());
  uint64_t fresh = body.size() - skip;
  const bool cut = call.fault.kind == FaultAction::Kind::kShort308;
  if (cut)
    fresh = std::min(fresh, call.fault.bytes - call.fault.bytes % kChunkGrain);
  FAKEDRIVE_RETURN_IF_DISK_ERROR(writer.Append(body, skip, fresh));
  if (last && writer.size() == end) return Finish(call, session);
  return Incomplete(writer.size());
}

ApiResult<Response> UploadApi::Finish(const Call& call,
                                      UploadSession* session) {
  const auto target = ParseTarget(session->target);
  if (!target) return std::unexpected(SessionGone());
  auto record = Prepare(session->update_id, session->metadata, *target,
                        session->content_type);
  auto quota = CheckQuota(world_, session->total.value_or(0));
  if (!record || !quota) {
    // E.g. the id was taken or the folder deleted meanwhile.
    ApiError error = !record ? record.error() : quota.error();
    sessions_.Remove(session->name);
    return std::unexpected(std::move(error));
  }
  auto content = sessions_.TakeContent(*session);
  if (!content) return std::unexpected(Internal(content.error()));
  const std::string id = record->id;
  auto response =
      Commit(world_, WithTarget(call, *target), *std::move(record), &*content);
  if (!response) return response;
  session->done_id = id;
  FAKEDRIVE_RETURN_IF_DISK_ERROR(sessions_.Save(*session));
  return response;
}

ApiResult<Response> UploadApi::AnswerDone(const Call& call,
                                          const UploadSession& session) const {
  const FileRecord* record = world_.files->Find(session.done_id);
  const auto target = ParseTarget(session.target);
  if (record == nullptr || !target) return std::unexpected(SessionGone());
  rapidjson::Document document;
  return MaskedResponse(WithTarget(call, *target), "file", kDefaultFileFields,
                        FileResource(*record, ContextOf(world_, call, *record),
                                     document.GetAllocator()));
}

void UploadApi::KeepCutOff(const Exchange& exchange, const Target& target) {
  const std::string* name = target.Parameter("upload_id");
  UploadSession* session = name != nullptr ? sessions_.Find(*name) : nullptr;
  if (session == nullptr || !session->done_id.empty()) return;
  const auto data = sessions_.Data(*session);
  if (!data) {
    LOG(ERROR) << data.error();
    return;
  }
  ContentWriter& writer = **data;
  const std::string header = HeaderOf(exchange, "content-range");
  ContentRange range{.has_bytes = true, .first = 0, .last = 0, .total = {}};
  if (!header.empty()) {
    const auto parsed = ParseContentRange(header);
    if (!parsed) return;
    range = *parsed;
  }
  if (!range.has_bytes || range.first > writer.size()) return;
  const uint64_t come = range.first + exchange.body().size();
  const uint64_t keep = come - come % kChunkGrain;
  if (keep <= writer.size()) return;
  const Status kept = writer.Append(
      exchange.body(), writer.size() - range.first, keep - writer.size());
  if (!kept) LOG(ERROR) << kept.error();
}

}  // namespace driveroot::fakedrive
