// SPDX-License-Identifier: Apache-2.0
//
// A strict HTTP/1.1 request parser (RFC 9112): bytes in, events out, no input
// or output of its own. What is ambiguous is refused, since that is how
// requests get smuggled: bare line feeds, folded lines, blanks before colons,
// Content-Length together with Transfer-Encoding or twice with different
// values, transfer codings other than chunked.
//
//   parser.Append(bytes);
//   for (;;) switch (parser.Next()) { case kNeedMore: return; ... }
//
// Not thread-safe.
#ifndef VMTEST_FAKEDRIVE_SERVER_HTTP1_PARSER_H_
#define VMTEST_FAKEDRIVE_SERVER_HTTP1_PARSER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

class Http1Parser {
 public:
  static constexpr size_t kMaxHeadBytes = size_t{64} << 10;
  static constexpr size_t kMaxFields = 100;
  static constexpr size_t kMaxChunkLine = 1024;

  enum class Event : uint8_t {
    kNeedMore,  // Append more bytes.
    kHead,      // head(), keep_alive() and expects_continue() are set.
    kBody,      // body() is the next piece, valid until the next call.
    kEnd,       // The request is whole. The next call starts another one.
    kError,     // error_status() and error() say why. Nothing follows.
  };

  void Append(std::string_view bytes);
  Event Next();

  const RequestHead& head() const { return head_; }
  bool keep_alive() const { return keep_alive_; }
  bool expects_continue() const { return expects_continue_; }
  std::string_view body() const { return body_; }
  int error_status() const { return error_status_; }
  const std::string& error() const { return error_; }

  // Whether a request has been begun but not ended.
  bool in_request() const {
    return state_ != State::kHead || position_ < buffer_.size();
  }

 private:
  enum class State : uint8_t {
    kHead,
    kSizedBody,
    kChunkSize,
    kChunkData,
    kChunkDataEnd,
    kTrailers,
    kEnd,
    kError
  };

  Event Fail(int status, std::string error);
  Event ParseHead();
  bool ParseRequestLine(std::string_view line);
  bool ParseField(std::string_view line, Headers* headers);
  // Decides how the body is framed and which fields contradict each other.
  bool InterpretHead(std::string_view version);
  Event TakeBody();
  Event ParseChunkSize();
  Event ParseTrailers();
  std::string_view rest() const {
    return std::string_view(buffer_).substr(position_);
  }

  State state_ = State::kHead;
  std::string buffer_;
  size_t position_ = 0;
  RequestHead head_;
  std::string version_;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool chunked_ = false;
  uint64_t body_left_ = 0;  // Of the body or of the chunk.
  size_t trailer_bytes_ = 0;
  std::string_view body_;
  int error_status_ = 0;
  std::string error_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_HTTP1_PARSER_H_
