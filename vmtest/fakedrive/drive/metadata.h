// SPDX-License-Identifier: Apache-2.0
//
// From the File resource in a request's body to a FileRecord: what may be set,
// by whom, and within which limits.
#ifndef VMTEST_FAKEDRIVE_DRIVE_METADATA_H_
#define VMTEST_FAKEDRIVE_DRIVE_METADATA_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/drive/call.h"

namespace driveroot::fakedrive {

// A file id: unguessable, in the form of Google's (33 characters, first a 1).
std::string NewFileId(const Account& account);
bool IsFileId(const Account& account, std::string_view id);

// The record that files.create with this metadata makes. Checks the id, the
// parent, the limits. `content_type` is that of the uploaded bytes, or "".
ApiResult<FileRecord> PrepareCreate(const World& world, const Json& metadata,
                                    std::string_view content_type);

// Whether an update comes with bytes: only these change modifiedTime, unless
// the metadata sets it. Renaming and moving do not (grive2 pull request 36).
enum class UpdateOf : uint8_t { kMetadata, kContent };

// The record after files.update: `metadata` applied, moved as addParents and
// removeParents say. `content_type` is that of new content, or "".
ApiResult<FileRecord> PrepareUpdate(const World& world, const std::string& id,
                                    const Json& metadata, const Target& target,
                                    UpdateOf what,
                                    std::string_view content_type);

// The record that files.copy makes, still without content.
ApiResult<FileRecord> PrepareCopy(const World& world, const std::string& id,
                                  const Json& metadata);

// 403 storageQuotaExceeded if `more` bytes do not fit.
ApiResult<void> CheckQuota(const World& world, uint64_t more);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_METADATA_H_
