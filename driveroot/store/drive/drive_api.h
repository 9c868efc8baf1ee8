// SPDX-License-Identifier: Apache-2.0
//
// The calls of the Google Drive API v3 that driveroot makes, as functions on
// plain values:
// https://developers.google.com/workspace/drive/api/reference/rest/v3
//
// Every method blocks, retries by the client's policy, and may be called from
// any thread. Answers are not trusted: what does not parse, or names an id that
// no id can be, counts as garbled and is asked for again.
//
// Errors: those of FailureFromResponse() (driveroot/net/google_error.h), and
// kUnavailable, kUnauthenticated and kCancelled from below.
//
// What is sent counts as stored when Drive has named its id, its size and a
// checksum of it, in the answer or, if that proves nothing, when asked for the
// file's metadata. A 2xx status alone proves nothing.
#ifndef DRIVEROOT_STORE_DRIVE_DRIVE_API_H_
#define DRIVEROOT_STORE_DRIVE_DRIVE_API_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/api_client.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/pacer.h"
#include "rapidjson/document.h"

namespace driveroot {

inline constexpr std::string_view kFolderMimeType =
    "application/vnd.google-apps.folder";

// A file or folder, as far as the call asked for it.
struct DriveFile {
  std::string id = {};
  std::string name = {};
  std::string mime_type = {};
  std::string created_time = {};  // RFC 3339
  std::optional<uint64_t> size = {};
  std::string md5 = {};     // hexadecimal, as is
  std::string sha256 = {};  // this
  // It, or a folder that it lies in, is in the trash.
  bool trashed = false;
  std::map<std::string, std::string> app_properties = {};
};

// The metadata of a file that is about to be made.
struct NewDriveFile {
  std::string id = {};  // from GenerateIds()
  std::string name = {};
  std::string parent = {};  // empty: the root of My Drive
  std::string mime_type = {};
  std::map<std::string, std::string> app_properties = {};
};

// Private properties to be set, or without a value to be removed.
using DrivePropertyChanges = std::map<std::string, std::optional<std::string>>;

struct DriveQuota {
  std::optional<uint64_t> limit = {};  // bytes; none: unlimited
  uint64_t usage = 0;
};

// At most 128 of the characters that Drive ids have.
bool IsDriveId(std::string_view id);

// A string for a search query, in quotes.
std::string QuoteForQuery(std::string_view text);

class DriveApi {
 public:
  // `client` outlives the object.
  DriveApi(ApiClient* client, Endpoints endpoints)
      : client_(client), endpoints_(std::move(endpoints)) {}

  // All files that match a search query; `fields` of each, e.g. "id,name".
  Result<std::vector<DriveFile>> List(std::string_view query,
                                      std::string_view fields);

  Result<DriveFile> Get(std::string_view id, std::string_view fields);

  // `count` (1 to 1000) fresh ids for new files.
  Result<std::vector<std::string>> GenerateIds(int count);

  // Makes a folder. Fine also if a folder has the id already, as when an answer
  // was lost. kAlreadyExists: something else has it.
  Status CreateFolder(const NewDriveFile& folder);

  // Creates a file with content, in one request up to 5 MB, which is Google's
  // advice, and by a resumable upload beyond. Returns what Drive confirmed.
  // `session`: one that OpenUploadSession() gave for the same file, or empty.
  //
  // kAlreadyExists: the id is taken, says Drive, perhaps by this very call when
  // an answer was lost: Check() tells.
  Result<DriveFile> Upload(const NewDriveFile& file, std::string_view bytes,
                           std::string session = {});

  // Whether file `id` holds exactly `bytes`. kNotFound: there is no such file.
  struct Checked {
    bool same = false;
    bool trashed = false;
  };
  Result<Checked> Check(std::string_view id, std::string_view bytes);

  // Begins a resumable upload of content that is not known yet.
  Result<std::string> OpenUploadSession(const NewDriveFile& file);

  // Replaces the content of a file and changes its private properties, in one
  // request: up to 5 MB. Returns what Drive confirmed.
  Result<DriveFile> Update(std::string_view id,
                           const DrivePropertyChanges& properties,
                           std::string_view bytes, std::string_view mime_type);

  // Changes the private properties alone.
  Status SetProperties(std::string_view id,
                       const DrivePropertyChanges& properties);

  // Bytes [offset, offset + length), fewer at the end of the file.
  Result<std::string> Download(std::string_view id, uint64_t offset,
                               uint64_t length);

  // The same, while it arrives, on the thread that called. A download that
  // breaks goes on behind what was given already. kCancelled: `sink` returned
  // false.
  using ByteSink = std::function<bool(std::string_view)>;
  Status DownloadTo(std::string_view id, uint64_t offset, uint64_t length,
                    const ByteSink& sink);

  // Deletes for good, past the trash. A file that vanished between the first
  // attempt and a retry counts as deleted.
  Status Delete(std::string_view id);

  Result<DriveQuota> Quota();

  ApiClient& client() { return *client_; }

 private:
  using Parser = std::function<Status(const rapidjson::Document&)>;

  // Calls until `parse` accepts the answer, which must be a JSON object.
  Status CallForJson(HttpRequest request, const Parser& parse,
                     Pacer* pacer = nullptr);

  // Sends `metadata` and `bytes` as the two parts of `request`, and expects the
  // file `id` to come back.
  Result<DriveFile> SendMultipart(HttpRequest request, std::string_view id,
                                  std::string_view metadata,
                                  std::string_view bytes,
                                  std::string_view mime_type);
  Result<DriveFile> UploadResumable(const NewDriveFile& file,
                                    std::string_view bytes,
                                    std::string session);
  // Waits until it is a large upload's turn to begin.
  Status AwaitTurn();

  ApiClient* client_;
  Endpoints endpoints_;
  Pacer write_pacer_;  // Google limits creates and changes together
  // Large uploads take most of a second each, so to begin several at once gains
  // nothing but refusals.
  Pacer large_upload_pacer_{std::chrono::milliseconds(350)};
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DRIVE_API_H_
