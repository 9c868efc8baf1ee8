// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/drive_api.h"

#include <sys/random.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>

#include "driveroot/net/google_error.h"
#include "driveroot/net/json.h"
#include "driveroot/net/url.h"
#include "driveroot/store/drive/download.h"
#include "driveroot/store/drive/drive_json.h"
#include "driveroot/store/drive/resumable_upload.h"
#include "driveroot/store/drive/sent_content.h"
#include "driveroot/store/drive/stored_file.h"

namespace driveroot {
namespace {

constexpr size_t kMaxIdBytes = 128;
// Google advises resumable uploads beyond this.
constexpr size_t kMaxMultipartBytes = 5'000'000;
constexpr size_t kMaxReserveBytes = 64u << 20;

// A line that occurs in no content: 128 random bits.
std::string NewBoundary() {
  constexpr char kHex[] = "0123456789abcdef";
  unsigned char bytes[16];
  // Cannot fail for so few bytes once the kernel has booted.
  (void)getentropy(bytes, sizeof(bytes));
  std::string boundary = "driveroot-";
  for (const unsigned char byte : bytes) {
    boundary += kHex[byte >> 4];
    boundary += kHex[byte & 15];
  }
  return boundary;
}

// Accepts the metadata of a file only when it is the one that was made.
Status CheckId(const rapidjson::Document& document, std::string_view id) {
  DRIVEROOT_ASSIGN_OR_RETURN(const DriveFile file, ParseDriveFile(document));
  if (file.id != id) return Fail(ErrorCode::kDataLoss, "another file's id");
  return {};
}

}  // namespace

bool IsDriveId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

std::string QuoteForQuery(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  quoted += '\'';
  return quoted;
}

Status DriveApi::CallForJson(HttpRequest request, const Parser& parse,
                             Pacer* pacer) {
  return client_->retrier().Run(request.call, [&](Backoff&) -> Attempt<void> {
    Attempt<HttpResponse> response = client_->Try(&request, {}, pacer);
    if (!response) return std::unexpected(std::move(response).error());
    const Result<rapidjson::Document> document =
        ParseJsonObject(response->body, "it");
    Status accepted =
        document ? parse(*document) : std::unexpected(document.error());
    if (accepted) return {};
    return std::unexpected(
        GarbledAnswer(request.call, accepted.error().message()));
  });
}

Result<std::vector<DriveFile>> DriveApi::List(std::string_view query,
                                              std::string_view fields) {
  const std::string wanted = "nextPageToken,files(" + std::string(fields) + ")";
  std::vector<DriveFile> files;
  std::set<std::string> tokens;
  std::string token;
  do {
    std::string url = endpoints_.drive + "/files?" +
                      EncodeQuery({{"q", query},
                                   {"fields", wanted},
                                   {"pageSize", "1000"},
                                   {"spaces", "drive"}});
    if (!token.empty()) url += "&" + EncodeQuery({{"pageToken", token}});
    DriveFilePage page;
    DRIVEROOT_RETURN_IF_ERROR(CallForJson(
        {.call = "files.list", .url = std::move(url), .accept_gzip = true},
        [&page](const rapidjson::Document& document) -> Status {
          DRIVEROOT_ASSIGN_OR_RETURN(page, ParseFileList(document));
          return {};
        }));
    std::ranges::move(page.files, std::back_inserter(files));
    token = std::move(page.next_page_token);
    if (!token.empty() && !tokens.insert(token).second) {
      return Fail(ErrorCode::kDataLoss,
                  "files.list goes round in circles: a page token came twice");
    }
  } while (!token.empty());
  return files;
}

Result<DriveFile> DriveApi::Get(std::string_view id, std::string_view fields) {
  DriveFile file;
  DRIVEROOT_RETURN_IF_ERROR(
      CallForJson({.call = "files.get",
                   .url = endpoints_.drive + "/files/" + PercentEncode(id) +
                          "?" + EncodeQuery({{"fields", fields}})},
                  [&](const rapidjson::Document& document) -> Status {
                    DRIVEROOT_RETURN_IF_ERROR(CheckId(document, id));
                    DRIVEROOT_ASSIGN_OR_RETURN(file, ParseDriveFile(document));
                    return {};
                  }));
  return file;
}

Result<std::vector<std::string>> DriveApi::GenerateIds(int count) {
  std::vector<std::string> ids;
  DRIVEROOT_RETURN_IF_ERROR(CallForJson(
      {.call = "files.generateIds",
       .url = endpoints_.drive + "/files/generateIds?" +
              EncodeQuery({{"count", std::to_string(count)},
                           {"space", "drive"},
                           {"fields", "ids"}})},
      [&](const rapidjson::Document& document) -> Status {
        DRIVEROOT_ASSIGN_OR_RETURN(ids, ParseGeneratedIds(document, count));
        return {};
      }));
  return ids;
}

Status DriveApi::CreateFolder(const NewDriveFile& folder) {
  const std::string json = NewFileJson(folder);
  Status made = CallForJson(
      {.call = "files.create",
       .method = "POST",
       .url = endpoints_.drive + "/files?fields=id",
       .headers = {{"Content-Type", "application/json; charset=UTF-8"}},
       .body = {json}},
      [&](const rapidjson::Document& document) {
        return CheckId(document, folder.id);
      },
      &write_pacer_);
  if (made || made.error().code() != ErrorCode::kAlreadyExists) return made;
  const Result<DriveFile> there = Get(folder.id, "id,mimeType");
  if (!there && there.error().code() == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kUnavailable,
                "Google Drive says both that the folder " + folder.name +
                    " exists and that it does not");
  }
  if (!there) return std::unexpected(there.error());
  if (there->mime_type == kFolderMimeType) return {};
  return made;
}

Result<DriveFile> DriveApi::Upload(const NewDriveFile& file,
                                   std::string_view bytes,
                                   std::string session) {
  if (bytes.size() > kMaxMultipartBytes) {
    return UploadResumable(file, bytes, std::move(session));
  }
  return SendMultipart(
      {.call = "files.create",
       .method = "POST",
       .url = endpoints_.upload + "/files?uploadType=multipart&" +
              EncodeQuery({{"fields", kContentFields}})},
      file.id, NewFileJson(file), bytes, file.mime_type);
}

Result<DriveFile> DriveApi::SendMultipart(HttpRequest request,
                                          std::string_view id,
                                          std::string_view metadata,
                                          std::string_view bytes,
                                          std::string_view mime_type) {
  const SentContent content(id, bytes);
  StoredFile stored(client_, endpoints_.drive, &content);
  const std::string boundary = NewBoundary();
  const std::string head =
      "--" + boundary +
      "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" +
      std::string(metadata) + "\r\n--" + boundary +
      "\r\nContent-Type: " + std::string(mime_type) + "\r\n\r\n";
  const std::string tail = "\r\n--" + boundary + "--\r\n";
  request.headers.push_back(
      {"Content-Type", "multipart/related; boundary=" + boundary});
  request.body = {head, bytes, tail};
  return client_->retrier().Run(
      request.call, [&](Backoff&) -> Attempt<DriveFile> {
        Attempt<HttpResponse> response =
            client_->Try(&request, {}, &write_pacer_);
        if (!response) return std::unexpected(std::move(response).error());
        return stored.Confirm(request.call, *response);
      });
}

Result<DriveApi::Checked> DriveApi::Check(std::string_view id,
                                          std::string_view bytes) {
  const SentContent content(id, bytes);
  DRIVEROOT_ASSIGN_OR_RETURN(const DriveFile file, Get(id, kContentFields));
  Checked checked{.same = false, .trashed = file.trashed};
  switch (content.Compare(file)) {
    case ContentMatch::kSame:
      checked.same = true;
      break;
    case ContentMatch::kOther:
      break;
    case ContentMatch::kUnknown: {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::string there,
                                 Download(id, 0, bytes.size() + 1));
      checked.same = there == bytes;
      break;
    }
  }
  return checked;
}

Status DriveApi::AwaitTurn() {
  Clock& clock = *client_->clock();
  return clock.Sleep(large_upload_pacer_.Take(clock.Now()));
}

Result<std::string> DriveApi::OpenUploadSession(const NewDriveFile& file) {
  DRIVEROOT_RETURN_IF_ERROR(AwaitTurn());
  ResumableUpload upload(client_, &write_pacer_, endpoints_, file, {});
  DRIVEROOT_RETURN_IF_ERROR(client_->retrier().Run(
      "files.create", [&](Backoff&) { return upload.OpenSession(); }));
  return upload.session();
}

Result<DriveFile> DriveApi::UploadResumable(const NewDriveFile& file,
                                            std::string_view bytes,
                                            std::string session) {
  ResumableUpload upload(client_, &write_pacer_, endpoints_, file, bytes);
  if (session.empty()) {
    DRIVEROOT_RETURN_IF_ERROR(AwaitTurn());
  } else {
    upload.UseSession(std::move(session));
  }
  return client_->retrier().Run("files.create", [&](Backoff& backoff) {
    return upload.Continue(&backoff);
  });
}

Result<DriveFile> DriveApi::Update(std::string_view id,
                                   const DrivePropertyChanges& properties,
                                   std::string_view bytes,
                                   std::string_view mime_type) {
  return SendMultipart({.call = "files.update",
                        .method = "PATCH",
                        .url = endpoints_.upload + "/files/" +
                               PercentEncode(id) + "?uploadType=multipart&" +
                               EncodeQuery({{"fields", kContentFields}})},
                       id, PropertiesJson(properties), bytes, mime_type);
}

Status DriveApi::SetProperties(std::string_view id,
                               const DrivePropertyChanges& properties) {
  const std::string json = PropertiesJson(properties);
  return CallForJson(
      {.call = "files.update",
       .method = "PATCH",
       .url = endpoints_.drive + "/files/" + PercentEncode(id) + "?fields=id",
       .headers = {{"Content-Type", "application/json; charset=UTF-8"}},
       .body = {json}},
      [id](const rapidjson::Document& document) {
        return CheckId(document, id);
      },
      &write_pacer_);
}

Result<std::string> DriveApi::Download(std::string_view id, uint64_t offset,
                                       uint64_t length) {
  std::string bytes;
  bytes.reserve(std::min<uint64_t>(length, kMaxReserveBytes));
  DRIVEROOT_RETURN_IF_ERROR(
      DownloadTo(id, offset, length, [&bytes](std::string_view piece) {
        bytes += piece;
        return true;
      }));
  return bytes;
}

Status DriveApi::DownloadTo(std::string_view id, uint64_t offset,
                            uint64_t length, const ByteSink& sink) {
  RangeDownload download(client_, id,
                         endpoints_.drive + "/files/" + PercentEncode(id),
                         offset, length, sink);
  return client_->retrier().Run("files.download", [&](Backoff& backoff) {
    return download.Continue(&backoff);
  });
}

Status DriveApi::Delete(std::string_view id) {
  HttpRequest request{.call = "files.delete",
                      .method = "DELETE",
                      .url = endpoints_.drive + "/files/" + PercentEncode(id)};
  return client_->retrier().Run(
      request.call, [&](Backoff& backoff) -> Attempt<void> {
        Attempt<HttpResponse> response =
            client_->Try(&request, {}, &write_pacer_);
        // Drive says nothing to that; a page of whoever stands between does.
        if (response && response->body.empty()) return {};
        if (response) {
          return std::unexpected(
              GarbledAnswer(request.call, "it should be empty"));
        }
        if (response.error().http_status == 404 && backoff.failures() > 0) {
          return {};
        }
        return std::unexpected(std::move(response).error());
      });
}

Result<DriveQuota> DriveApi::Quota() {
  DriveQuota quota;
  DRIVEROOT_RETURN_IF_ERROR(CallForJson(
      {.call = "about.get",
       .url = endpoints_.drive + "/about?fields=storageQuota(limit%2Cusage)"},
      [&](const rapidjson::Document& document) -> Status {
        DRIVEROOT_ASSIGN_OR_RETURN(quota, ParseQuota(document));
        return {};
      }));
  return quota;
}

}  // namespace driveroot
