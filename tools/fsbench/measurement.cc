// SPDX-License-Identifier: Apache-2.0
#include "tools/fsbench/measurement.h"

#include <cerrno>

namespace driveroot::fsbench {

std::vector<Measurement> MakeMeasurements(const std::string& folder,
                                          const Sizes& sizes) {
  std::vector<Measurement> list;
  AddSmallFileMeasurements(folder, sizes, list);
  AddLargeFileMeasurements(folder, sizes, list);
  AddTreeMeasurements(folder, sizes, list);
  return list;
}

std::unexpected<Error> Failed(const std::string& path) {
  return std::unexpected(Error::FromErrno(errno, path));
}

}  // namespace driveroot::fsbench
