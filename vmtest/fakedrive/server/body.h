// SPDX-License-Identifier: Apache-2.0
//
// A request's body as it arrives: in memory while it is small, in an unnamed
// file of the spool folder beyond that, so that memory stays bounded however
// much is uploaded.
#ifndef VMTEST_FAKEDRIVE_SERVER_BODY_H_
#define VMTEST_FAKEDRIVE_SERVER_BODY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::fakedrive {

class Body {
 public:
  static constexpr uint64_t kMemoryLimit = uint64_t{256} << 10;

  // `spool_folder` must exist and outlive nothing: it is used by Append only.
  explicit Body(std::string spool_folder)
      : spool_folder_(std::move(spool_folder)) {}

  Status Append(std::string_view data);

  uint64_t size() const { return size_; }

  // Bytes [offset, offset + length), which must lie within the body.
  Result<std::string> Read(uint64_t offset, uint64_t length) const;

  // The whole body, if it has at most `limit` bytes; else kInvalidArgument.
  Result<std::string> ReadAll(uint64_t limit) const;

 private:
  std::string spool_folder_;
  std::string memory_;
  UniqueFd file_;
  uint64_t size_ = 0;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_BODY_H_
