// SPDX-License-Identifier: Apache-2.0
//
// ControlServer is the daemon's end of what control_session.h describes. Only
// root and the daemon's own user are answered.
//
// Thread-safe.
#ifndef DRIVEROOT_CONTROL_CONTROL_SERVER_H_
#define DRIVEROOT_CONTROL_CONTROL_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/control/message.h"

namespace driveroot {

class ControlServer {
 public:
  using ProgressSink =
      std::function<void(std::string_view text, uint64_t done, uint64_t total)>;
  // Carries a command out, in a thread of its own, and returns the members that
  // the last line has besides "ok": JSON such as "\"status\":{…}", or nothing.
  // An unknown command is kInvalidArgument.
  using Handler = std::function<Result<std::string>(
      const ControlRequest& request, const ProgressSink& progress)>;

  // Serves the mount with this device number until it is destroyed, which waits
  // for commands that are being carried out. `is_mounted` says whether that
  // mount is still there, so that the number is not another's; null: it is.
  static Result<std::unique_ptr<ControlServer>> Start(
      dev_t device, Handler handler,
      std::function<bool()> is_mounted = nullptr);

  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

  // Takes no more conversations; those that there are go on. Call it when the
  // mount is gone.
  void StopAccepting();

 private:
  struct Connection {
    UniqueFd socket;
    bool done = false;  // guarded by mutex_
    std::thread thread;
  };

  ControlServer(UniqueFd listener, UniqueFd stop, Handler handler,
                std::function<bool()> is_mounted);
  // False: it has to stop. With `pause` returns after a moment.
  bool AwaitConnection(bool pause) const;
  void Accept();
  void Begin(UniqueFd socket);
  void Serve(Connection& connection);
  std::string AnswerTo(const std::string& line, const ProgressSink& progress);
  void Answer(int socket, std::string_view line);
  void RemoveDone();

  UniqueFd listener_;
  const UniqueFd stop_;  // becomes readable
  const Handler handler_;
  const std::function<bool()> is_mounted_;
  std::mutex mutex_;
  std::list<Connection> connections_;
  std::thread acceptor_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CONTROL_CONTROL_SERVER_H_
