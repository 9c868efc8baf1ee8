// SPDX-License-Identifier: Apache-2.0
//
// A Delta as bytes and back. FORMAT.md says how. The same delta always makes
// the same bytes. Thread-safe.
//
// The bytes are a stream of chunks, each compressed on its own, so that a
// checkpoint of a large volume never needs one buffer for all of it.
#ifndef DRIVEROOT_VOLUME_CODEC_H_
#define DRIVEROOT_VOLUME_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"

namespace driveroot {

// Every chunk is decoded again before it is taken, so whatever this returns
// DecodeDelta reads. kInvalidArgument: it would not; the message says why.
//
// A file with many extents is told of in several items, one after the other.
Result<std::string> EncodeDelta(const Delta& delta);

// What a delta may take in memory, in bytes: half of the machine's.
uint64_t DecodeMemory();

// kDataLoss: the bytes break the grammar. kNotSupported: they may well be in
// order, but are beyond what this program reads (limits.h), or `max_memory`
// bytes do not suffice. Numbers are not checked against each other:
// Metadata::Apply does that.
Result<Delta> DecodeDelta(std::string_view bytes,
                          uint64_t max_memory = DecodeMemory());

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CODEC_H_
