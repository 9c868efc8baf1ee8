// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/end_limit.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <future>
#include <string>

#include "driveroot/base/unique_fd.h"
#include "driveroot/cli/service_manager.h"

namespace driveroot {
namespace {

constexpr std::chrono::hours kLong(1);

TEST(EndLimitTest, WhatIsReadyIsReady) {
  EndLimit limit(std::chrono::milliseconds(0));
  std::promise<void> work;
  work.set_value();
  limit.Begin();
  EXPECT_TRUE(limit.Await(work.get_future()));
}

TEST(EndLimitTest, IsOverAfterItsTime) {
  EndLimit limit(std::chrono::milliseconds(0));
  EXPECT_FALSE(limit.is_over());  // it has not begun
  limit.Begin();
  std::promise<void> never;
  EXPECT_FALSE(limit.Await(never.get_future()));
}

TEST(EndLimitTest, TheSecondSignalEndsIt) {
  EndLimit limit(kLong);
  limit.Signal();
  EXPECT_TRUE(limit.signalled());
  EXPECT_FALSE(limit.is_over());
  limit.Signal();
  EXPECT_TRUE(limit.is_over());
}

TEST(EndLimitTest, CanOnlyBeShortened) {
  EndLimit limit(std::chrono::milliseconds(0));
  limit.Begin();
  limit.Shorten(kLong);
  EXPECT_TRUE(limit.is_over());
  EndLimit other(kLong);
  other.Begin();
  other.Shorten(std::chrono::milliseconds(0));
  EXPECT_TRUE(other.is_over());
}

TEST(EndLimitTest, TellsTheServiceManager) {
  for (const char* name : {"@", "/"}) {
    const std::string path =
        *name == '@' ? "@end_limit_test/" + std::to_string(getpid())
                     : "/tmp/end_limit_test." + std::to_string(getpid());
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.size(), sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    if (*name == '@') address.sun_path[0] = '\0';
    const UniqueFd manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(manager.get(), reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                          path.size())),
              0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    NotifyServiceManager("READY=1");
    EndLimit limit(kLong);
    limit.Signal();
    std::promise<void> work;
    std::future<bool> waiting = std::async(
        std::launch::async,
        [&, future = work.get_future()] { return limit.Await(future); });
    std::array<char, 256> bytes;
    std::string text;
    for (int i = 0; i < 2; ++i) {
      const ssize_t size = recv(manager.get(), bytes.data(), bytes.size(), 0);
      ASSERT_GT(size, 0);
      text.append(bytes.data(), static_cast<size_t>(size)).append("|");
    }
    EXPECT_EQ(text,
              "READY=1|STOPPING=1\nSTATUS=storing what was written\n"
              "EXTEND_TIMEOUT_USEC=60000000|");
    work.set_value();
    EXPECT_TRUE(waiting.get());
    if (*name == '/') unlink(path.c_str());
  }
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace driveroot
