// SPDX-License-Identifier: Apache-2.0
//
// A signed-in connection to Google Drive (or fakedrive): everything that the
// volumes of one account share. Made once by the program:
//
//   DRIVEROOT_ASSIGN_OR_RETURN(
//       std::shared_ptr<DriveClient> client,
//       DriveClient::Open({.credentials_file = FLAGS_credentials}));
//
// Open() reads files and starts the network thread, but sends nothing. Make it
// after the last fork().
//
// Thread-safety: every method may be called from any thread.
#ifndef DRIVEROOT_STORE_DRIVE_DRIVE_CLIENT_H_
#define DRIVEROOT_STORE_DRIVE_DRIVE_CLIENT_H_

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/net/api_client.h"
#include "driveroot/net/clock.h"
#include "driveroot/net/counters.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/http_client.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/oauth/token_source.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/drive_api.h"

namespace driveroot {

// How long a command goes on without the network before it gives up.
inline constexpr std::chrono::minutes kCommandRetryLimit{2};

struct DriveClientOptions {
  std::string credentials_file = {};  // empty: DefaultCredentialsPath()
  std::string drive_endpoint = {};    // empty: Google's own
  std::string ca_file = {};           // empty: the system's certificates
  std::string resolv_conf = "/etc/resolv.conf";
  // Commands give up after a while; a mounted volume waits for ever.
  RetryLimit retry_limit = RetryLimit::Within(kCommandRetryLimit);
  // Told before each wait; empty: a line in the log now and then.
  RetryObserver retry_observer = {};
};

class DriveClient {
 public:
  // kNotFound, kInvalidArgument or kPermissionDenied when a file or the
  // endpoint cannot be used.
  static Result<std::shared_ptr<DriveClient>> Open(
      const DriveClientOptions& options);

  // `newer`: see TokenSource.
  DriveClient(HttpClientOptions http, Credentials credentials,
              const Endpoints& endpoints, RetryLimit limit,
              RetryObserver observer,
              TokenSource::NewerCredentials newer = nullptr);
  ~DriveClient();

  DriveApi& api() { return api_; }

  // Why a call had to wait in the last two minutes; empty: none had to.
  std::string RecentTrouble();

  // From now on no call gives up, and waits for new credentials, too: a volume
  // is mounted.
  void GoOnForEver() { client_.retrier().GoOnForEver(); }

  // Ends all calls and waits, now and later, with kCancelled. Call it before
  // the threads that use this client are joined.
  void Cancel();

  NetCounters Counters() const;

 private:
  // Notes what is told to `observer`.
  RetryObserver Noting(RetryObserver observer);

  mutable std::mutex trouble_mutex_;  // guards what is below
  std::string trouble_;
  Clock::TimePoint trouble_time_{};

  SystemClock clock_;
  HttpClient http_;
  TokenSource tokens_;
  ApiClient client_;
  DriveApi api_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DRIVE_CLIENT_H_
