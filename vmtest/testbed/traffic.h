// SPDX-License-Identifier: Apache-2.0
//
// What a machine asked of the fake Drive.
#ifndef DRIVEROOT_VMTEST_TESTBED_TRAFFIC_H_
#define DRIVEROOT_VMTEST_TESTBED_TRAFFIC_H_

#include <cstdint>
#include <map>
#include <string>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot::vmtest {

struct Traffic {
  std::map<std::string, uint64_t> requests;  // by class of call, none are 0
  uint64_t bytes_up = 0;                     // of bodies
  uint64_t bytes_down = 0;

  uint64_t TotalRequests() const;
  // Of one class.
  uint64_t Requests(const std::string& name) const;
};

// Since the Drive started or its counts were last reset.
Result<Traffic> ReadTraffic(const fakedrive::FakeDriveProcess& drive);

// "7 requests, 12.1 MB down, 0.0 MB up (1 create, 6 media)".
std::string DescribeTraffic(const Traffic& traffic);

}  // namespace driveroot::vmtest

#endif  // DRIVEROOT_VMTEST_TESTBED_TRAFFIC_H_
