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

// Levels of zstd. Higher ones take several times as long, for a few percent.
enum class Compression : int {
  // zstd's own default, for what somebody waits for: it is part of every fsync.
  kQuick = 3,
  // For what is written once, read by many, and goes through a link that is
  // slower than this. A Debian root in frames of 128 KiB becomes 6 % smaller at
  // 2.3 times the work. Another 8 %, at level 15, take 24 times the work and a
  // third more for each reading.
  kThorough = 6,
};

// The zstd frame of `bytes`, or `bytes` itself when that is not longer.
std::string CompressFrame(std::string_view bytes,
                          Compression compression = Compression::kQuick);

// The inverse. kDataLoss: `stored` does not hold `raw_length` bytes.
Result<std::string> DecompressFrame(std::string_view stored,
                                    uint64_t raw_length);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_COMPRESSION_H_
