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
#include <optional>
#include <string>
#include <string_view>

#include "driveroot/net/api_client.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/pacer.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/drive_api.h"
#include "driveroot/store/drive/sent_content.h"
#include "driveroot/store/drive/stored_file.h"

namespace driveroot {

class ResumableUpload {
 public:
  // All references outlive the object.
  ResumableUpload(ApiClient* client, Pacer* pacer, const Endpoints& endpoints,
                  const NewDriveFile& file, std::string_view bytes)
      : client_(client),
        pacer_(pacer),
        upload_endpoint_(endpoints.upload),
        file_(file),
        bytes_(bytes),
        content_(file.id, bytes),
        stored_(client, endpoints.drive, &content_) {}

  // Opens a session, which may be done before there are `bytes`: a session can
  // be used by another object, with UseSession(). It lasts a week.
  Attempt<void> OpenSession();
  const std::string& session() const { return session_; }
  // Goes on with one in which nothing was sent yet.
  void UseSession(std::string session);

  // Goes on where the last attempt left off. Success means that Drive has
  // confirmed all of `bytes`, which are not empty; a kAlreadyExists failure,
  // that the id was taken.
  Attempt<DriveFile> Continue(Backoff* backoff);

 private:
  // Sends the rest, or with `query` nothing but the question how much is there.
  // The file, when it is complete.
  Attempt<std::optional<DriveFile>> Put(bool query, Backoff* backoff);
  // What a 308 says of the bytes that the server has.
  Attempt<void> TakeStoredRange(const HttpResponse& response, Backoff* backoff);
  // Nothing that the session says counts any more.
  AttemptFailure GiveUpSession(std::string message);

  ApiClient* client_;
  Pacer* pacer_;
  const std::string& upload_endpoint_;
  const NewDriveFile& file_;
  std::string_view bytes_;
  SentContent content_;
  StoredFile stored_;
  std::string session_;        // its URL; empty: none is open
  bool offset_known_ = false;  // offset_ is what the server said last
  size_t offset_ = 0;          // bytes that the server has, it says
  size_t most_ = 0;            // the most that it ever said
  bool sent_ = false;          // something, in this session
  int unproven_ = 0;           // answers of this session that proved nothing
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_RESUMABLE_UPLOAD_H_
