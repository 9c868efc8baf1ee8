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

namespace driveroot {

class ControlServer {
 public:
  using ProgressSink =
      std::function<void(std::string_view text, uint64_t done, uint64_t total)>;
  // Carries a command out, in a thread of its own, and returns the members that
  // the last line has besides "ok": JSON such as "\"status\":{…}", or nothing.
  // An unknown command is kInvalidArgument.
  using Handler = std::function<Result<std::string>(
      std::string_view command, const ProgressSink& progress)>;

  // Serves the mount with this device number until it is destroyed, which waits
  // for commands that are being carried out.
  static Result<std::unique_ptr<ControlServer>> Start(dev_t device,
                                                      Handler handler);

  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer();

  // Gives the address up, so that the next mount with this device number can
  // have it; conversations go on. Call it when the mount is gone.
  void StopAccepting();

 private:
  struct Connection {
    UniqueFd socket;
    bool done = false;  // guarded by mutex_
    std::thread thread;
  };

  ControlServer(UniqueFd listener, Handler handler);
  void Accept();
  void Serve(Connection& connection);
  void Answer(int socket, std::string_view line);
  void RemoveDone();

  UniqueFd listener_;
  const Handler handler_;
  std::mutex mutex_;
  std::list<Connection> connections_;
  std::thread acceptor_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CONTROL_CONTROL_SERVER_H_
