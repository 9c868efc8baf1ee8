// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/result.h"

#include <cerrno>
#include <memory>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) {
    return Fail(ErrorCode::kInvalidArgument, "odd number");
  }
  return value / 2;
}

Result<int> Quarter(int value) {
  DRIVEROOT_ASSIGN_OR_RETURN(const int half, Half(value));
  DRIVEROOT_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

Status CheckEven(int value) {
  DRIVEROOT_RETURN_IF_ERROR(Half(value));
  return {};
}

TEST(ResultTest, MacrosPassValuesAndErrorsOn) {
  EXPECT_EQ(Quarter(12).value(), 3);
  const Result<int> failed = Quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(CheckEven(2));
  EXPECT_FALSE(CheckEven(3));
}

TEST(ResultTest, AssignMovesOutOfTheResult) {
  auto make = []() -> Result<std::unique_ptr<int>> {
    return std::make_unique<int>(7);
  };
  auto use = [&]() -> Result<int> {
    DRIVEROOT_ASSIGN_OR_RETURN(std::unique_ptr<int> owned, make());
    return *owned;
  };
  EXPECT_EQ(use().value(), 7);
}

TEST(ErrorTest, FromErrnoNamesTheThingAndTheReason) {
  const Error error = Error::FromErrno(ENOENT, "cannot open /a");
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(error.ToString(),
            "NotFound: cannot open /a: No such file or directory");
}

TEST(ErrorTest, UnknownErrnoIsIo) {
  EXPECT_EQ(Error::FromErrno(EPROTO, "x").code(), ErrorCode::kIo);
}

TEST(ErrorTest, ContextComesFirstAndKeepsTheCode) {
  const Error error =
      Error(ErrorCode::kUnavailable, "timed out").WithContext("log record 7");
  EXPECT_EQ(error.message(), "log record 7: timed out");
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(error.retryable());
}

TEST(ErrorTest, OnlyUnavailableIsRetryable) {
  EXPECT_FALSE(Error(ErrorCode::kDataLoss, "x").retryable());
  EXPECT_FALSE(Error(ErrorCode::kOutOfSpace, "x").retryable());
}

}  // namespace
}  // namespace driveroot
