// SPDX-License-Identifier: Apache-2.0
//
// The values that pass between the HTTP server and whoever answers requests:
// a request's head, its body, and a response. Nothing here knows Drive.
//
// Plain values; not safe for use from several threads at once (the server has
// one thread).
#ifndef VMTEST_FAKEDRIVE_SERVER_HTTP_H_
#define VMTEST_FAKEDRIVE_SERVER_HTTP_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"

namespace driveroot::fakedrive {

// Header fields in the order they came. Names are kept in lower case.
class Headers {
 public:
  void Add(std::string_view name, std::string_view value);

  // The value of the first field of that name (lower case), or null.
  const std::string* Find(std::string_view name) const;

  size_t Count(std::string_view name) const;

  const std::vector<std::pair<std::string, std::string>>& all() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct RequestHead {
  std::string method;
  std::string target;     // As sent: path and query, still percent-encoded.
  std::string protocol;   // "HTTP/1.1" or "HTTP/2"
  std::string authority;  // The Host field or the :authority pseudo-field.
  Headers headers;
  std::optional<uint64_t> content_length;
};

// A request target taken apart and decoded.
struct Target {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;

  // The first parameter of that name, or null.
  const std::string* Parameter(std::string_view name) const;
};

// Fails (nullopt) on a target that does not start with '/' or has a broken
// percent escape or a NUL.
std::optional<Target> ParseTarget(std::string_view target);

// Decodes application/x-www-form-urlencoded.
std::optional<std::vector<std::pair<std::string, std::string>>> ParseForm(
    std::string_view form);

// Encodes everything but the unreserved characters of RFC 3986.
std::string PercentEncode(std::string_view text);

std::string_view ReasonPhrase(int status);

// The form that the Date field has (RFC 9110, 5.6.7).
std::string HttpDate(std::chrono::system_clock::time_point time);

std::string AsciiLower(std::string_view text);

// A number of decimal digits and nothing else; nullopt on overflow.
std::optional<uint64_t> ParseDecimal(std::string_view text);

// Bytes of an open file: [offset, offset + length).
struct FileSlice {
  std::shared_ptr<const UniqueFd> fd;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// What to break on purpose instead of answering as one should.
enum class Abort : uint8_t {
  kNone,
  kStream,      // HTTP/2: RST_STREAM. HTTP/1.1: as kConnection.
  kConnection,  // The TCP connection is reset.
};

struct Response {
  int status = 200;
  Headers headers;  // Without Content-Length: the server adds it.

  // The body: `file` when set, else `text`.
  std::string text;
  std::optional<FileSlice> file;

  // With no body to be sent, e.g. in answer to HEAD.
  bool head_only = false;

  // kNone: answer. Otherwise drop the request, after having sent the first
  // `abort_after` bytes of the body when that is set, and without a word when
  // it is not.
  Abort abort = Abort::kNone;
  std::optional<uint64_t> abort_after;

  // Inverts the body's byte at this offset on its way out.
  std::optional<uint64_t> corrupt_at;

  // Says goodbye after this response: GOAWAY or Connection: close.
  bool last_on_connection = false;

  uint64_t body_size() const { return file ? file->length : text.size(); }

  // Copies up to `size` bytes of the body from `offset` on, corruption
  // included, and returns how many; 0 past the end; -1 if the file cannot be
  // read.
  int64_t ReadBody(uint64_t offset, char* buffer, size_t size) const;
};

// `value` with every control character replaced, so that text from outside
// cannot add a header field.
std::string SafeHeaderValue(std::string_view value);

Response TextResponse(int status, std::string_view content_type,
                      std::string text);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_HTTP_H_
