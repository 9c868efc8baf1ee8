// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/cost.h"

#include <iostream>

#include "tools/bench/stopwatch.h"

namespace driveroot::bench {

Result<Cost> MeasureCost(const Bench& bench, const std::string& name,
                         const std::function<Status(Cost&)>& work) {
  std::cout << name << std::endl;
  Cost cost = {.name = name};
  DRIVEROOT_RETURN_IF_ERROR(bench.drive.drive().ResetStats());
  const Stopwatch watch;
  if (const Status done = work(cost); !done) {
    return std::unexpected(done.error().WithContext(name));
  }
  cost.seconds = watch.Seconds();
  DRIVEROOT_ASSIGN_OR_RETURN(cost.traffic,
                             vmtest::ReadTraffic(bench.drive.drive()));
  return cost;
}

Status OnFastLink(const Bench& bench, const std::function<Status()>& work) {
  DRIVEROOT_RETURN_IF_ERROR(bench.drive.drive().Set(LinkSettings({})));
  DRIVEROOT_RETURN_IF_ERROR(work());
  return bench.drive.drive().Set(LinkSettings(bench.link));
}

}  // namespace driveroot::bench
