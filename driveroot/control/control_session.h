// SPDX-License-Identifier: Apache-2.0
//
// A conversation with the daemon that serves a mounted volume: message.h has
// what is said, address.h where. Only who mounted it is talked to.
//
// Commands: "status" (the last line has the daemon's status), "commit" and
// "shutdown" (everything accepted so far is made durable; the volume stays
// mounted), "close" (the same, and nothing can be changed any more: the machine
// stops without an unmount), "finish" (the same before an unmount: in order,
// too, when the volume was taken over and nothing is lost), "ended" (waits
// until the mount is gone and all is stored; "in_use" is true when it is not
// gone; with the argument "discard" what cannot be stored is let go of), "save"
// with a path (what is not durable is written to an archive).
//
// Not thread-safe.
#ifndef DRIVEROOT_CONTROL_CONTROL_SESSION_H_
#define DRIVEROOT_CONTROL_CONTROL_SESSION_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/control/message.h"

namespace driveroot {

class ControlSession {
 public:
  // Receives lines such as "uploading: 3 of 12".
  using ProgressSink = std::function<void(const std::string&)>;

  // `device` is MAJOR:MINOR of the mount.
  static Result<ControlSession> Connect(std::string_view device);

  // To the daemon of the volume that `path` lies on. kNotFound: it lies on
  // none.
  static Result<ControlSession> ConnectTo(const std::string& path);

  // Takes over a connected socket.
  explicit ControlSession(UniqueFd socket);

  // Sends a command, waits for its end, and returns the last line of the
  // answer. Gives up (kUnavailable) when the daemon says nothing for
  // `silence_limit`; kIo when it closes the socket.
  Result<std::string> Request(const ControlRequest& request,
                              std::chrono::milliseconds silence_limit,
                              const ProgressSink& progress);
  // The same without arguments.
  Result<std::string> Request(std::string_view command,
                              std::chrono::milliseconds silence_limit,
                              const ProgressSink& progress);

  // The two halves of Request().
  Status Send(const ControlRequest& request);
  Result<std::string> Receive(std::chrono::milliseconds silence_limit,
                              const ProgressSink& progress);

  // Waits until the daemon has closed its end, at most `limit`.
  bool WaitForClose(std::chrono::milliseconds limit);

 private:
  // Appends to lines_; false at the end of the stream.
  Result<bool> ReadMore(std::chrono::milliseconds limit);

  UniqueFd socket_;
  LineSplitter lines_{kMaxAnswerBytes};
};

}  // namespace driveroot

#endif  // DRIVEROOT_CONTROL_CONTROL_SESSION_H_
