// SPDX-License-Identifier: Apache-2.0
//
// The files, about, changes and drives collections of API version 3, but for
// uploads (upload_api.h).
#ifndef VMTEST_FAKEDRIVE_DRIVE_FILES_API_H_
#define VMTEST_FAKEDRIVE_DRIVE_FILES_API_H_

#include <string_view>

#include "vmtest/fakedrive/drive/call.h"

namespace driveroot::fakedrive {

inline constexpr std::string_view kDefaultFileFields = "kind,id,name,mimeType";

// Stores the record (with content, if there is some) and answers with it.
ApiResult<Response> Commit(const World& world, const Call& call,
                           FileRecord record, Content* content);

// An empty content file for what is created by its metadata alone.
ApiResult<Content> EmptyContent(const World& world);

ApiResult<Response> ListFiles(const World& world, const Call& call);
ApiResult<Response> GetFile(const World& world, const Call& call);
ApiResult<Response> CreateFile(const World& world, const Call& call);
ApiResult<Response> UpdateFile(const World& world, const Call& call);
ApiResult<Response> CopyFile(const World& world, const Call& call);
ApiResult<Response> DeleteFile(const World& world, const Call& call);
ApiResult<Response> GenerateIds(const World& world, const Call& call);
ApiResult<Response> GetAbout(const World& world, const Call& call);
ApiResult<Response> GetChanges(const World& world, const Call& call);
// drives and teamdrives.
ApiResult<Response> AnswerDrives(const World& world, const Call& call);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_FILES_API_H_
