// SPDX-License-Identifier: Apache-2.0
//
// Tar archives as trees, compressed or not. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_TAR_TREE_H_
#define DRIVEROOT_TRANSFER_TAR_TREE_H_

#include <memory>
#include <string>

#include "driveroot/base/tar/compression.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {

// "-" is standard input. Reads the first header: what is no archive is refused
// here.
Result<std::unique_ptr<TreeSource>> OpenTarSource(const std::string& path);

// "-" is standard output. Any other archive appears under its name when it is
// complete, and not before, and is its owner's alone (0600): it holds files of
// all users. A fifo or a device is written to as it is.
Result<std::unique_ptr<TreeSink>> CreateTarSink(const std::string& path,
                                                Compressed format);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_TAR_TREE_H_
