// SPDX-License-Identifier: Apache-2.0
//
// Resumable uploads in progress: NAME.json (what is to be made of the bytes)
// and NAME.data (the bytes so far) in the uploads folder. Sessions outlive a
// restart, as they do at Google; of bytes that a kill cut off, whole multiples
// of 256 KiB stay.
#ifndef VMTEST_FAKEDRIVE_DRIVE_UPLOAD_SESSIONS_H_
#define VMTEST_FAKEDRIVE_DRIVE_UPLOAD_SESSIONS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/drive/content.h"

namespace driveroot::fakedrive {

// All chunks but the last are multiples of this.
inline constexpr uint64_t kChunkGrain = uint64_t{256} << 10;

struct UploadSession {
  std::string name;
  std::string update_id;  // Of the file to update; empty: create one.
  std::string metadata;   // JSON.
  std::string content_type;
  std::string target;  // Of the request that started it, for its parameters.
  std::optional<uint64_t> total;
  int64_t started_ms = 0;
  std::string done_id;  // Of the file that came of it, once it is whole.
};

class UploadSessions {
 public:
  static Result<UploadSessions> Open(const std::string& folder);

  // Names and saves it.
  Result<UploadSession*> Add(UploadSession session);
  Status Save(const UploadSession& session) const;
  // Null if there is none, or it is older than a week, and so gone.
  UploadSession* Find(const std::string& name);
  void Remove(const std::string& name);

  // What has come so far.
  Result<ContentWriter*> Data(const UploadSession& session);
  // The finished content; no data is left in the session.
  Result<Content> TakeContent(const UploadSession& session);

 private:
  explicit UploadSessions(std::string folder) : folder_(std::move(folder)) {}

  std::string PathOf(const std::string& name, const char* suffix) const {
    return folder_ + "/" + name + suffix;
  }

  std::string folder_;
  std::map<std::string, UploadSession> sessions_;
  std::map<std::string, ContentWriter> writers_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_UPLOAD_SESSIONS_H_
