// SPDX-License-Identifier: Apache-2.0
//
// The daemon behind a mounted volume, from opening the store to the last
// commit. Not thread-safe.
#ifndef DRIVEROOT_CLI_MOUNT_DAEMON_H_
#define DRIVEROOT_CLI_MOUNT_DAEMON_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/cli/volume_name.h"
#include "driveroot/fuse/session.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// Tells whoever started the daemon how it goes: lines of JSON on a descriptor,
//   {"progress":"text"[,"done":N,"total":N]}  {"notice":"text"}
//   {"mounted":true}  {"error":"…"[,"busy":true]}
// Nothing is written to an invalid descriptor. Not thread-safe. When it is a
// socket, the other side can hold the daemon up until it shuts its end down for
// writing.
class StatusLine {
 public:
  explicit StatusLine(UniqueFd fd) : fd_(std::move(fd)) {}
  void Progress(std::string_view text);
  // Something that a person should read.
  void Notice(std::string_view text);
  // Returns when the other side has shut its end down.
  void AwaitShutdown();
  // The last line; closes the descriptor.
  void Mounted();
  void Failed(const Error& error);

 private:
  void Write(std::string_view line);
  UniqueFd fd_;
};

struct DaemonOptions {
  VolumeName volume;
  MountOptions mount;
  VolumeOptions volume_options;
  // The machine's own root file system: see driveroot/fuse/survival.h.
  bool is_root = false;
  // A machine boots from it: what it reads is noted for the next boot.
  bool is_boot = false;
  // Where what cannot be stored at the end is kept, see driveroot/unsent;
  // empty: nowhere, as for a machine's root, whose initramfs is gone after its
  // end.
  std::string unsent_dir = {};
  // How long the end of the mount waits for the store.
  std::chrono::milliseconds stop_timeout{60'000};
  // The daemon's standard error is nobody's.
  bool in_background = false;
  // The network is not up yet: StatusLine::AwaitShutdown() comes before the
  // first request.
  bool await_network = false;
};

// Mounts, serves until the mount is gone, makes everything durable or keeps it,
// and returns. Errors before the mount answers are told to `status`, too.
//
// SIGTERM, SIGINT and SIGHUP end the mount: at once for all to come, and for
// those who use it after `stop_timeout` at the latest. A second one ends it
// now. A process that still has users then ends here.
Status RunMountDaemon(const DaemonOptions& options, StatusLine& status);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_MOUNT_DAEMON_H_
