// SPDX-License-Identifier: Apache-2.0
//
// Tells the service manager that started this process how it is, as
// sd_notify(3) does: "READY=1", "STOPPING=1", "EXTEND_TIMEOUT_USEC=…".
// Thread-safe.
#ifndef DRIVEROOT_CLI_SERVICE_MANAGER_H_
#define DRIVEROOT_CLI_SERVICE_MANAGER_H_

#include <string_view>

namespace driveroot {

// Sends `text` to the socket that $NOTIFY_SOCKET names; nothing where there is
// none. Does not wait.
void NotifyServiceManager(std::string_view text);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_SERVICE_MANAGER_H_
