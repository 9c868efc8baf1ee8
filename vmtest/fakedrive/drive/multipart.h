// SPDX-License-Identifier: Apache-2.0
//
// multipart/related bodies of uploads: a JSON part, then the file's bytes.
#ifndef VMTEST_FAKEDRIVE_DRIVE_MULTIPART_H_
#define VMTEST_FAKEDRIVE_DRIVE_MULTIPART_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/drive/api_error.h"
#include "vmtest/fakedrive/server/body.h"

namespace driveroot::fakedrive {

struct MultipartUpload {
  std::string metadata;
  std::string content_type;  // Of the second part, or "".
  uint64_t offset = 0;       // Of the second part's bytes in the body.
  uint64_t length = 0;
};

// The boundary of a multipart Content-Type of that subtype, or "".
std::string MultipartBoundary(std::string_view content_type,
                              std::string_view subtype = "related");

// Lines may end in CRLF or, as some clients send, LF: as the first one does.
// 400 if there are not exactly two parts, or if the second is encoded.
ApiResult<MultipartUpload> ParseMultipart(const Body& body,
                                          std::string_view boundary);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_MULTIPART_H_
