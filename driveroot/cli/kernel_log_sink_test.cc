// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/kernel_log_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

TEST(KernelLogSinkTest, ErrorsGoOutAsTheKernelsErrorsAndNothingElseDoes) {
  const std::string path = testing::TempDir() + "/log";
  const UniqueFd file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.valid());
  {
    const KernelLogSink sink(file.get());
    LOG(WARNING) << "slow";
    LOG(ERROR) << "taken over";
  }
  LOG(ERROR) << "too late";
  EXPECT_EQ(ReadFile(path, 4096).value_or("unreadable"),
            "<3>driveroot: taken over\n");
}

TEST(KernelLogSinkTest, OtherFilesAreNoKernelLog) {
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(IsKernelLog(null.get()));
  EXPECT_FALSE(IsKernelLog(-1));
}

}  // namespace
}  // namespace driveroot
