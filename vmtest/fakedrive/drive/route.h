// SPDX-License-Identifier: Apache-2.0
//
// Which call of the API a request is.
#ifndef VMTEST_FAKEDRIVE_DRIVE_ROUTE_H_
#define VMTEST_FAKEDRIVE_DRIVE_ROUTE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

// The classes that statistics, quotas, latencies and fault rules go by.
enum class CallClass : uint8_t {
  kGet,     // files.get: metadata
  kMedia,   // files.get with alt=media
  kList,    // files.list
  kCreate,  // files.create, whatever the kind of upload (a resumable one is
            // counted when it starts)
  kUpdate,  // files.update, likewise
  kCopy,
  kDelete,  // files.delete, files.emptyTrash
  kUpload,  // a chunk, status query or cancellation of a resumable upload
  kGenerateIds,
  kAbout,
  kChanges,  // changes.list and changes.getStartPageToken
  kDrives,   // drives and teamdrives: there are none
  kPermissions,
  kPermissionsChange,  // create, update and delete
  kRevisions,          // revisions.list and get, with alt=media too
  kRevisionsChange,    // update and delete
  kExport,
  kDownload,      // files.download, operations.get
  kPublicLink,    // /uc?export=download
  kBatch,         // the calls in it are counted by themselves
  kNotSimulated,  // Google has it, this server does not: 501
  kToken,
  kDevice,
  kConsent,
  kRevoke,
  kControl,  // /_control/...: neither counted nor limited
  kUnknown,
};

// E.g. "generate_ids".
std::string_view CallClassName(CallClass call);

// Whether the call needs an access token.
bool NeedsToken(CallClass call);
// Whether it changes what Drive stores: the write latency applies.
bool IsWrite(CallClass call);
// What it costs of the quota (drive-api note: get 5, list 100, download 200,
// edit 50).
uint64_t UnitsOf(CallClass call);

struct Route {
  CallClass call = CallClass::kUnknown;
  std::string id{};             // Of the file, where the path names one.
  std::string sub_id{};         // Of the permission or revision, likewise.
  bool is_upload = false;       // The path starts with /upload.
  bool is_trash = false;        // files.emptyTrash
  bool is_start_token = false;  // changes.getStartPageToken
  bool is_operation = false;    // operations.get
};

Route FindRoute(std::string_view method, const Target& target);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_ROUTE_H_
