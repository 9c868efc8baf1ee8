// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/drive_client.h"

#include <utility>

#include "driveroot/net/system_files.h"

namespace driveroot {

Result<std::shared_ptr<DriveClient>> DriveClient::Open(
    const DriveClientOptions& options) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Endpoints endpoints,
                             MakeEndpoints(options.drive_endpoint));
  std::string path = options.credentials_file;
  if (path.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(path, DefaultCredentialsPath());
  }
  DRIVEROOT_ASSIGN_OR_RETURN(Credentials credentials, LoadCredentials(path));
  // An explicit endpoint stands for all of Google, its tokens included.
  if (!options.drive_endpoint.empty()) credentials.token_uri.clear();

  HttpClientOptions http;
  DRIVEROOT_ASSIGN_OR_RETURN(http.ca_pem, LoadCaBundle(options.ca_file));
  http.resolv_conf = options.resolv_conf;
  return std::make_shared<DriveClient>(std::move(http), std::move(credentials),
                                       endpoints, options.retry_limit,
                                       options.retry_observer);
}

DriveClient::DriveClient(HttpClientOptions http, Credentials credentials,
                         const Endpoints& endpoints, RetryLimit limit,
                         RetryObserver observer)
    : http_(std::move(http)),
      tokens_(&http_, &clock_, std::move(credentials), endpoints.token),
      client_(&http_, &tokens_, &clock_, limit,
              observer ? std::move(observer) : LogRetries(&clock_)),
      api_(&client_, endpoints) {}

DriveClient::~DriveClient() { Cancel(); }

void DriveClient::Cancel() {
  clock_.Cancel();
  http_.Cancel();
}

NetCounters DriveClient::Counters() const {
  NetCounters counters = http_.Counters();
  counters.retries = client_.retrier().retries();
  counters.rate_limited = client_.retrier().rate_limited();
  return counters;
}

}  // namespace driveroot
