// SPDX-License-Identifier: Apache-2.0
//
// The simulated Google Drive: answers the requests that the server hands it.
//
// A request waits for the simulated latency first and is carried out after it,
// so a client that gives up early may find its change made later, as with the
// real one. Lives on the event loop's thread.
#ifndef VMTEST_FAKEDRIVE_DRIVE_DRIVE_H_
#define VMTEST_FAKEDRIVE_DRIVE_DRIVE_H_

#include <memory>
#include <optional>
#include <string>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/drive/account.h"
#include "vmtest/fakedrive/drive/batch.h"
#include "vmtest/fakedrive/drive/call.h"
#include "vmtest/fakedrive/drive/faults.h"
#include "vmtest/fakedrive/drive/file_store.h"
#include "vmtest/fakedrive/drive/oauth.h"
#include "vmtest/fakedrive/drive/rate_limit.h"
#include "vmtest/fakedrive/drive/stats.h"
#include "vmtest/fakedrive/drive/upload_api.h"
#include "vmtest/fakedrive/server/event_loop.h"
#include "vmtest/fakedrive/server/server.h"

namespace driveroot::fakedrive {

class Drive : public Handler {
 public:
  // `folder` must exist; what it holds is taken up again.
  static Result<std::unique_ptr<Drive>> Open(EventLoop* loop,
                                             const std::string& folder,
                                             const Settings& settings,
                                             FaultRules faults, RequestLog log);

  // The server whose link and counters the control endpoint works on.
  void AttachServer(Server* server);

  // The JSON that `driveroot --credentials` takes.
  std::string CredentialsJson() const;

  std::string spool_folder() const { return files_->spool_folder(); }

  uint64_t MaxBodyBytes(const RequestHead& head) override;
  void Handle(std::shared_ptr<Exchange> exchange) override;
  void HandleCutOff(const Exchange& exchange) override;
  void Finished(const Exchange& exchange) override;

 private:
  Drive(EventLoop* loop, const Settings& settings, Account account,
        std::unique_ptr<FileStore> files, UploadSessions sessions,
        FaultRules faults, RequestLog log);

  Response Execute(const Call& call);
  // Whether it asks, with an API key instead of a token, for a file that anyone
  // may read.
  bool IsForAnyone(const Call& call);
  ApiResult<Response> Dispatch(const Call& call);
  // Carries out the calls of a batch, one after the other. Each needs a token,
  // its own or the batch's, and is counted and limited as if it came alone.
  ApiResult<Response> Batch(const Call& call);
  Response ExecuteOfBatch(const Call& batch, const BatchCall& inner);
  ApiResult<void> CheckRates(CallClass call);
  // Makes the limits from the settings, anew.
  void ApplySettings();

  // control.cc: what lies under /_control/.
  Response Control(const Exchange& exchange, const Target& target);
  Response AddFaults(const Json& body);
  Response ChangeSettings(const Json& body);
  Response RevokeTokens(const Json& body);
  Response StatsResponse() const;

  EventLoop& loop_;
  Settings settings_;
  Account account_;
  const std::unique_ptr<FileStore> files_;
  OAuth oauth_;
  UploadApi uploads_;
  FaultRules faults_;
  RequestLog log_;
  Stats stats_;
  std::optional<RateLimit> writes_;
  std::optional<RateLimit> units_;
  Server* server_ = nullptr;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_DRIVE_H_
