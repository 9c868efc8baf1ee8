// SPDX-License-Identifier: Apache-2.0
//
// ExportTree writes a volume's whole tree: what `pull` does.
#ifndef DRIVEROOT_TRANSFER_EXPORT_H_
#define DRIVEROOT_TRANSFER_EXPORT_H_

#include <cstdint>
#include <set>

#include "driveroot/base/result.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

struct ExportSummary {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of contents
  TransferNotes notes;
};

// Writes every entry and finishes the sink: names in byte order, but contents
// as they lie on the store if the sink takes files in any order. Holes stay
// holes, and nothing is done for their bytes. Sockets are left out, with a
// note: no archive holds them, and they mean nothing without the process that
// listens. The volume should not change meanwhile: mount it read-only.
Result<ExportSummary> ExportTree(Volume& volume, TreeSink& sink,
                                 const TransferCallback& progress);

// The same for some inodes and the directories that lead to them.
Result<ExportSummary> ExportInodes(Volume& volume, TreeSink& sink,
                                   const std::set<InodeNumber>& inodes,
                                   const TransferCallback& progress);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_EXPORT_H_
