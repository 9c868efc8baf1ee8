// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/multipart.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {
namespace {

// What comes before the second part's bytes must fit in this.
constexpr uint64_t kMaxPreambleBytes = uint64_t{1} << 20;
constexpr uint64_t kScanPiece = uint64_t{256} << 10;
// RFC 2046, section 5.1.1.
constexpr size_t kMaxBoundary = 70;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

ApiError Malformed(std::string_view why) {
  return BadRequest("Malformed multipart body: " + std::string(why) + ".");
}

struct PartHead {
  std::string content_type;
  std::string encoding;
  size_t end = 0;  // Where the part's bytes start.
};

// Reads the header lines of a part that start at `at`.
std::optional<PartHead> ReadPartHead(std::string_view text, size_t at,
                                     std::string_view eol) {
  PartHead head;
  for (;;) {
    const size_t line_end = text.find(eol, at);
    if (line_end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(at, line_end - at);
    at = line_end + eol.size();
    if (line.empty()) {
      head.end = at;
      return head;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string name = AsciiLower(line.substr(0, colon));
    const std::string_view value = Trim(line.substr(colon + 1));
    if (name == "content-type") head.content_type = value;
    if (name == "content-transfer-encoding") head.encoding = AsciiLower(value);
  }
}

// Where `delimiter` first stands in the body at or after `from`.
ApiResult<uint64_t> FindInBody(const Body& body, uint64_t from,
                               std::string_view delimiter) {
  while (from < body.size()) {
    const uint64_t piece =
        std::min<uint64_t>(kScanPiece + delimiter.size(), body.size() - from);
    const auto text = body.Read(from, piece);
    if (!text) return std::unexpected(Internal(text.error()));
    const size_t at = text->find(delimiter);
    if (at != std::string::npos) return from + at;
    if (piece <= kScanPiece) break;
    from += kScanPiece;
  }
  return std::unexpected(Malformed("the closing boundary is missing"));
}

}  // namespace

std::string MultipartBoundary(std::string_view content_type,
                              std::string_view subtype) {
  size_t semicolon = std::min(content_type.find(';'), content_type.size());
  if (AsciiLower(Trim(content_type.substr(0, semicolon))) !=
      "multipart/" + std::string(subtype))
    return "";
  while (semicolon < content_type.size()) {
    content_type.remove_prefix(semicolon + 1);
    semicolon = std::min(content_type.find(';'), content_type.size());
    const std::string_view parameter = Trim(content_type.substr(0, semicolon));
    const size_t equals = std::min(parameter.find('='), parameter.size());
    if (AsciiLower(parameter.substr(0, equals)) != "boundary") continue;
    std::string_view value =
        parameter.substr(std::min(equals + 1, parameter.size()));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    return value.size() > kMaxBoundary ? "" : std::string(value);
  }
  return "";
}

ApiResult<MultipartUpload> ParseMultipart(const Body& body,
                                          std::string_view boundary) {
  const auto read =
      body.Read(0, std::min<uint64_t>(body.size(), kMaxPreambleBytes));
  if (!read) return std::unexpected(Internal(read.error()));
  std::string_view text = *read;

  const std::string dashed = "--" + std::string(boundary);
  size_t at = 0;
  if (text.starts_with("\r\n")) at = 2;
  if (!text.substr(at).starts_with(dashed))
    return std::unexpected(Malformed("it does not start with the boundary"));
  at += dashed.size();
  const bool crlf = text.substr(at).starts_with("\r\n");
  const std::string eol = crlf ? "\r\n" : "\n";
  if (!text.substr(at).starts_with(eol))
    return std::unexpected(Malformed("the first boundary has no line end"));
  const auto first = ReadPartHead(text, at + eol.size(), eol);
  if (!first) return std::unexpected(Malformed("the first part has no head"));
  if (!AsciiLower(first->content_type).starts_with("application/json"))
    return std::unexpected(Malformed("the first part is not JSON"));

  const std::string delimiter = eol + dashed;
  const size_t first_end = text.find(delimiter, first->end);
  if (first_end == std::string_view::npos)
    return std::unexpected(Malformed("the first part does not end"));
  at = first_end + delimiter.size();
  if (!text.substr(at).starts_with(eol))
    return std::unexpected(Malformed("there is no second part"));
  const auto second = ReadPartHead(text, at + eol.size(), eol);
  if (!second) return std::unexpected(Malformed("the second part has no head"));
  if (!second->encoding.empty() && second->encoding != "binary" &&
      second->encoding != "8bit" && second->encoding != "7bit")
    return std::unexpected(Malformed("the transfer encoding " +
                                     second->encoding + " is not supported"));

  // An empty part's delimiter starts with the line end that ends its head.
  const auto end = FindInBody(body, second->end - eol.size(), delimiter);
  if (!end) return std::unexpected(end.error());
  const uint64_t tail = *end + delimiter.size();
  const auto closing =
      body.Read(tail, std::min<uint64_t>(2, body.size() - tail));
  if (!closing) return std::unexpected(Internal(closing.error()));
  if (*closing != "--")
    return std::unexpected(Malformed("there are more than two parts"));
  MultipartUpload upload;
  upload.metadata = text.substr(first->end, first_end - first->end);
  upload.content_type = second->content_type;
  upload.offset = second->end;
  upload.length = *end > second->end ? *end - second->end : 0;
  return upload;
}

}  // namespace driveroot::fakedrive
