// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/download.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "driveroot/net/google_error.h"

namespace driveroot {
namespace {

constexpr std::string_view kCall = "files.download";

// Longer than the longest file that Drive stores (5 TB): offsets are bounded by
// it, so that no sum overflows.
constexpr uint64_t kBeyondAnyFile = uint64_t{1} << 43;
// Room for an error body where a few content bytes were asked for.
constexpr uint64_t kErrorBodyBytes = 64u << 10;

constexpr int kPartial = 206;
constexpr int kForbidden = 403;
constexpr int kRangeNotSatisfiable = 416;

// The first byte and the count of "bytes 0-99/1234"; nothing when malformed.
struct ContentRange {
  uint64_t first = 0;
  uint64_t count = 0;
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
  if (parsed.ec != std::errc() || last < first || last >= kBeyondAnyFile) {
    return std::nullopt;
  }
  return ContentRange{.first = first, .count = last - first + 1};
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
RangeDownload::RangeDownload(ApiClient* client, std::string url,
                             uint64_t offset, uint64_t length,
                             const DriveApi::ByteSink& sink)
    : client_(client),
      url_(std::move(url)),
      first_(std::min(offset, kBeyondAnyFile)),
      count_(std::clamp<uint64_t>(length, 1, kBeyondAnyFile)),
      discard_(length == 0),
      sink_(sink) {}

Attempt<void> RangeDownload::Continue(Backoff* backoff) {
  const uint64_t before = given_;
  Attempt<HttpResponse> response = Ask();
  if (given_ > before) backoff->MadeProgress(client_->clock()->Now());
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
  whole_.clear();
  refusal_.clear();
  const uint64_t begin = first_ + given_;
  HttpRequest request{
      .call = kCall,
      .url = url_,
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
  if (response.status == kRangeNotSatisfiable) return {};
  if (response.status == kForbidden) {
    // Google's scanner dislikes the bytes; their owner may have them anyway.
    // On clean files the parameter is an error, so it is added only now.
    constexpr std::string_view kAcknowledge = "&acknowledgeAbuse=true";
    AttemptFailure failure = FailureFromResponse(kCall, response);
    if (GoogleErrorReason(response.body) != "cannotDownloadAbusiveFile" ||
        url_.ends_with(kAcknowledge)) {
      return std::unexpected(std::move(failure));
    }
    url_ += kAcknowledge;
    Attempt<HttpResponse> again = Ask();
    if (!again) return std::unexpected(std::move(again).error());
    return Judge(*again);
  }
  if (response.status == kPartial) {
    if (promised_ && taken_ == *promised_) return {};
    return std::unexpected(GarbledAnswer(kCall, "shorter than its range"));
  }
  if (!GiveToSink(whole_)) return std::unexpected(Unwanted());
  return {};
}

}  // namespace driveroot
