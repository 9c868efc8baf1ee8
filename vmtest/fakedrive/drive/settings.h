// SPDX-License-Identifier: Apache-2.0
//
// What can be set about the simulated Drive. Flags fill it at the start; the
// control endpoint changes the link's part while the server runs.
#ifndef VMTEST_FAKEDRIVE_DRIVE_SETTINGS_H_
#define VMTEST_FAKEDRIVE_DRIVE_SETTINGS_H_

#include <cstdint>

namespace driveroot::fakedrive {

struct Settings {
  // The link. Latency is from the whole request to the answer's first byte.
  uint64_t read_latency_ms = 0;
  uint64_t write_latency_ms = 0;
  double bandwidth_mbit = 0;  // Each direction; 0: without limit.

  // Budgets; 0: without limit.
  double creates_per_second = 0;
  uint64_t units_per_minute = 0;
  int rate_error = 403;  // Or 429.
  uint64_t quota_bytes = 0;

  uint64_t token_lifetime_s = 3599;
  uint64_t device_interval_s = 5;
  // How often a device is told to wait before its user has "agreed".
  uint64_t device_pending_polls = 1;

  // Answers to queries that look at names leave out files that are younger than
  // this, and show others as they were so long ago.
  uint64_t name_lag_ms = 0;
  // Whether the id of a file that was deleted for good may be used again.
  // Nobody knows what Google does; refusing is what a client must expect.
  bool reuse_deleted_ids = false;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_SETTINGS_H_
