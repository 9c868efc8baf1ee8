// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/operation_errors.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/fuse/errno_map.h"

namespace driveroot {
namespace {

std::vector<ErrorCode> AllCodes() {
  std::vector<ErrorCode> codes;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kStale); ++code) {
    codes.push_back(static_cast<ErrorCode>(code));
  }
  return codes;
}

// What an operation gives over all codes.
std::set<int> ErrorsOf(std::string_view operation) {
  std::set<int> errors;
  for (const ErrorCode code : AllCodes()) {
    errors.insert(ErrnoFor(operation, code));
  }
  return errors;
}

TEST(OperationErrorsTest, DataGivesWhatThePagesOfTheManualList) {
  const std::pair<std::string_view, std::set<int>> expected[] = {
      {"read", {EIO, EINTR, EISDIR, EBADF, ESTALE}},
      {"write", {EIO, EINTR, EBADF, EFBIG, ENOSPC, EPERM, EROFS, ESTALE}},
      {"fsync", {EIO, EINTR, EBADF, ENOSPC, EROFS, ESTALE}},
      {"fsyncdir", {EIO, EINTR, EBADF, ENOSPC, EROFS, ESTALE}},
      {"lseek", {EIO, EINTR, EBADF, EINVAL, ENXIO, ESTALE}}};
  for (const auto& [operation, errors] : expected) {
    EXPECT_EQ(ErrorsOf(operation), errors) << operation;
  }
}

// Each of these codes stands for an HTTP status somewhere.
TEST(OperationErrorsTest, NoStatusOfAServerReachesAProgram) {
  for (const ErrorCode code :
       {ErrorCode::kInvalidArgument, ErrorCode::kPermissionDenied,
        ErrorCode::kUnauthenticated, ErrorCode::kNotFound,
        ErrorCode::kAlreadyExists, ErrorCode::kUnavailable,
        ErrorCode::kNotSupported, ErrorCode::kBusy}) {
    for (const std::string_view operation :
         {"read", "write", "fsync", "fsyncdir", "release"}) {
      EXPECT_EQ(ErrnoFor(operation, code), EIO)
          << operation << " " << ErrorCodeName(code);
    }
  }
}

TEST(OperationErrorsTest, TheFileSystemsOwnErrorsStay) {
  EXPECT_EQ(ErrnoFor("rename", ErrorCode::kNotEmpty), ENOTEMPTY);
  EXPECT_EQ(ErrnoFor("rename", ErrorCode::kCrossDevice), EXDEV);
  EXPECT_EQ(ErrnoFor("link", ErrorCode::kTooManyLinks), EMLINK);
  EXPECT_EQ(ErrnoFor("getxattr", ErrorCode::kNoAttribute), ENODATA);
  EXPECT_EQ(ErrnoFor("setxattr", ErrorCode::kArgumentTooBig), E2BIG);
  EXPECT_EQ(ErrnoFor("mkdir", ErrorCode::kAlreadyExists), EEXIST);
  EXPECT_EQ(ErrnoFor("unlink", ErrorCode::kReadOnly), EROFS);
  EXPECT_EQ(ErrnoFor("fallocate", ErrorCode::kNotSupported), EOPNOTSUPP);
  EXPECT_EQ(ErrnoFor("write", ErrorCode::kOutOfSpace), ENOSPC);
  EXPECT_EQ(ErrnoFor("setattr", ErrorCode::kNotPermitted), EPERM);
}

TEST(OperationErrorsTest, AnUnknownOperationGivesTheLeast) {
  EXPECT_EQ(ErrorsOf("no such operation"), (std::set<int>{EIO, EINTR, ESTALE}));
}

}  // namespace
}  // namespace driveroot
