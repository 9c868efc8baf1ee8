// SPDX-License-Identifier: Apache-2.0
//
// What fsbench measures: each Measurement does one kind of thing many times in
// a folder and says how often. Not thread-safe.
#ifndef DRIVEROOT_TOOLS_FSBENCH_MEASUREMENT_H_
#define DRIVEROOT_TOOLS_FSBENCH_MEASUREMENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot::fsbench {

struct Sizes {
  uint64_t small_files = 2000;
  uint64_t small_bytes = 4096;
  uint64_t file_bytes = 64 << 20;
  uint64_t random_operations = 4000;
  uint64_t syncs = 20;
  // A tar archive of a root tree to unpack; empty: nothing is unpacked.
  std::string tree;
};

struct Measurement {
  std::string name;
  std::string unit;  // of what `run` returns, e.g. "files"
  // Done before, not timed. May be null.
  std::function<Status()> prepare;
  // Returns how much was done.
  std::function<Result<uint64_t>()> run;
};

// All measurements in `folder`, which is empty and only fsbench's, in the order
// in which they must be done: later ones use what earlier ones made, and the
// last ones remove it. They may be done again from the first on.
std::vector<Measurement> MakeMeasurements(const std::string& folder,
                                          const Sizes& sizes);

// Parts of the list, one per file.
void AddSmallFileMeasurements(const std::string& folder, const Sizes& sizes,
                              std::vector<Measurement>& list);
void AddLargeFileMeasurements(const std::string& folder, const Sizes& sizes,
                              std::vector<Measurement>& list);
void AddTreeMeasurements(const std::string& folder, const Sizes& sizes,
                         std::vector<Measurement>& list);

// What errno says of `path`.
std::unexpected<Error> Failed(const std::string& path);

}  // namespace driveroot::fsbench

#endif  // DRIVEROOT_TOOLS_FSBENCH_MEASUREMENT_H_
