// SPDX-License-Identifier: Apache-2.0
//
// What is said over a daemon's control socket, for both sides: lines of JSON.
// A request is
//   {"command":"save","arguments":["/tmp/saved.tar"]}
// and its answer any number of
//   {"progress":"text"[,"done":N,"total":N]}
// and then {"ok":true[,…]} or {"error":"message"}. Texts may hold any bytes but
// NUL. Pure; thread-safe.
#ifndef DRIVEROOT_CONTROL_MESSAGE_H_
#define DRIVEROOT_CONTROL_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

// The longest lines without their ends. A path has at most 4096 bytes, which
// may be written as six each.
inline constexpr size_t kMaxRequestBytes = 64 << 10;
inline constexpr size_t kMaxAnswerBytes = 1 << 20;
inline constexpr size_t kMaxArguments = 16;

struct ControlRequest {
  std::string command;
  std::vector<std::string> arguments = {};

  friend bool operator==(const ControlRequest&,
                         const ControlRequest&) = default;
};

// With its line end. kArgumentTooBig, kInvalidArgument: no such line.
Result<std::string> EncodeRequest(const ControlRequest& request);
// Without it. kInvalidArgument.
Result<ControlRequest> ParseRequest(std::string_view line);

struct ControlProgress {
  std::string text;
  uint64_t done = 0;
  uint64_t total = 0;  // 0: not known

  friend bool operator==(const ControlProgress&,
                         const ControlProgress&) = default;
};
struct ControlError {
  std::string message;
};
// The line may have more members.
struct ControlDone {};
using ControlAnswer = std::variant<ControlProgress, ControlError, ControlDone>;

// With their line ends.
std::string EncodeProgress(const ControlProgress& progress);
std::string EncodeError(std::string_view message);
// `members` is JSON such as "\"status\":{…}", or nothing.
std::string EncodeDone(std::string_view members);

// Without a line end. kDataLoss. Control characters in texts, which a terminal
// would obey, are replaced.
Result<ControlAnswer> ParseAnswer(std::string_view line);

// Cuts a stream into lines.
class LineSplitter {
 public:
  explicit LineSplitter(size_t max_bytes) : max_bytes_(max_bytes) {}

  void Add(std::string_view bytes) { buffer_ += bytes; }

  // The next line without its end; nothing when more has to come first.
  // kArgumentTooBig: it is longer than it may be, and no line comes any more.
  Result<std::optional<std::string>> Next();

 private:
  size_t max_bytes_;
  std::string buffer_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CONTROL_MESSAGE_H_
