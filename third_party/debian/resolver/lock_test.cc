// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "driveroot/base/files.h"
#include "third_party/debian/resolver/lock_file.h"

namespace driveroot::debian {
namespace {

constexpr uint64_t kMaxFileBytes = 64 << 20;

TEST(Lock, AgreesWithWhatIsWanted) {
  const Result<std::string> packages =
      ReadFile("third_party/debian/packages.json", kMaxFileBytes);
  ASSERT_TRUE(packages) << packages.error().message();
  const Result<std::string> text =
      ReadFile("third_party/debian/lock.json", kMaxFileBytes);
  ASSERT_TRUE(text) << text.error().message();
  const Result<WantedPackages> wanted = ParseWantedPackages(*packages);
  ASSERT_TRUE(wanted) << wanted.error().message();
  const Result<Lock> lock = ParseLock(*text);
  ASSERT_TRUE(lock) << lock.error().message();

  for (const std::string& complaint : CompareLock(*wanted, *lock)) {
    ADD_FAILURE() << complaint
                  << "; run: ./bazelw run //third_party/debian:lock";
  }
  EXPECT_EQ(WriteLock(*lock), *text) << "lock.json was edited by hand";
}

}  // namespace
}  // namespace driveroot::debian
