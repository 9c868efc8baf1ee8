// SPDX-License-Identifier: Apache-2.0
//
// What a mount does with what an earlier one could not store, and with what it
// cannot store itself: driveroot/unsent.
#ifndef DRIVEROOT_CLI_UNSENT_MOUNT_H_
#define DRIVEROOT_CLI_UNSENT_MOUNT_H_

#include <functional>
#include <memory>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/object_store.h"
#include "driveroot/unsent/keeping_store.h"
#include "driveroot/unsent/unsent_folder.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// The folder that --unsent_dir names, or the usual one.
Result<std::string> UnsentBaseFromFlags();

// Stores what earlier mounts of the volume in `store` kept in `base`, before it
// is opened for writing, and removes it there. `tell` gets a sentence for each
// of them: also for one that does not fit the volume any more and stays.
//
// An error when something does fit and cannot be stored now: to open the volume
// for writing would make it unfit.
Status StoreUnsent(ObjectStore& store, const std::string& base,
                   const std::function<void(const std::string&)>& tell);

// The same for a command that changes a volume, by the flags. What fits no more
// is told on standard error.
Status StoreUnsentFirst(ObjectStore& store);

struct Unsent {
  Volume& volume;
  KeepingStore& store;
  DriveClient* drive;  // null: none
};

// Keeps what `unsent.volume` could not store in `base`; nothing of it works any
// more after that. The message says where it is, or why it is not.
struct KeptUnsent {
  bool tried = false;  // otherwise nothing happened: there is no place for it
  std::string message;
};
KeptUnsent KeepUnsent(const Unsent& unsent, const std::string& base,
                      UnsentNote note, dev_t mount);

// The same when nothing is worth being kept.
void GiveUp(const Unsent& unsent);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_UNSENT_MOUNT_H_
