// SPDX-License-Identifier: Apache-2.0
//
// One download of a byte range: the bytes are handed on while they arrive, and
// after a failure only the rest is asked for. That a file ends before the range
// does is believed when the answer says how long the file is, or its metadata
// does. A detail of DriveApi.
//
// Thread-safety: none; one download belongs to one thread.
#ifndef DRIVEROOT_STORE_DRIVE_DOWNLOAD_H_
#define DRIVEROOT_STORE_DRIVE_DOWNLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "driveroot/net/api_client.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/drive_api.h"

namespace driveroot {

// The failure of an answer that says what no server in order says.
AttemptFailure GarbledAnswer(std::string_view call, const std::string& detail);

class RangeDownload {
 public:
  // Of bytes [offset, offset + length) of file `id`, whose resource lies at
  // `url`. `client`, `id` and `sink` outlive the object.
  RangeDownload(ApiClient* client, std::string_view id, std::string url,
                uint64_t offset, uint64_t length,
                const DriveApi::ByteSink& sink);

  // Goes on where the last attempt left off. Success means that the sink has
  // everything up to the range's end or the file's; a kCancelled failure, that
  // it wanted no more.
  Attempt<void> Continue(Backoff* backoff);

 private:
  static AttemptFailure Unwanted();
  // One request for what is left.
  Attempt<HttpResponse> Ask();
  Attempt<void> Judge(const HttpResponse& response);
  Attempt<void> JudgeEnd(const HttpResponse& response);
  // Whether an answer without a range was the whole file.
  Attempt<void> JudgeWhole();
  Attempt<DriveFile> AskForMetadata();
  // False: the rest of this answer is of no use.
  bool Take(const HttpResponse& head, std::string_view piece);
  bool GiveToSink(std::string_view piece);
  bool Refuse(const char* reason);

  ApiClient* client_;
  std::string_view id_;
  std::string url_;
  bool acknowledge_abuse_ = false;
  const uint64_t first_;
  const uint64_t count_;  // at least 1
  const bool discard_;    // nothing was asked for, but that the file is there
  const DriveApi::ByteSink& sink_;
  uint64_t given_ = 0;  // bytes that the sink has
  bool fresh_connection_ = false;

  // Of the present attempt.
  std::optional<uint64_t> promised_;   // bytes that its answer holds
  uint64_t taken_ = 0;                 // of these
  std::optional<uint64_t> file_size_;  // that its answer tells of
  std::string whole_;                  // the body of an answer without a range
  std::string refusal_;                // why the answer was broken off
  bool unwanted_ = false;              // the sink wanted no more
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DOWNLOAD_H_
