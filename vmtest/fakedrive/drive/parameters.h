// SPDX-License-Identifier: Apache-2.0
//
// Which query parameters each call knows. Google passes over many that it does
// not know; here they are refused, since a client that sends one expects
// something of it.
#ifndef VMTEST_FAKEDRIVE_DRIVE_PARAMETERS_H_
#define VMTEST_FAKEDRIVE_DRIVE_PARAMETERS_H_

#include "vmtest/fakedrive/drive/api_error.h"
#include "vmtest/fakedrive/drive/route.h"
#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

// 400 for a parameter that the call does not have or a value that it cannot
// have; 501 for what Google has and this server does not.
ApiResult<void> CheckParameters(const Route& route, const Target& target);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_PARAMETERS_H_
