// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/machine_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

class ControlGroups : public testing::Test {
 protected:
  // A group's limit; empty: the file is not there.
  void Put(const std::string& group, const std::string& limit) {
    std::filesystem::create_directories(root_ + group);
    if (!limit.empty()) std::ofstream(root_ + group + "/memory.max") << limit;
  }

  std::string root_ =
      testing::TempDir() + "/cgroup-" +
      testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ControlGroups, TheLowestLimitOnTheWayUpCounts) {
  Put("/a", "3000\n");
  Put("/a/b", "max\n");
  Put("/a/b/c", "5000\n");
  EXPECT_EQ(ControlGroupMemory("0::/a/b/c\n", root_), 3000U);
  EXPECT_EQ(ControlGroupMemory("0::/a/b\n", root_), 3000U);
  Put("/a/b/c", "2000\n");
  EXPECT_EQ(ControlGroupMemory("0::/a/b/c\n", root_), 2000U);
}

TEST_F(ControlGroups, WithoutALimitThereIsNone) {
  Put("/a", "max\n");
  EXPECT_EQ(ControlGroupMemory("0::/a\n", root_), UINT64_MAX);
  EXPECT_EQ(ControlGroupMemory("0::/\n", root_), UINT64_MAX);
  EXPECT_EQ(ControlGroupMemory("", root_), UINT64_MAX);
  EXPECT_EQ(ControlGroupMemory("nonsense", root_), UINT64_MAX);
}

TEST_F(ControlGroups, GroupsOfVersion1ArePassedOver) {
  Put("/mine", "7000\n");
  EXPECT_EQ(ControlGroupMemory("4:memory:/x\n0::/mine\n", root_), 7000U);
  EXPECT_EQ(ControlGroupMemory("4:memory:/mine\n", root_), UINT64_MAX);
}

TEST(MachineMemory, IsNoMoreThanTheMachineHas) {
  const uint64_t machine = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                           static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_GT(MachineMemory(), 0U);
  EXPECT_LE(MachineMemory(), machine);
}

TEST(MachineMemory, AResourceLimitCounts) {
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 64 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
  EXPECT_EQ(MachineMemory(), uint64_t{64} << 20);
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &before), 0);
}

}  // namespace
}  // namespace driveroot
