// SPDX-License-Identifier: Apache-2.0
//
// StoredFile finds out whether a file that was sent is on Drive. A detail of
// DriveApi.
//
// Thread-safety: none; it belongs to one call.
#ifndef DRIVEROOT_STORE_DRIVE_STORED_FILE_H_
#define DRIVEROOT_STORE_DRIVE_STORED_FILE_H_

#include <string>
#include <string_view>
#include <utility>

#include "driveroot/net/api_client.h"
#include "driveroot/net/http.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/sent_content.h"

namespace driveroot {

class StoredFile {
 public:
  // `drive_endpoint` as Endpoints::drive. All references outlive the object.
  StoredFile(ApiClient* client, const std::string& drive_endpoint,
             const SentContent* content)
      : client_(client), drive_endpoint_(drive_endpoint), content_(content) {}

  // After `response`, a 2xx to `call`, which sent the content: the file, if the
  // answer or its metadata, which is asked for if need be, prove that it holds
  // what was sent. A transient failure otherwise.
  Attempt<DriveFile> Confirm(std::string_view call,
                             const HttpResponse& response) const;

 private:
  ApiClient* client_;
  const std::string& drive_endpoint_;
  const SentContent* content_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_STORED_FILE_H_
