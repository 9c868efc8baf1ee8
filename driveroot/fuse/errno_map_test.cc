// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/errno_map.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace driveroot {
namespace {

TEST(ErrnoMapTest, GivesWhatProgramsLookFor) {
  EXPECT_EQ(ErrnoFor(ErrorCode::kNotFound), ENOENT);
  EXPECT_EQ(ErrnoFor(ErrorCode::kAlreadyExists), EEXIST);
  EXPECT_EQ(ErrnoFor(ErrorCode::kNotEmpty), ENOTEMPTY);
  EXPECT_EQ(ErrnoFor(ErrorCode::kNotSupported), EOPNOTSUPP);
  EXPECT_EQ(ErrnoFor(ErrorCode::kNoAttribute), ENODATA);
  EXPECT_EQ(ErrnoFor(ErrorCode::kNoSuchDeviceAddress), ENXIO);
  EXPECT_EQ(ErrnoFor(ErrorCode::kTooManyLinks), EMLINK);
}

TEST(ErrnoMapTest, AVolumeTakenOverIsReadOnly) {
  EXPECT_EQ(ErrnoFor(ErrorCode::kFenced), EROFS);
  EXPECT_EQ(ErrnoFor(ErrorCode::kReadOnly), EROFS);
}

TEST(ErrnoMapTest, EveryCodeIsAnError) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kStale); ++code) {
    EXPECT_GT(ErrnoFor(static_cast<ErrorCode>(code)), 0) << code;
  }
}

TEST(ErrnoMapTest, NeverSaysThatAnOperationIsMissing) {
  // The kernel takes ENOSYS for "never ask again".
  for (int code = 0; code <= static_cast<int>(ErrorCode::kStale); ++code) {
    EXPECT_NE(ErrnoFor(static_cast<ErrorCode>(code)), ENOSYS) << code;
  }
}

}  // namespace
}  // namespace driveroot
