// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/stored_file.h"

#include "driveroot/net/json.h"
#include "driveroot/net/url.h"
#include "driveroot/store/drive/download.h"
#include "driveroot/store/drive/drive_json.h"

namespace driveroot {
namespace {

constexpr int kNotFound = 404;

Result<DriveFile> FileOf(const HttpResponse& response) {
  DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                             ParseJsonObject(response.body, "it"));
  return ParseDriveFile(document);
}

}  // namespace

Attempt<DriveFile> StoredFile::Confirm(std::string_view call,
                                       const HttpResponse& response) const {
  const Result<DriveFile> answered = FileOf(response);
  if (answered && content_->Compare(*answered) == ContentMatch::kSame) {
    return *answered;
  }
  HttpRequest request{.call = "files.get",
                      .url = drive_endpoint_ + "/files/" +
                             PercentEncode(content_->id()) + "?" +
                             EncodeQuery({{"fields", kContentFields}})};
  Attempt<HttpResponse> asked = client_->Try(&request, {kNotFound});
  if (!asked) return std::unexpected(std::move(asked).error());
  if (asked->status == kNotFound) {
    return std::unexpected(
        GarbledAnswer(call, "it promises a file, and there is none"));
  }
  const Result<DriveFile> file = FileOf(*asked);
  if (!file || content_->Compare(*file) != ContentMatch::kSame) {
    return std::unexpected(GarbledAnswer(
        call, "neither it nor the file's metadata names what was sent"));
  }
  return *file;
}

}  // namespace driveroot
