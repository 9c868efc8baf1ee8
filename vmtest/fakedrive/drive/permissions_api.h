// SPDX-License-Identifier: Apache-2.0
//
// The permissions collection: who besides the owner may do what. There is one
// account here, so permissions are kept and shown; only "anyone" lets somebody
// in, by the public link.
#ifndef VMTEST_FAKEDRIVE_DRIVE_PERMISSIONS_API_H_
#define VMTEST_FAKEDRIVE_DRIVE_PERMISSIONS_API_H_

#include "vmtest/fakedrive/drive/call.h"

namespace driveroot::fakedrive {

// permissions.list, get, create, update and delete, by the call's method and
// whether its path names a permission.
ApiResult<Response> AnswerPermissions(const World& world, const Call& call);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_PERMISSIONS_API_H_
