// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A device number that no mount has, and no other test process.
std::string Device() { return "4001:" + std::to_string(getpid()); }

// A socket of that name, as anybody can make one.
UniqueFd Take(const std::string& name, int backlog) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const ControlAddress address = MakeControlAddress(name).value();
  EXPECT_EQ(bind(fd.get(), address.get(), address.size), 0);
  EXPECT_EQ(listen(fd.get(), backlog), 0);
  return fd;
}

TEST(FindControlNamesTest, FindsThoseOfTheDevice) {
  const std::string text =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 1 /run/x\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 2 "
      "@driveroot/0:27/aa\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 3 "
      "@driveroot/0:27/aa\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 4 "
      "@driveroot/0:271/bb\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 5 "
      "@driveroot/0:27\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 6 "
      "@driveroot/0:27/cc";
  EXPECT_THAT(
      FindControlNames(text, "0:27"),
      ElementsAre("driveroot/0:27/aa", "driveroot/0:27", "driveroot/0:27/cc"));
  EXPECT_THAT(FindControlNames(text, "0:2"), IsEmpty());
  EXPECT_THAT(FindControlNames("", "0:27"), IsEmpty());
  for (size_t size = 0; size < text.size(); ++size) {
    FindControlNames(text.substr(0, size), "0:27");
  }
}

TEST(ConnectToMountTest, TalksToTheOwnerAlone) {
  const Result<UniqueFd> listener = ListenForMount(Device());
  ASSERT_TRUE(listener) << listener.error();
  EXPECT_EQ(ConnectToMount(Device(), geteuid())->size(), 1U);
  EXPECT_TRUE(ConnectToMount(Device(), geteuid() + 1)->empty());
}

TEST(ConnectToMountTest, NobodyCanTakeTheNameBeforehand) {
  const UniqueFd plain = Take("driveroot/" + Device(), 1);
  const UniqueFd other = Take("driveroot/" + Device() + "/0", 1);
  EXPECT_TRUE(ListenForMount(Device()));
}

TEST(ConnectToMountTest, AStrangerThatAcceptsNothingHoldsNobodyUp) {
  const std::string name = "driveroot/" + Device() + "/0";
  const UniqueFd stranger = Take(name, 0);
  // Its queue is full.
  const ControlAddress address = MakeControlAddress(name).value();
  const UniqueFd first(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(first.get(), address.get(), address.size), 0);
  const Result<UniqueFd> listener = ListenForMount(Device());
  ASSERT_TRUE(listener) << listener.error();
  EXPECT_EQ(ConnectToMount(Device(), geteuid())->size(), 1U);
}

TEST(MakeControlAddressTest, RefusesWhatIsTooLong) {
  EXPECT_FALSE(MakeControlAddress(std::string(108, 'x')));
  EXPECT_TRUE(MakeControlAddress(std::string(107, 'x')));
}

}  // namespace
}  // namespace driveroot
