// SPDX-License-Identifier: Apache-2.0
//
// The flags --keep_hours, --keep_days and --keep_percent, of every command that
// deletes what is no longer needed.
#ifndef DRIVEROOT_CLI_RETENTION_FLAGS_H_
#define DRIVEROOT_CLI_RETENTION_FLAGS_H_

#include "driveroot/volume/retention.h"

namespace driveroot {

RetentionPolicy RetentionFromFlags();

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_RETENTION_FLAGS_H_
