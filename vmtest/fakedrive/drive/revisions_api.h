// SPDX-License-Identifier: Apache-2.0
//
// The revisions collection: the content that a file had and has.
#ifndef VMTEST_FAKEDRIVE_DRIVE_REVISIONS_API_H_
#define VMTEST_FAKEDRIVE_DRIVE_REVISIONS_API_H_

#include "vmtest/fakedrive/drive/call.h"

namespace driveroot::fakedrive {

// revisions.list, get (with alt=media the bytes), update and delete, by the
// call's method and whether its path names a revision.
ApiResult<Response> AnswerRevisions(const World& world, const Call& call);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_REVISIONS_API_H_
