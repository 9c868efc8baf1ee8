// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/drive_client.h"

#include <optional>
#include <utility>

#include "driveroot/net/oauth/credentials_file.h"
#include "driveroot/net/system_files.h"

namespace driveroot {
namespace {

// No wait between two attempts is longer, but for one that the server asks for.
constexpr std::chrono::minutes kRecent(2);

}  // namespace

Result<std::shared_ptr<DriveClient>> DriveClient::Open(
    const DriveClientOptions& options) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Endpoints endpoints,
                             MakeEndpoints(options.drive_endpoint));
  std::string path = options.credentials_file;
  if (path.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(path, DefaultCredentialsPath());
  }
  DRIVEROOT_ASSIGN_OR_RETURN(CredentialsFile opened,
                             CredentialsFile::Open(path));
  const TokenSource::NewerCredentials newer =
      [file = std::make_shared<CredentialsFile>(std::move(opened)),
       // An explicit endpoint stands for all of Google, its tokens included.
       is_google = options.drive_endpoint.empty()] {
        std::optional<Credentials> credentials = file->TakeNewer();
        if (credentials && !is_google) credentials->token_uri.clear();
        return credentials;
      };
  // What was read when it was opened.
  Credentials credentials = *newer();

  HttpClientOptions http;
  DRIVEROOT_ASSIGN_OR_RETURN(http.ca_pem, LoadCaBundle(options.ca_file));
  http.resolv_conf = options.resolv_conf;
  return std::make_shared<DriveClient>(std::move(http), std::move(credentials),
                                       endpoints, options.retry_limit,
                                       options.retry_observer, newer);
}

DriveClient::DriveClient(HttpClientOptions http, Credentials credentials,
                         const Endpoints& endpoints, RetryLimit limit,
                         RetryObserver observer,
                         TokenSource::NewerCredentials newer)
    : http_(std::move(http)),
      tokens_(&http_, &clock_, std::move(credentials), endpoints.token,
              std::move(newer)),
      client_(&http_, &tokens_, &clock_, limit,
              Noting(observer ? std::move(observer) : LogRetries(&clock_))),
      api_(&client_, endpoints) {}

DriveClient::~DriveClient() { Cancel(); }

void DriveClient::Cancel() {
  clock_.Cancel();
  http_.Cancel();
}

RetryObserver DriveClient::Noting(RetryObserver observer) {
  return [this, observer = std::move(observer)](const RetryNotice& notice) {
    {
      const std::lock_guard lock(trouble_mutex_);
      trouble_ = notice.failure.error.message();
      trouble_time_ = clock_.Now();
    }
    observer(notice);
  };
}

std::string DriveClient::RecentTrouble() {
  const std::lock_guard lock(trouble_mutex_);
  return clock_.Now() - trouble_time_ < kRecent ? trouble_ : "";
}

NetCounters DriveClient::Counters() const {
  NetCounters counters = http_.Counters();
  counters.retries = client_.retrier().retries();
  counters.rate_limited = client_.retrier().rate_limited();
  return counters;
}

}  // namespace driveroot
