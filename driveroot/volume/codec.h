// SPDX-License-Identifier: Apache-2.0
//
// A Delta as bytes and back. FORMAT.md says how. The same delta always makes
// the same bytes. Thread-safe.
//
// The bytes are a stream of chunks, each compressed on its own, so that a
// checkpoint of a large volume never needs one buffer for all of it.
#ifndef DRIVEROOT_VOLUME_CODEC_H_
#define DRIVEROOT_VOLUME_CODEC_H_

#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/volume/delta.h"

namespace driveroot {

std::string EncodeDelta(const Delta& delta);

// kDataLoss: the bytes break the grammar or a limit. Numbers are not checked
// against each other: Metadata::Apply does that.
Result<Delta> DecodeDelta(std::string_view bytes);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CODEC_H_
