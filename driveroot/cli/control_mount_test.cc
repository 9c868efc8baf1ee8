// SPDX-License-Identifier: Apache-2.0
//
// What talks to a mount's daemon: strangers do not get between, arguments
// arrive, and an unmount takes what it was told to and nothing else.
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "driveroot/base/mountinfo.h"
#include "driveroot/cli/drive_mount_fixture.h"

namespace driveroot {
namespace {

class ControlMountTest : public DriveMountTest {
 protected:
  bool IsVolume(const std::string& path) const {
    const auto mounts = ReadMountinfo();
    EXPECT_TRUE(mounts) << mounts.error();
    const MountEntry* seen = nullptr;
    for (const MountEntry& mount : *mounts) {
      if (mount.target == path) seen = &mount;
    }
    return seen != nullptr && seen->type == "fuse.driveroot";
  }
};

// Another user, who listens on every name that a mount may get, and answers
// that all is well.
[[noreturn]] void Squat(int ready) {
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(1);
  std::vector<pollfd> sockets;
  for (int minor = 0; minor < 300; ++minor) {
    for (const char* end : {"", "/0", "/ffffffffffffffff"}) {
      const std::string name = "driveroot/0:" + std::to_string(minor) + end;
      sockaddr_un address = {};
      address.sun_family = AF_UNIX;
      std::memcpy(address.sun_path + 1, name.data(), name.size());
      const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      if (fd < 0 ||
          bind(fd, reinterpret_cast<sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                      name.size())) != 0 ||
          listen(fd, 8) != 0) {
        _exit(2);
      }
      sockets.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    }
  }
  (void)!write(ready, "x", 1);
  while (poll(sockets.data(), sockets.size(), -1) > 0) {
    for (const pollfd& socket : sockets) {
      if ((socket.revents & POLLIN) == 0) continue;
      const int client = accept(socket.fd, nullptr, nullptr);
      constexpr char kAnswer[] =
          "{\"ok\":true,\"status\":{\"stranger\":true}}\n";
      (void)!write(client, kAnswer, sizeof(kAnswer) - 1);
      // Stays open.
    }
  }
  _exit(3);
}

TEST_F(ControlMountTest, StrangersDoNotGetBetween) {
  std::array<int, 2> ends;
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t stranger = fork();
  if (stranger == 0) Squat(ends[1]);
  close(ends[1]);
  char byte = 0;
  ASSERT_EQ(read(ends[0], &byte, 1), 1);
  close(ends[0]);
  Mount();
  Put(In("file"), "file");
  const Outcome status = Ask({"status", "--json", Path("mount")});
  EXPECT_EQ(status.code, 0) << status.output;
  EXPECT_TRUE(status.output.contains("\"volume\":\"drive:test\""))
      << status.output;
  const Outcome unmounted = Ask({"unmount", Path("mount")});
  EXPECT_EQ(unmounted.code, 0) << unmounted.output;
  EXPECT_EQ(End(), 0);
  EXPECT_FALSE(IsMounted());
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  Mount();
  EXPECT_EQ(Get("file"), "file");
}

TEST_F(ControlMountTest, ArgumentsOfAnyBytesArrive) {
  Mount({"--commit_interval_ms=3600000"});
  Put(In("file"), "file");
  for (const char* name : {"a\"b.tar", "a\\.tar", "a\nb.tar",
                           "{\"command\":\"ended\"}.tar", "\xff\xfe.tar"}) {
    const Outcome saved = Ask({"save", Path("mount"), Path(name)});
    EXPECT_EQ(saved.code, 0) << saved.output;
    EXPECT_TRUE(std::filesystem::exists(Path(name))) << name;
  }
  const Outcome saved =
      Ask({"save", Path("mount"), Path(std::string(100'000, 'x') + ".tar")});
  EXPECT_EQ(saved.code, 1);
  EXPECT_TRUE(saved.output.contains("too long")) << saved.output;
}

TEST_F(ControlMountTest, UnmountTakesThePathThatItIsGiven) {
  Mount();
  Put(In("file"), "file");
  ASSERT_TRUE(std::filesystem::create_directory(In("folder")));
  ASSERT_TRUE(std::filesystem::create_directory(Path("bound")));
  ASSERT_TRUE(std::filesystem::create_directory(Path("part")));
  ASSERT_EQ(mount(Path("mount").c_str(), Path("bound").c_str(), nullptr,
                  MS_BIND, nullptr),
            0);
  ASSERT_EQ(mount(In("folder").c_str(), Path("part").c_str(), nullptr, MS_BIND,
                  nullptr),
            0);
  // A folder of the volume is no mount.
  Outcome outcome = Ask({"unmount", In("folder")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(outcome.output.contains("no mount point")) << outcome.output;
  outcome = Ask({"unmount", folder_});
  EXPECT_EQ(outcome.code, 1);

  for (const char* name : {"bound", "part"}) {
    outcome = Ask({"unmount", Path(name)});
    EXPECT_EQ(outcome.code, 0) << outcome.output;
    EXPECT_TRUE(outcome.output.contains(Path("mount"))) << outcome.output;
    EXPECT_FALSE(IsVolume(Path(name)));
    EXPECT_TRUE(IsVolume(Path("mount")));
    EXPECT_EQ(Get("file"), "file");
  }
  // The other way round: the mount goes on elsewhere, the daemon with it.
  ASSERT_EQ(mount(Path("mount").c_str(), Path("bound").c_str(), nullptr,
                  MS_BIND, nullptr),
            0);
  outcome = Ask({"unmount", Path("mount")});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_FALSE(IsVolume(Path("mount")));
  EXPECT_EQ(ReadFile(Path("bound/file"), 100).value_or(""), "file");
  outcome = Ask({"unmount", Path("bound")});
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_EQ(End(), 0);
}

TEST_F(ControlMountTest, WhatIsMountedOnItIsNamed) {
  Mount();
  ASSERT_TRUE(std::filesystem::create_directory(In("folder")));
  ASSERT_EQ(mount("none", In("folder").c_str(), "tmpfs", 0, nullptr), 0);
  Outcome outcome = Ask({"unmount", Path("mount")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(outcome.output.contains("mounted below it: " + In("folder")))
      << outcome.output;
  EXPECT_TRUE(IsVolume(Path("mount")));
  // What lies over it is not the volume.
  outcome = Ask({"unmount", In("folder")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(outcome.output.contains("no volume")) << outcome.output;
  ASSERT_EQ(umount(In("folder").c_str()), 0);
  ASSERT_EQ(mount("none", Path("mount").c_str(), "tmpfs", 0, nullptr), 0);
  outcome = Ask({"unmount", Path("mount")});
  EXPECT_EQ(outcome.code, 1);
  ASSERT_EQ(umount(Path("mount").c_str()), 0);
  EXPECT_EQ(Ask({"unmount", Path("mount")}).code, 0);
  EXPECT_EQ(End(), 0);
}

TEST_F(ControlMountTest, ASignalTakesItsOwnMountsAndNoOthers) {
  Mount();
  Put(In("file"), "file");
  ASSERT_TRUE(std::filesystem::create_directory(Path("moved")));
  ASSERT_TRUE(std::filesystem::create_directory(Path("bound")));
  ASSERT_EQ(mount(Path("mount").c_str(), Path("bound").c_str(), nullptr,
                  MS_BIND, nullptr),
            0);
  ASSERT_EQ(mount(Path("mount").c_str(), Path("moved").c_str(), nullptr,
                  MS_MOVE, nullptr),
            0);
  // Somebody else's by now.
  ASSERT_EQ(mount("none", Path("mount").c_str(), "tmpfs", 0, nullptr), 0);
  Put(In("other"), "other");
  daemon_->Signal(SIGTERM);
  EXPECT_EQ(End(), 0);
  EXPECT_EQ(Get("other"), "other");
  EXPECT_FALSE(IsVolume(Path("moved")));
  EXPECT_FALSE(IsVolume(Path("bound")));
}

}  // namespace
}  // namespace driveroot
