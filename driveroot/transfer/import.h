// SPDX-License-Identifier: Apache-2.0
//
// ImportTree makes a volume's tree equal to a source: what `push` does.
#ifndef DRIVEROOT_TRANSFER_IMPORT_H_
#define DRIVEROOT_TRANSFER_IMPORT_H_

#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

struct ImportOptions {
  // Paths of files that are to lie side by side, in this order, and become the
  // boot trace: what a boot reads. Those that are not there are left out. None:
  // those that BootGuess chooses.
  std::vector<std::string> boot_files;
};

struct ImportSummary {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of contents
  TransferNotes notes;
};

// Builds the new tree beside the old one, which the volume keeps sharing data
// with, then puts it in the old one's place. Nothing is durable before
// Volume::Sync, and with VolumeOptions::single_transaction set nothing of a
// failed import ever is.
//
// Modes, owners, times, links, devices and extended attributes are kept; blocks
// of zeros become holes. What the source or a volume cannot keep is noted.
// Entries whose parents the source leaves out get
// folders of root's with mode 0755.
//
// kInvalidArgument: an entry contradicts one before it; the message names it.
Result<ImportSummary> ImportTree(TreeSource& source, Volume& volume,
                                 const ImportOptions& options,
                                 const TransferCallback& progress);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_IMPORT_H_
