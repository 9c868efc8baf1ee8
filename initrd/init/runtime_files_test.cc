// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/runtime_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace driveroot {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;

Connection SomeConnection() {
  return {.lease = {.interface = "eth0",
                    .address = "10.0.2.15",
                    .prefix_length = 24,
                    .routers = {"10.0.2.2"},
                    .dns_servers = {"10.0.2.3", "9.9.9.9"},
                    .search_domains = {"a.example", "b.example"}},
          .mac_address = "52:54:00:12:34:56"};
}

std::map<std::string, std::string> FilesByPath(const Connection& connection) {
  std::map<std::string, std::string> files;
  for (const auto& list :
       {RuntimeFiles(connection), SystemdRuntimeFiles(connection)}) {
    for (const RuntimeFile& file : list) files[file.path] = file.content;
  }
  return files;
}

TEST(RuntimeFilesTest, EachMachineHasItsOwnName) {
  const std::string mac = SomeConnection().mac_address;
  const std::string uuid = "4c4c4544-0043-3010-8052-b4c04f564231";
  const std::string name = DefaultHostname(uuid, mac);
  EXPECT_EQ(name.size(), sizeof("driveroot-") - 1 + 16) << name;
  EXPECT_TRUE(name.starts_with("driveroot-")) << name;
  // Another card makes no other machine of it.
  EXPECT_EQ(DefaultHostname(uuid, "52:54:00:00:00:00"), name);
  EXPECT_NE(DefaultHostname("4c4c4544-0043-3010-8052-b4c04f564232", mac), name);
}

TEST(RuntimeFilesTest, AUuidThatManyHaveNamesNobody) {
  for (const char* uuid :
       {"", "Not Settable", "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc"}) {
    EXPECT_EQ(DefaultHostname(uuid, SomeConnection().mac_address),
              "driveroot-525400123456")
        << uuid;
  }
}

TEST(RuntimeFilesTest, NetworkdKeepsWhatTheRootNeeds) {
  EXPECT_EQ(FilesByPath(
                SomeConnection())["/run/systemd/network/05-driveroot.network"],
            "[Match]\nMACAddress=52:54:00:12:34:56\nKind=!*\n\n"
            "[Network]\nDHCP=ipv4\nKeepConfiguration=yes\n\n"
            "[DHCPv4]\nClientIdentifier=mac\n");
}

TEST(RuntimeFilesTest, OtherNetworkProgramsLeaveTheInterfaceAlone) {
  std::map<std::string, std::string> files = FilesByPath(SomeConnection());
  EXPECT_THAT(files["/run/NetworkManager/conf.d/05-driveroot.conf"],
              HasSubstr("unmanaged-devices=mac:52:54:00:12:34:56"));
  EXPECT_EQ(files["/run/network/ifstate"], "eth0=eth0\n");
}

TEST(RuntimeFilesTest, JournalFlushIsStartedAndNotWaitedFor) {
  const RuntimeFile file = JournalFlushSettings();
  EXPECT_EQ(
      file.path,
      "/run/systemd/system/systemd-journal-flush.service.d/05-driveroot.conf");
  EXPECT_EQ(file.content, "[Service]\nType=exec\n");
}

TEST(RuntimeFilesTest, RandomSeedIsStartedAndNotWaitedFor) {
  EXPECT_EQ(FilesByPath(SomeConnection())["/run/systemd/system/"
                                          "systemd-random-seed.service.d/"
                                          "05-driveroot.conf"],
            "[Service]\nType=exec\n");
}

TEST(RuntimeFilesTest, NameServersReachResolvedAndOthers) {
  std::map<std::string, std::string> files = FilesByPath(SomeConnection());
  EXPECT_EQ(files["/run/systemd/resolved.conf.d/05-driveroot.conf"],
            "[Resolve]\nDNS=10.0.2.3 9.9.9.9\nDomains=a.example b.example\n");
  EXPECT_EQ(files["/run/driveroot/resolv.conf"],
            "nameserver 10.0.2.3\nnameserver 9.9.9.9\n"
            "search a.example b.example\n");
}

TEST(RuntimeFilesTest, WithoutNameServersResolvedGetsNoFile) {
  Connection connection = SomeConnection();
  connection.lease.dns_servers.clear();
  EXPECT_THAT(
      FilesByPath(connection),
      Not(Contains(Key("/run/systemd/resolved.conf.d/05-driveroot.conf"))));
}

TEST(RuntimeFilesTest, TheCommitUnitCallsTheInstalledHelper) {
  EXPECT_THAT(
      FilesByPath(
          SomeConnection())["/run/systemd/system/driveroot-commit.service"],
      HasSubstr("\nExecStop=/run/initramfs/shutdown --commit\n"));
}

// The folder is how their scripts recognise systemd.
TEST(RuntimeFilesTest, OtherInitsGetNothingOfSystemd) {
  const std::vector<pid_t> ours = {57, 60};
  for (const auto& list :
       {RuntimeFiles(SomeConnection()), OtherInitRuntimeFiles(ours)}) {
    for (const RuntimeFile& file : list) {
      EXPECT_FALSE(file.path.starts_with("/run/systemd")) << file.path;
    }
  }
}

TEST(RuntimeFilesTest, KillallLeavesUsOut) {
  const std::vector<pid_t> ours = {57, 60};
  const std::vector<RuntimeFile> files = OtherInitRuntimeFiles(ours);
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0].path, "/run/sendsigs.omit.d/driveroot");
  EXPECT_EQ(files[0].content, "57\n60\n");
}

TEST(ResolverTargetInRunTest, FollowsOnlyIntoRun) {
  EXPECT_EQ(ResolverTargetInRun("../run/systemd/resolve/stub-resolv.conf"),
            "/run/systemd/resolve/stub-resolv.conf");
  EXPECT_EQ(ResolverTargetInRun("/run/resolvconf/resolv.conf"),
            "/run/resolvconf/resolv.conf");
  EXPECT_EQ(ResolverTargetInRun("resolvconf/run/resolv.conf"), std::nullopt);
  EXPECT_EQ(ResolverTargetInRun("/run/../etc/shadow"), std::nullopt);
  EXPECT_EQ(ResolverTargetInRun("../../../run/x"), "/run/x");
  EXPECT_EQ(ResolverTargetInRun("/run/"), std::nullopt);
  EXPECT_EQ(ResolverTargetInRun(""), std::nullopt);
}

}  // namespace
}  // namespace driveroot
