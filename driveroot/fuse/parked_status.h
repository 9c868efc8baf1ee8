// SPDX-License-Identifier: Apache-2.0
//
// What a session tells of the requests that wait for the store. A value.
#ifndef DRIVEROOT_FUSE_PARKED_STATUS_H_
#define DRIVEROOT_FUSE_PARKED_STATUS_H_

#include <cstdint>
#include <string>

namespace driveroot {

struct ParkedStatus {
  uint64_t requests = 0;
  uint64_t write_bytes = 0;  // of those that wait to write
  std::string read_error;    // why reads wait; empty when the store answers
};

}  // namespace driveroot

#endif  // DRIVEROOT_FUSE_PARKED_STATUS_H_
