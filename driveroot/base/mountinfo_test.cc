// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/mountinfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace driveroot {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAtShutdown[] =
    "29 1 0:27 / /oldroot rw,relatime shared:1 - fuse.driveroot driveroot "
    "rw,user_id=0,group_id=0\n"
    "22 29 0:20 / /oldroot/proc rw,nosuid - proc proc rw\n"
    "24 29 0:23 / /oldroot/run rw - tmpfs tmpfs rw,mode=755\n"
    "40 24 0:33 / /oldroot/run/user/1\\0400 rw master:2 propagate_from:3 - "
    "tmpfs tmpfs rw\n"
    "50 1 0:23 /initramfs / rw - tmpfs tmpfs rw,mode=755\n"
    "51 50 0:20 / /oldrooted rw - proc proc rw\n";

TEST(ParseMountinfoTest, ReadsDeviceTargetAndType) {
  const std::vector<MountEntry> mounts = ParseMountinfo(kAtShutdown);
  ASSERT_EQ(mounts.size(), 6U);
  EXPECT_EQ(mounts[0], (MountEntry{.device = "0:27",
                                   .target = "/oldroot",
                                   .type = "fuse.driveroot",
                                   .owner = 0}));
  EXPECT_EQ(mounts[3].target, "/oldroot/run/user/1 0");
  EXPECT_EQ(mounts[3].type, "tmpfs");
}

TEST(ParseMountinfoTest, KnowsWhoMountedIt) {
  const auto owner = [](const std::string& options) {
    return ParseMountinfo("1 2 0:1 / /x rw - fuse.driveroot d " + options)
        .at(0)
        .owner;
  };
  EXPECT_EQ(owner("rw,user_id=1000,group_id=7"), 1000U);
  EXPECT_EQ(owner("user_id=0"), 0U);
  for (const char* none : {"", "rw", "user_id=", "user_id=x", "user_id=7x",
                           "xuser_id=7", "user_id=99999999999"}) {
    EXPECT_EQ(owner(none), std::nullopt) << none;
  }
}

TEST(ReadMountinfoTest, SeesTheRoot) {
  const auto mounts = ReadMountinfo();
  ASSERT_TRUE(mounts) << mounts.error();
  EXPECT_TRUE(std::ranges::contains(*mounts, "/", &MountEntry::target));
}

TEST(ParseMountinfoTest, SkipsWhatDoesNotLookRight) {
  EXPECT_THAT(ParseMountinfo(""), IsEmpty());
  EXPECT_THAT(ParseMountinfo("\n\n1 2 3\n - \n1 2 0:1 / /x rw - \n"),
              IsEmpty());
  EXPECT_THAT(ParseMountinfo("1 2 0:1 / /x rw"), IsEmpty());
  const std::string text = kAtShutdown;
  for (size_t size = 0; size < text.size(); ++size) {
    ParseMountinfo(text.substr(0, size));
  }
}

TEST(ParseMountinfoTest, KeepsABackslashThatEscapesNothing) {
  const std::vector<MountEntry> mounts =
      ParseMountinfo("1 2 0:1 / /a\\9\\04 rw - tmpfs t rw");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].target, "/a\\9\\04");
}

TEST(UnmountOrderTest, DeepestFirstAndNothingElse) {
  EXPECT_THAT(UnmountOrder(ParseMountinfo(kAtShutdown), "/oldroot"),
              ElementsAre("/oldroot/run/user/1 0", "/oldroot/run",
                          "/oldroot/proc", "/oldroot"));
}

}  // namespace
}  // namespace driveroot
