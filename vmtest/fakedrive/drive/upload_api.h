// SPDX-License-Identifier: Apache-2.0
//
// Uploads: uploadType=media, multipart and resumable, for create and update.
#ifndef VMTEST_FAKEDRIVE_DRIVE_UPLOAD_API_H_
#define VMTEST_FAKEDRIVE_DRIVE_UPLOAD_API_H_

#include <string>
#include <utility>

#include "vmtest/fakedrive/drive/call.h"
#include "vmtest/fakedrive/drive/upload_sessions.h"

namespace driveroot::fakedrive {

class UploadApi {
 public:
  UploadApi(World world, UploadSessions sessions)
      : world_(world), sessions_(std::move(sessions)) {}

  // POST or PATCH /upload/...
  ApiResult<Response> Start(const Call& call);

  // PUT, POST or DELETE on the address of a resumable upload.
  ApiResult<Response> Continue(const Call& call);

  // A chunk whose sender went away: keeps what is whole.
  void KeepCutOff(const Exchange& exchange, const Target& target);

 private:
  ApiResult<Response> StartResumable(const Call& call);
  ApiResult<Response> UploadWhole(const Call& call);
  // The record that the upload makes or changes.
  ApiResult<FileRecord> Prepare(const std::string& update_id,
                                const std::string& metadata,
                                const Target& target,
                                std::string_view content_type) const;
  ApiResult<Response> TakeChunk(const Call& call, UploadSession* session);
  ApiResult<Response> Finish(const Call& call, UploadSession* session);
  ApiResult<Response> AnswerDone(const Call& call,
                                 const UploadSession& session) const;

  const World world_;
  UploadSessions sessions_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_UPLOAD_API_H_
