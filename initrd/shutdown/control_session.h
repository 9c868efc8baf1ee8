// SPDX-License-Identifier: Apache-2.0
//
// A conversation with the daemon that serves a mounted volume, over the
// abstract Unix socket "driveroot/MAJOR:MINOR" named after the mount's device.
// A request is {"command": NAME} and a line end; the answer is any number of
//   {"progress": "text"[, "done": N, "total": N]}
// and then {"ok": true, ...} or {"error": "message"}, a line each.
//
// Not thread-safe.
#ifndef INITRD_SHUTDOWN_CONTROL_SESSION_H_
#define INITRD_SHUTDOWN_CONTROL_SESSION_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {

class ControlSession {
 public:
  // Receives lines such as "uploading: 3 of 12".
  using ProgressSink = std::function<void(const std::string&)>;

  // `device` is MAJOR:MINOR of the mount.
  static Result<ControlSession> Connect(std::string_view device);

  // Takes over a connected socket.
  explicit ControlSession(UniqueFd socket);

  // Sends a command and waits for its end. Gives up (kUnavailable) when the
  // daemon says nothing for `silence_limit`; kIo when it closes the socket.
  Status Request(std::string_view command,
                 std::chrono::milliseconds silence_limit,
                 const ProgressSink& progress);

  // Waits until the daemon has closed its end, at most `limit`.
  bool WaitForClose(std::chrono::milliseconds limit);

 private:
  // Appends to buffer_; false at the end of the stream.
  Result<bool> ReadMore(std::chrono::milliseconds limit);

  UniqueFd socket_;
  std::string buffer_;
};

}  // namespace driveroot

#endif  // INITRD_SHUTDOWN_CONTROL_SESSION_H_
