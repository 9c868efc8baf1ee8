// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/batch.h"

#include <algorithm>
#include <utility>

#include "vmtest/fakedrive/drive/multipart.h"

namespace driveroot::fakedrive {
namespace {

// Takes a line off `text`, without its CRLF or LF.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Takes header fields and the empty line after them.
bool TakeHeaders(std::string_view* text, Headers* headers) {
  while (true) {
    const std::string_view line = TakeLine(text);
    if (line.empty()) return true;
    const size_t colon = line.find(':');
    if (colon == 0 || colon == line.npos) return false;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t'))
      value.remove_prefix(1);
    headers->Add(AsciiLower(line.substr(0, colon)), value);
  }
}

std::string Find(const Headers& headers, std::string_view name) {
  const std::string* value = headers.Find(name);
  return value != nullptr ? *value : "";
}

ApiResult<BatchCall> ParseCall(std::string_view part) {
  const auto malformed = [] {
    return std::unexpected(BadRequest("Failed to parse batch request."));
  };
  BatchCall call;
  Headers outer;
  if (!TakeHeaders(&part, &outer) ||
      !AsciiLower(Find(outer, "content-type")).starts_with("application/http"))
    return malformed();
  call.content_id = Find(outer, "content-id");
  const std::string_view line = TakeLine(&part);
  const size_t first = line.find(' ');
  if (first == line.npos || first == 0) return malformed();
  const std::string_view rest = line.substr(first + 1);
  const size_t second = std::min(rest.find(' '), rest.size());
  call.head.method = line.substr(0, first);
  call.head.target = rest.substr(0, second);
  call.head.protocol = "HTTP/1.1";
  // Some clients write whole URLs.
  if (const size_t scheme = call.head.target.find("://");
      scheme != std::string::npos) {
    const size_t path = call.head.target.find('/', scheme + 3);
    if (path == std::string::npos) return malformed();
    call.head.target.erase(0, path);
  }
  if (!TakeHeaders(&part, &call.head.headers)) return malformed();
  // The delimiter that follows takes the last line's end along.
  if (const std::string length = Find(call.head.headers, "content-length");
      !length.empty()) {
    const auto size = ParseDecimal(length);
    if (!size || *size > part.size()) return malformed();
    part = part.substr(0, *size);
  }
  call.body = part;
  return call;
}

}  // namespace

ApiResult<std::vector<BatchCall>> ParseBatch(std::string_view body,
                                             std::string_view content_type) {
  const std::string boundary = MultipartBoundary(content_type, "mixed");
  if (boundary.empty())
    return std::unexpected(
        BadRequest("A batch is multipart/mixed with a boundary."));
  const std::string delimiter = "--" + boundary;
  std::vector<BatchCall> calls;
  size_t start = body.find(delimiter);
  while (true) {
    if (start == body.npos)
      return std::unexpected(BadRequest("Failed to parse batch request."));
    start += delimiter.size();
    if (body.substr(start).starts_with("--")) break;
    std::string_view part = body.substr(start);
    TakeLine(&part);
    const size_t next = body.find("\n" + delimiter, start);
    if (next == body.npos)
      return std::unexpected(BadRequest("Failed to parse batch request."));
    part = part.substr(0, next - (body.size() - part.size()));
    if (part.ends_with('\r')) part.remove_suffix(1);
    auto call = ParseCall(part);
    if (!call) return std::unexpected(call.error());
    calls.push_back(*std::move(call));
    if (calls.size() > kMaxBatchCalls)
      return std::unexpected(BadRequest("The batch has more than 100 calls."));
    start = next + 1;
  }
  if (calls.empty())
    return std::unexpected(BadRequest("The batch request was empty."));
  return calls;
}

Response FormatBatch(const std::vector<BatchAnswer>& answers) {
  constexpr std::string_view kBoundary = "batch_fakedrive";
  std::string text;
  for (const auto& [content_id, response] : answers) {
    text += "--" + std::string(kBoundary) + "\r\n";
    text += "Content-Type: application/http\r\n";
    if (!content_id.empty()) {
      std::string id = content_id;
      const size_t angle = id.starts_with('<') ? 1 : 0;
      id.insert(angle, "response-");
      text += "Content-ID: " + SafeHeaderValue(id) + "\r\n";
    }
    text += "\r\nHTTP/1.1 " + std::to_string(response.status) + " " +
            std::string(ReasonPhrase(response.status)) + "\r\n";
    for (const auto& [name, value] : response.headers.all())
      text += name + ": " + SafeHeaderValue(value) + "\r\n";
    text += "content-length: " + std::to_string(response.text.size()) +
            "\r\n\r\n" + response.text + "\r\n";
  }
  text += "--" + std::string(kBoundary) + "--\r\n";
  return TextResponse(200,
                      "multipart/mixed; boundary=" + std::string(kBoundary),
                      std::move(text));
}

}  // namespace driveroot::fakedrive
