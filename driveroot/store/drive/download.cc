// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/download.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "driveroot/net/google_error.h"
#include "driveroot/net/json.h"
#include "driveroot/net/url.h"
#include "driveroot/store/drive/drive_json.h"
#include "driveroot/store/drive/sent_content.h"

namespace driveroot {
namespace {

constexpr std::string_view kCall = "files.download";

// Longer than the longest file that Drive stores (5 TB): offsets are bounded by
// it, so that no sum overflows.
constexpr uint64_t kBeyondAnyFile = uint64_t{1} << 43;
// Room for an error body where a few content bytes were asked for.
constexpr uint64_t kErrorBodyBytes = 64u << 10;
// Fewer bytes are no progress for which a broken download may go on and on.
constexpr uint64_t kWorthwhileBytes = 64u << 10;

constexpr int kPartial = 206;
constexpr int kForbidden = 403;
constexpr int kRangeNotSatisfiable = 416;

// What "1234" or "*" after the slash of a Content-Range means.
std::optional<uint64_t> ParseTotal(std::string_view text) {
  uint64_t total = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, total);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return total;
}

// The first byte, the count and, unless it is not known, the file's size in
// "bytes 0-99/1234"; nothing when malformed.
struct ContentRange {
  uint64_t first = 0;
  uint64_t count = 0;
  std::optional<uint64_t> total = {};
};
std::optional<ContentRange> ParseContentRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  uint64_t first = 0;
  uint64_t last = 0;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, first);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '-') {
    return std::nullopt;
  }
  parsed = std::from_chars(parsed.ptr + 1, end, last);
  if (parsed.ec != std::errc() || last < first || last >= kBeyondAnyFile ||
      parsed.ptr == end || *parsed.ptr != '/') {
    return std::nullopt;
  }
  return ContentRange{
      .first = first,
      .count = last - first + 1,
      .total = ParseTotal(std::string_view(parsed.ptr + 1, end))};
}

// The size of the file in the "bytes */1234" of a refused range.
std::optional<uint64_t> SizeOfRefused(const HttpResponse& response) {
  constexpr std::string_view kPrefix = "bytes */";
  const std::string_view text = response.Header("content-range").value_or("");
  if (!text.starts_with(kPrefix)) return std::nullopt;
  return ParseTotal(text.substr(kPrefix.size()));
}

}  // namespace

AttemptFailure GarbledAnswer(std::string_view call, const std::string& detail) {
  return {.error = Error(
              ErrorCode::kUnavailable,
              "the answer to " + std::string(call) + " is garbled: " + detail),
          .retry = RetryClass::kTransient,
          .retry_after = {},
          .http_status = 200};
}

// At least a byte is asked for: an empty range cannot be written, yet a missing
// file must be noticed.
RangeDownload::RangeDownload(ApiClient* client, std::string_view id,
                             std::string url, uint64_t offset, uint64_t length,
                             const DriveApi::ByteSink& sink)
    : client_(client),
      id_(id),
      url_(std::move(url)),
      first_(std::min(offset, kBeyondAnyFile)),
      count_(std::clamp<uint64_t>(length, 1, kBeyondAnyFile)),
      discard_(length == 0),
      sink_(sink) {}

Attempt<void> RangeDownload::Continue(Backoff* backoff) {
  const uint64_t before = given_;
  Attempt<HttpResponse> response = Ask();
  if (given_ >= before + kWorthwhileBytes) {
    backoff->MadeProgress(client_->clock()->Now());
  }
  if (unwanted_) return std::unexpected(Unwanted());
  if (!refusal_.empty()) {
    return std::unexpected(GarbledAnswer(kCall, refusal_));
  }
  if (!response) return std::unexpected(std::move(response).error());
  return Judge(*response);
}

AttemptFailure RangeDownload::Unwanted() {
  return {.error = Error(ErrorCode::kCancelled, "the rest is not wanted"),
          .retry = RetryClass::kNever,
          .retry_after = {}};
}

Attempt<HttpResponse> RangeDownload::Ask() {
  promised_.reset();
  taken_ = 0;
  file_size_.reset();
  whole_.clear();
  refusal_.clear();
  const uint64_t begin = first_ + given_;
  HttpRequest request{
      .call = kCall,
      .url = url_ + "?alt=media" +
             (acknowledge_abuse_ ? "&acknowledgeAbuse=true" : ""),
      .headers = {{"Range", "bytes=" + std::to_string(begin) + "-" +
                                std::to_string(first_ + count_ - 1)}},
      .max_response_bytes = count_ - given_ + kErrorBodyBytes,
      .on_body = [this](const HttpResponse& head,
                        std::string_view piece) { return Take(head, piece); },
      .fresh_connection = fresh_connection_};
  Attempt<HttpResponse> response =
      client_->Try(&request, {kRangeNotSatisfiable, kForbidden});
  fresh_connection_ = request.fresh_connection;
  return response;
}

bool RangeDownload::Take(const HttpResponse& head, std::string_view piece) {
  // Ranges are those of the file's own bytes.
  if (head.Header("content-encoding").value_or("identity") != "identity") {
    return Refuse("it is compressed");
  }
  if (head.status != kPartial) {
    // Fine when it is a whole file that is no longer than what was asked for,
    // which shows at its end.
    whole_ += piece;
    if (first_ + given_ == 0 && whole_.size() <= count_) return true;
    return Refuse("the range was ignored");
  }
  if (!promised_) {
    const std::optional<ContentRange> range =
        ParseContentRange(head.Header("content-range").value_or(""));
    if (!range || range->first != first_ + given_ ||
        range->count > count_ - given_) {
      return Refuse("another range than asked for");
    }
    promised_ = range->count;
    file_size_ = range->total;
  }
  taken_ += piece.size();
  if (taken_ > *promised_) return Refuse("longer than its range");
  return GiveToSink(piece);
}

bool RangeDownload::GiveToSink(std::string_view piece) {
  given_ += piece.size();
  if (discard_ || piece.empty() || sink_(piece)) return true;
  unwanted_ = true;
  return false;
}

bool RangeDownload::Refuse(const char* reason) {
  refusal_ = reason;
  return false;
}

Attempt<void> RangeDownload::Judge(const HttpResponse& response) {
  if (response.status == kRangeNotSatisfiable) return JudgeEnd(response);
  if (response.status == kForbidden) {
    // Google's scanner dislikes the bytes; their owner may have them anyway.
    // On clean files the parameter is an error, so it is added only now.
    AttemptFailure failure = FailureFromResponse(kCall, response);
    if (GoogleErrorReason(response.body) != "cannotDownloadAbusiveFile" ||
        acknowledge_abuse_) {
      return std::unexpected(std::move(failure));
    }
    acknowledge_abuse_ = true;
    Attempt<HttpResponse> again = Ask();
    if (!again) return std::unexpected(std::move(again).error());
    return Judge(*again);
  }
  if (response.status != kPartial) return JudgeWhole();
  if (!promised_ || taken_ != *promised_) {
    return std::unexpected(GarbledAnswer(kCall, "shorter than its range"));
  }
  // A range that ends where neither the one asked for nor the file does.
  if (given_ < count_ && (!file_size_ || first_ + given_ < *file_size_)) {
    return std::unexpected(GarbledAnswer(kCall, "shorter than asked for"));
  }
  return {};
}

Attempt<void> RangeDownload::JudgeEnd(const HttpResponse& response) {
  std::optional<uint64_t> size = SizeOfRefused(response);
  if (!size) {
    Attempt<DriveFile> file = AskForMetadata();
    if (!file) return std::unexpected(std::move(file).error());
    size = file->size;
  }
  if (size && first_ + given_ >= *size) return {};
  return std::unexpected(
      GarbledAnswer(kCall, "it refuses a range that the file has"));
}

Attempt<void> RangeDownload::JudgeWhole() {
  Attempt<DriveFile> file = AskForMetadata();
  if (!file) return std::unexpected(std::move(file).error());
  if (SentContent(id_, whole_).Compare(*file) != ContentMatch::kSame) {
    return std::unexpected(GarbledAnswer(kCall, "it is not the file"));
  }
  if (!GiveToSink(whole_)) return std::unexpected(Unwanted());
  return {};
}

Attempt<DriveFile> RangeDownload::AskForMetadata() {
  HttpRequest request{
      .call = "files.get",
      .url = url_ + "?" + EncodeQuery({{"fields", kContentFields}})};
  Attempt<HttpResponse> response = client_->Try(&request);
  if (!response) return std::unexpected(std::move(response).error());
  const Result<rapidjson::Document> document =
      ParseJsonObject(response->body, "it");
  Result<DriveFile> file =
      document ? ParseDriveFile(*document) : std::unexpected(document.error());
  if (file) return *std::move(file);
  return std::unexpected(GarbledAnswer(request.call, file.error().message()));
}

}  // namespace driveroot
