// SPDX-License-Identifier: Apache-2.0
//
// The form of a batch: a multipart/mixed body whose parts are HTTP requests,
// and the answer's, whose parts are their responses in the same order.
#ifndef VMTEST_FAKEDRIVE_DRIVE_BATCH_H_
#define VMTEST_FAKEDRIVE_DRIVE_BATCH_H_

#include <string>
#include <string_view>
#include <vector>

#include "vmtest/fakedrive/drive/api_error.h"
#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

// Google's limit.
inline constexpr size_t kMaxBatchCalls = 100;

struct BatchCall {
  std::string content_id;  // Of its part, or "".
  RequestHead head;
  std::string body;
};

// 400 for what is no batch, or one of more than kMaxBatchCalls.
ApiResult<std::vector<BatchCall>> ParseBatch(std::string_view body,
                                             std::string_view content_type);

struct BatchAnswer {
  std::string content_id;  // Of the call.
  Response response;
};

Response FormatBatch(const std::vector<BatchAnswer>& answers);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_BATCH_H_
