// SPDX-License-Identifier: Apache-2.0
//
// Tar archives as trees. An archive that begins with the magic number of zstd
// (RFC 8878, section 3.1.1) is decompressed on the way. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_TAR_TREE_H_
#define DRIVEROOT_TRANSFER_TAR_TREE_H_

#include <memory>
#include <string>

#include "driveroot/transfer/tree.h"

namespace driveroot {

// "-" is standard input.
Result<std::unique_ptr<TreeSource>> OpenTarSource(const std::string& path);

// "-" is standard output. Any other archive appears under its name when it is
// complete, and not before.
Result<std::unique_ptr<TreeSink>> CreateTarSink(const std::string& path);

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_TAR_TREE_H_
