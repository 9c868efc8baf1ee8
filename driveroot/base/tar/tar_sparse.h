// SPDX-License-Identifier: Apache-2.0
//
// Where a sparse file of an archive has data, in the four forms that are in
// use: GNU tar's own type 'S', and PAX 0.0, 0.1 and 1.0, of which GNU tar
// and libarchive write the last (GNU tar's manual, "Storing Sparse Files").
// Malformed input gives kDataLoss.
#ifndef DRIVEROOT_BASE_TAR_TAR_SPARSE_H_
#define DRIVEROOT_BASE_TAR_TAR_SPARSE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/tar/tar.h"
#include "driveroot/base/tar/tar_format.h"

namespace driveroot::tar_sparse {

// What the headers of a member say of it.
enum class Form : uint8_t {
  kNone,
  kOldGnu,    // the map is in the header and in blocks behind it
  kRecords,   // PAX 0.0 and 0.1: the map is in a record
  kContents,  // PAX 1.0: the map comes before the contents
};
Form FormOf(std::string_view header, const tar_format::Records& records);

// PAX 0.0 repeats two keywords, for each run: ParsePaxRecords gathers their
// values under this one of PAX 0.1.
inline constexpr std::string_view kMapRecord = "GNU.sparse.map";

// The runs, and the bytes that the map took from `stored` behind the header.
struct Map {
  std::vector<TarRun> runs;
  uint64_t real_size = 0;
  uint64_t bytes = 0;
};

Result<Map> ReadOldGnuMap(std::string_view header, ByteSource& source);
Result<Map> ReadRecordMap(const tar_format::Records& records);
// Reads no more than `stored` bytes.
Result<Map> ReadContentsMap(const tar_format::Records& records, uint64_t stored,
                            ByteSource& source);

// Whether the runs are in order, in the file, and hold `data` bytes together.
// Takes empty ones away.
Status CheckMap(uint64_t data, Map* map);

// The same map as PAX 1.0 has it, filled up to whole blocks.
std::string FormatMap(const std::vector<TarRun>& runs, uint64_t size);

}  // namespace driveroot::tar_sparse

#endif  // DRIVEROOT_BASE_TAR_TAR_SPARSE_H_
