// SPDX-License-Identifier: Apache-2.0
//
// Starts the driveroot daemon, which serves the new root from then on.
#ifndef INITRD_INIT_DAEMON_H_
#define INITRD_INIT_DAEMON_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/console/console.h"
#include "initrd/init/kernel_log.h"
#include "initrd/init/settings.h"
#include "initrd/process/children.h"

namespace driveroot {

inline constexpr char kNewRoot[] = "/sysroot";
// All certificate authorities that are trusted.
inline constexpr char kCaPath[] = "/etc/driveroot/ca.pem";

// The daemon's argv.
std::vector<std::string> DaemonArguments(const Settings& settings);

// Writes what the daemon reads: the credentials and the certificate
// authorities. They stay in the initramfs, which the new root never sees.
Status WriteDaemonFiles(const Settings& settings);

// A daemon on its way to mount kNewRoot. It can be started before there is a
// network: it gets ready meanwhile. Movable.
class MountingDaemon {
 public:
  static Result<MountingDaemon> Start(const Settings& settings,
                                      Children& children);
  MountingDaemon(MountingDaemon&&) = default;
  MountingDaemon& operator=(MountingDaemon&&) = default;

  // There is a network, and the machine's name is set.
  void NetworkIsUp();

  // Waits until it has mounted kNewRoot, with its progress on the console. An
  // error ends with what the daemon said last; nothing is mounted then and the
  // daemon is gone. kBusy: the volume is in use elsewhere.
  Result<pid_t> AwaitMount(Console& console, Children& children);

 private:
  MountingDaemon(std::string volume, UniqueFd status)
      : volume_(std::move(volume)), status_(std::move(status)) {}

  std::string volume_;
  UniqueFd status_;  // a socket, see driveroot/cli/mount_daemon.h
  KernelLogReader log_;
  pid_t pid_ = -1;
};

// Unmounts kNewRoot and waits for the daemon to end.
void UnmountNewRoot(pid_t daemon, Console& console, Children& children);

}  // namespace driveroot

#endif  // INITRD_INIT_DAEMON_H_
