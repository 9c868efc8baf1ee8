// SPDX-License-Identifier: Apache-2.0
//
// zstd, as volumes use it: bytes stay raw when that is not longer, and who
// reads them knows from the two lengths which it was. Thread-safe.
#ifndef DRIVEROOT_VOLUME_COMPRESSION_H_
#define DRIVEROOT_VOLUME_COMPRESSION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

// The zstd frame of `bytes`, or `bytes` itself when that is not longer.
std::string CompressFrame(std::string_view bytes);

// The inverse. kDataLoss: `stored` does not hold `raw_length` bytes.
Result<std::string> DecompressFrame(std::string_view stored,
                                    uint64_t raw_length);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_COMPRESSION_H_
