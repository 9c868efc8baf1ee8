// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/transfer.h"

namespace driveroot::bench {

Result<std::vector<Cost>> MeasureTransfer(const Bench& bench,
                                          const std::string& source,
                                          const std::string& volume,
                                          const std::string& tree,
                                          const std::string& what) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost push, MeasureCost(bench, "push" + what, [&](Cost&) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(
            bench.drive.Driveroot("push", {source, volume}));
        return {};
      }));
  push.link_share = LinkShare(bench.link, push.traffic.bytes_up, push.seconds);
  DRIVEROOT_ASSIGN_OR_RETURN(
      Cost pull, MeasureCost(bench, "pull" + what, [&](Cost&) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(
            bench.drive.Driveroot("pull", {volume, tree}));
        return {};
      }));
  pull.link_share =
      LinkShare(bench.link, pull.traffic.bytes_down, pull.seconds);
  return std::vector<Cost>{push, pull};
}

}  // namespace driveroot::bench
