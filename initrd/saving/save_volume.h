// SPDX-License-Identifier: Apache-2.0
//
// Brings everything that a volume's daemon has accepted to the store before a
// machine ends, with a person who may have to decide: see save_dialog.h.
//
// Not thread-safe.
#ifndef INITRD_SAVING_SAVE_VOLUME_H_
#define INITRD_SAVING_SAVE_VOLUME_H_

#include <string>

#include "driveroot/base/result.h"
#include "initrd/console/console.h"
#include "initrd/saving/save_dialog.h"

namespace driveroot {

// What init leaves for the programs at the end in a folder below /run.
std::string SilenceLimitPath(const std::string& folder);
// What it says, or the default.
SaveDialog::Limits ReadLimits(const std::string& folder);

struct SaveRequest {
  std::string device = {};   // of the mounted volume: MAJOR:MINOR
  std::string command = {};  // of the daemon: "commit", "shutdown" or "close"
  // Where the volume is mounted: pages that were written through mappings are
  // in the kernel's cache only, and are handed to the daemon first.
  std::string mount_point = {};
  SaveDialog::Limits limits = {};
};

// Returns when the command is done. kCancelled: it was given up, and the
// machine is to stop without touching the file system again, which may block;
// the message says what is not saved. Other errors: the daemon is gone, or says
// that it cannot.
Status SaveVolume(Console& console, const SaveRequest& request);

}  // namespace driveroot

#endif  // INITRD_SAVING_SAVE_VOLUME_H_
