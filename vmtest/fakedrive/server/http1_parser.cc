// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/http1_parser.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace driveroot::fakedrive {
namespace {

// RFC 9110, section 5.6.2.
bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') ||
         (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

bool IsFieldValueChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

bool IsTargetChar(char c) { return c > 0x20 && c < 0x7f; }

std::string_view TrimBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Whether a comma-separated list holds `token`, whatever the case.
bool ListHas(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    if (AsciiLower(TrimBlanks(list.substr(0, end))) == token) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

void Http1Parser::Append(std::string_view bytes) {
  // body_ points into the buffer and is dead by now.
  if (position_ > 0) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  buffer_.append(bytes);
}

Http1Parser::Event Http1Parser::Fail(int status, std::string error) {
  state_ = State::kError;
  error_status_ = status;
  error_ = std::move(error);
  return Event::kError;
}

Http1Parser::Event Http1Parser::Next() {
  for (;;) {
    switch (state_) {
      case State::kHead:
        return ParseHead();
      case State::kSizedBody:
      case State::kChunkData:
        if (body_left_ > 0) return TakeBody();
        state_ = chunked_ ? State::kChunkDataEnd : State::kEnd;
        break;
      case State::kChunkSize: {
        const Event event = ParseChunkSize();
        if (event != Event::kBody) return event;
        break;
      }
      case State::kChunkDataEnd:
        if (rest().size() < 2) return Event::kNeedMore;
        if (!rest().starts_with("\r\n"))
          return Fail(400, "a chunk does not end with CRLF");
        position_ += 2;
        state_ = State::kChunkSize;
        break;
      case State::kTrailers: {
        const Event event = ParseTrailers();
        if (event != Event::kEnd) return event;
        break;
      }
      case State::kEnd:
        state_ = State::kHead;
        return Event::kEnd;
      case State::kError:
        return Event::kError;
    }
  }
}

Http1Parser::Event Http1Parser::ParseHead() {
  // One empty line before a request is forgiven (RFC 9112, section 2.2).
  if (rest().starts_with("\r\n")) position_ += 2;
  const std::string_view text = rest();
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || end > kMaxHeadBytes) {
    if (text.size() > kMaxHeadBytes)
      return Fail(431, "the request's head is too large");
    // A lone LF would otherwise wait for ever for its CR.
    for (size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
      if (at == 0 || text[at - 1] != '\r')
        return Fail(400, "a line does not end with CRLF");
    }
    return Event::kNeedMore;
  }

  std::string_view lines = text.substr(0, end);
  head_ = RequestHead();
  bool first = true;
  while (first || !lines.empty()) {
    const size_t line_end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, line_end);
    lines.remove_prefix(std::min(line_end + 2, lines.size()));
    const bool good =
        first ? ParseRequestLine(line) : ParseField(line, &head_.headers);
    if (!good) return Event::kError;
    first = false;
    if (head_.headers.all().size() > kMaxFields)
      return Fail(431, "the request has too many header fields");
  }
  position_ += end + 4;
  if (!InterpretHead(version_)) return Event::kError;
  return Event::kHead;
}

bool Http1Parser::ParseRequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    Fail(400, "the request line is malformed");
    return false;
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method) || target.empty() ||
      !std::all_of(target.begin(), target.end(), IsTargetChar)) {
    Fail(400, "the request line is malformed");
    return false;
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool is_http = version.starts_with("HTTP/");
    Fail(is_http ? 505 : 400, "the HTTP version is not 1.0 or 1.1");
    return false;
  }
  head_.method = method;
  head_.target = target;
  head_.protocol = version;
  version_ = version;
  return true;
}

bool Http1Parser::ParseField(std::string_view line, Headers* headers) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    Fail(400, "a header field's name is malformed");
    return false;
  }
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), IsFieldValueChar)) {
    Fail(400, "a header field's value holds control characters");
    return false;
  }
  headers->Add(line.substr(0, colon), value);
  return true;
}

bool Http1Parser::InterpretHead(std::string_view version) {
  const bool old_version = version == "HTTP/1.0";
  const Headers& headers = head_.headers;
  const size_t hosts = headers.Count("host");
  if (hosts > 1 || (hosts == 0 && !old_version)) {
    Fail(400, "the request needs exactly one Host field");
    return false;
  }
  if (hosts == 1) head_.authority = *headers.Find("host");

  keep_alive_ = !old_version;
  if (const std::string* connection = headers.Find("connection")) {
    if (ListHas(*connection, "close")) keep_alive_ = false;
    if (old_version && ListHas(*connection, "keep-alive")) keep_alive_ = true;
  }
  expects_continue_ = false;
  if (const std::string* expect = headers.Find("expect")) {
    if (AsciiLower(*expect) != "100-continue") {
      Fail(417, "the only expectation understood is 100-continue");
      return false;
    }
    expects_continue_ = !old_version;
  }

  chunked_ = false;
  body_left_ = 0;
  for (const auto& [name, value] : headers.all()) {
    if (name != "content-length") continue;
    const auto length = ParseDecimal(value);
    if (!length || (head_.content_length && head_.content_length != length)) {
      Fail(400, "the Content-Length is malformed");
      return false;
    }
    head_.content_length = length;
  }
  if (const std::string* coding = headers.Find("transfer-encoding")) {
    if (head_.content_length || old_version ||
        headers.Count("transfer-encoding") > 1) {
      Fail(400, "the request's length is ambiguous");
      return false;
    }
    if (AsciiLower(*coding) != "chunked") {
      Fail(501, "the only transfer coding understood is chunked");
      return false;
    }
    chunked_ = true;
    trailer_bytes_ = 0;
    state_ = State::kChunkSize;
    return true;
  }
  body_left_ = head_.content_length.value_or(0);
  state_ = State::kSizedBody;
  return true;
}

Http1Parser::Event Http1Parser::TakeBody() {
  const std::string_view text = rest();
  if (text.empty()) return Event::kNeedMore;
  body_ = text.substr(
      0, static_cast<size_t>(std::min<uint64_t>(body_left_, text.size())));
  body_left_ -= body_.size();
  position_ += body_.size();
  return Event::kBody;
}

// kBody means: parsed, go on.
Http1Parser::Event Http1Parser::ParseChunkSize() {
  const std::string_view text = rest();
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    if (text.size() > kMaxChunkLine)
      return Fail(400, "a chunk's size line is too long");
    return Event::kNeedMore;
  }
  if (end == 0 || text[end - 1] != '\r' || end > kMaxChunkLine)
    return Fail(400, "a chunk's size line is malformed");
  const std::string_view line = text.substr(0, end - 1);
  const std::string_view digits =
      TrimBlanks(line.substr(0, std::min(line.find(';'), line.size())));
  uint64_t size = 0;
  const auto [parsed_end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (digits.empty() || error != std::errc() ||
      parsed_end != digits.data() + digits.size())
    return Fail(400, "a chunk's size is malformed");
  position_ += end + 1;
  body_left_ = size;
  state_ = size == 0 ? State::kTrailers : State::kChunkData;
  return Event::kBody;
}

// kEnd means: parsed, go on.
Http1Parser::Event Http1Parser::ParseTrailers() {
  for (;;) {
    const std::string_view text = rest();
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) {
      if (text.size() + trailer_bytes_ > kMaxHeadBytes)
        return Fail(431, "the trailers are too large");
      return Event::kNeedMore;
    }
    trailer_bytes_ += end + 1;
    if (trailer_bytes_ > kMaxHeadBytes)
      return Fail(431, "the trailers are too large");
    if (end == 0 || text[end - 1] != '\r')
      return Fail(400, "a trailer does not end with CRLF");
    const std::string_view line = text.substr(0, end - 1);
    position_ += end + 1;
    if (line.empty()) {
      state_ = State::kEnd;
      return Event::kEnd;
    }
    // Checked and dropped: nothing here reads trailers.
    Headers ignored;
    if (!ParseField(line, &ignored)) return Event::kError;
  }
}

}  // namespace driveroot::fakedrive
