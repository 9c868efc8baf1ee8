// SPDX-License-Identifier: Apache-2.0
//
// A checkpoint: all metadata as of one log record, as values and as bytes.
// FORMAT.md has the layout. Values; thread-safe.
#ifndef DRIVEROOT_VOLUME_CHECKPOINT_H_
#define DRIVEROOT_VOLUME_CHECKPOINT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"
#include "driveroot/volume/record.h"

namespace driveroot {

struct Checkpoint {
  LogPosition position;  // the last record that it covers
  Hash hash = {};        // of the checkpoint itself
  Delta state;           // the difference to an empty volume
};

// The bytes, sealed; their last 32 bytes are the checkpoint's hash.
// kInvalidArgument: ParseCheckpoint would not read it again.
Result<std::string> EncodeCheckpoint(const LogPosition& position,
                                     const Delta& state);

// kDataLoss, kUnsupportedVersion; kNotSupported as DecodeDelta.
Result<Checkpoint> ParseCheckpoint(std::string_view bytes);

// What objects are called in a folder: their number, padded so that they sort.
std::string ObjectName(uint64_t number);

// The number in such a name; nothing when it is none.
std::optional<uint64_t> ParseObjectName(std::string_view name);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CHECKPOINT_H_
