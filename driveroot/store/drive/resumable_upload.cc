// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/resumable_upload.h"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "driveroot/net/url.h"
#include "driveroot/store/drive/drive_json.h"

namespace driveroot {
namespace {

constexpr int kResumeIncomplete = 308;
constexpr int kNotFound = 404;
constexpr int kGone = 410;

AttemptFailure Transient(std::string message) {
  return {.error = Error(ErrorCode::kUnavailable, std::move(message)),
          .retry = RetryClass::kTransient,
          .retry_after = {},
          .http_status = kResumeIncomplete};
}

// A session URL is sent content and a token, so it must be where uploads go:
// the same origin, or another of Google's.
bool IsTrustedSession(std::string_view session, std::string_view endpoint) {
  const std::optional<UrlParts> to = ParseUrl(session);
  const std::optional<UrlParts> base = ParseUrl(endpoint);
  if (!to || !base || to->scheme != "https") return false;
  if (to->host == base->host && to->port == base->port) return true;
  constexpr std::string_view kGoogle = ".googleapis.com";
  return base->host.ends_with(kGoogle) && to->host.ends_with(kGoogle) &&
         to->port == 443;
}

// How many bytes "bytes=0-N" means; nothing when malformed or above `total`.
std::optional<size_t> ParseStoredRange(std::string_view range, size_t total) {
  constexpr std::string_view kPrefix = "bytes=0-";
  if (!range.starts_with(kPrefix)) return std::nullopt;
  range.remove_prefix(kPrefix.size());
  size_t last = 0;
  const auto [end, error] =
      std::from_chars(range.data(), range.data() + range.size(), last);
  if (error != std::errc() || end != range.data() + range.size() ||
      last >= total) {
    return std::nullopt;
  }
  return last + 1;
}

}  // namespace

Attempt<void> ResumableUpload::OpenSession() {
  const std::string json = NewFileJson(file_);
  HttpRequest request{
      .call = "files.create",
      .method = "POST",
      .url = upload_endpoint_ + "/files?uploadType=resumable&" +
             EncodeQuery({{"fields", kContentFields}}),
      .headers = {{"Content-Type", "application/json; charset=UTF-8"},
                  {"X-Upload-Content-Type", file_.mime_type}},
      .body = {json}};
  // It may be left out, and is as long as nobody knows.
  if (!bytes_.empty()) {
    request.headers.push_back(
        {"X-Upload-Content-Length", std::to_string(bytes_.size())});
  }
  Attempt<HttpResponse> response = client_->Try(&request, {}, pacer_);
  if (!response) return std::unexpected(std::move(response).error());
  const std::string_view location = response->Header("location").value_or("");
  if (!IsTrustedSession(location, upload_endpoint_)) {
    return std::unexpected(
        Transient("the server named no usable address for an upload"));
  }
  UseSession(std::string(location));
  return {};
}

void ResumableUpload::UseSession(std::string session) {
  session_ = std::move(session);
  offset_ = 0;
  offset_known_ = true;
  sent_ = false;
  unproven_ = 0;
}

AttemptFailure ResumableUpload::GiveUpSession(std::string message) {
  session_.clear();
  return Transient(std::move(message));
}

Attempt<void> ResumableUpload::TakeStoredRange(const HttpResponse& response,
                                               Backoff* backoff) {
  // Without the header, nothing is stored.
  const std::optional<std::string_view> range = response.Header("range");
  const std::optional<size_t> stored =
      range ? ParseStoredRange(*range, bytes_.size()) : 0;
  if (!stored || (*stored > 0 && !sent_)) {
    return std::unexpected(
        GiveUpSession("the server says that it stored what was never sent"));
  }
  // What it had is lost, so nothing else that it says is to be relied on.
  if (*stored < offset_) {
    return std::unexpected(
        GiveUpSession("the server lost a part of an upload that it had"));
  }
  if (*stored > most_) {
    most_ = *stored;
    backoff->MadeProgress(client_->clock()->Now());
  }
  offset_ = *stored;
  offset_known_ = true;
  return {};
}

Attempt<std::optional<DriveFile>> ResumableUpload::Put(bool query,
                                                       Backoff* backoff) {
  const std::string total = std::to_string(bytes_.size());
  HttpRequest request{
      .call = query ? "upload.status" : "upload.content",
      .method = "PUT",
      .url = session_,
      .headers = {{"Content-Range",
                   query
                       ? "bytes */" + total
                       : "bytes " + std::to_string(offset_) + "-" +
                             std::to_string(bytes_.size() - 1) + "/" + total}}};
  if (!query) {
    request.body = {bytes_.substr(offset_)};
    sent_ = true;
  }
  offset_known_ = false;
  Attempt<HttpResponse> response =
      client_->Try(&request, {kResumeIncomplete, kNotFound, kGone});
  if (!response) return std::unexpected(std::move(response).error());
  if (response->status == kNotFound || response->status == kGone) {
    return std::unexpected(GiveUpSession("the upload session has expired"));
  }
  if (response->status != kResumeIncomplete) {
    Attempt<DriveFile> file = stored_.Confirm(request.call, *response);
    if (file) return *std::move(file);
    // Asked again, the session may tell more; and if it does not, another one.
    if (++unproven_ > 1) session_.clear();
    return std::unexpected(std::move(file).error());
  }
  const size_t before = offset_;
  if (Attempt<void> taken = TakeStoredRange(*response, backoff); !taken) {
    return std::unexpected(std::move(taken).error());
  }
  if (!query && offset_ <= before) {
    return std::unexpected(Transient("the server took no byte of an upload"));
  }
  return std::nullopt;
}

Attempt<DriveFile> ResumableUpload::Continue(Backoff* backoff) {
  if (session_.empty()) {
    if (Attempt<void> opened = OpenSession(); !opened) {
      return std::unexpected(std::move(opened).error());
    }
  }
  for (;;) {
    const bool query = !offset_known_ || offset_ == bytes_.size();
    Attempt<std::optional<DriveFile>> file = Put(query, backoff);
    if (!file) return std::unexpected(std::move(file).error());
    if (*file) return **std::move(file);
    if (!query || offset_ < bytes_.size()) continue;
    if (++unproven_ > 1) session_.clear();
    return std::unexpected(
        Transient("the server has all bytes of an upload but no file yet"));
  }
}

}  // namespace driveroot
