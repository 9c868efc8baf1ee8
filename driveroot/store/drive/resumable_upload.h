// SPDX-License-Identifier: Apache-2.0
//
// One resumable upload: a session is opened, the content goes out in one PUT,
// and after a failure the server is asked how much it has, so that only the
// rest is sent again. A detail of DriveApi.
//
// Thread-safety: none; one upload belongs to one thread.
#ifndef DRIVEROOT_STORE_DRIVE_RESUMABLE_UPLOAD_H_
#define DRIVEROOT_STORE_DRIVE_RESUMABLE_UPLOAD_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "driveroot/net/api_client.h"
#include "driveroot/net/pacer.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/drive_api.h"

namespace driveroot {

class ResumableUpload {
 public:
  // `upload_endpoint` as Endpoints::upload. All references outlive the object.
  ResumableUpload(ApiClient* client, Pacer* pacer, std::string upload_endpoint,
                  const NewDriveFile& file, std::string_view bytes)
      : client_(client),
        pacer_(pacer),
        upload_endpoint_(std::move(upload_endpoint)),
        file_(file),
        bytes_(bytes) {}

  // Opens a session, which may be done before there are `bytes`: a session can
  // be used by another object, with UseSession(). It lasts a week.
  Attempt<void> OpenSession();
  const std::string& session() const { return session_; }
  // Goes on with one in which nothing was sent yet.
  void UseSession(std::string session);

  // Goes on where the last attempt left off. Success means that all of `bytes`,
  // which are not empty, is stored; a kAlreadyExists failure, that the id was
  // taken.
  Attempt<void> Continue(Backoff* backoff);

 private:
  // Sends the rest, or with `query` nothing but the question how much is there.
  // True when the file is complete.
  Attempt<bool> Put(bool query, Backoff* backoff);
  Attempt<void> TakeStoredRange(const HttpResponse& response, Backoff* backoff);

  ApiClient* client_;
  Pacer* pacer_;
  std::string upload_endpoint_;
  const NewDriveFile& file_;
  std::string_view bytes_;
  std::string session_;        // its URL; empty: none is open
  bool offset_known_ = false;  // offset_ is what the server said last
  size_t offset_ = 0;          // bytes that the server has
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_RESUMABLE_UPLOAD_H_
