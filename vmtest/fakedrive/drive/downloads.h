// SPDX-License-Identifier: Apache-2.0
//
// The ways to a file's bytes: alt=media of a file or a revision, export,
// files.download with its operation, and the public link.
#ifndef VMTEST_FAKEDRIVE_DRIVE_DOWNLOADS_H_
#define VMTEST_FAKEDRIVE_DRIVE_DOWNLOADS_H_

#include "vmtest/fakedrive/drive/call.h"

namespace driveroot::fakedrive {

// The bytes of one content file, or the part that a Range field asks for.
// `record.content` names it; 403 fileNotDownloadable if it has none.
ApiResult<Response> SendContent(const World& world, const Call& call,
                                const FileRecord& record);

ApiResult<Response> DownloadFile(const World& world, const Call& call);

// files.export. Nothing is converted: a document exports the bytes that it was
// imported from, under the type that was asked for.
ApiResult<Response> ExportFile(const World& world, const Call& call);

// files.download: an operation that is done at once; operations.get: the same.
ApiResult<Response> StartDownload(const World& world, const Call& call);
ApiResult<Response> GetOperation(const World& world, const Call& call);

// /uc?id=ID&export=download: for files that anyone may read, without a token.
// Others are sent to sign in.
ApiResult<Response> FollowPublicLink(const World& world, const Call& call);

// Whether anyone may read it.
bool IsPublic(const World& world, const FileRecord& record);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_DOWNLOADS_H_
