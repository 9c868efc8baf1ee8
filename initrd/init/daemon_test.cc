// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace driveroot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(DaemonArgumentsTest, AreWhatTheDaemonExpects) {
  const Settings settings = {
      .volume = "drive:My root",
      .drive_endpoint = "https://10.0.2.2:8443",
      .at = "2h",
      .options = {"--a=1", "--b"},
      .credentials_json = "s3cret",
  };
  EXPECT_THAT(
      DaemonArguments(settings),
      ElementsAre("@driveroot", "mount", "--foreground", "--root",
                  "--status_fd=3", "--await_network", "--fuse_device=/kfuse",
                  "--credentials=/etc/driveroot/credentials.json",
                  "--ca_file=/etc/driveroot/ca.pem",
                  "--drive_endpoint=https://10.0.2.2:8443", "--at=2h", "--a=1",
                  "--b", "drive:My root", "/sysroot"));
}

TEST(DaemonArgumentsTest, HoldNoSecretAndNoEmptyEndpoint) {
  const Settings settings = {.volume = "drive:x", .credentials_json = "s3cret"};
  for (const std::string& argument : DaemonArguments(settings)) {
    EXPECT_THAT(argument, Not(HasSubstr("s3cret")));
    EXPECT_THAT(argument, Not(HasSubstr("endpoint")));
  }
}

}  // namespace
}  // namespace driveroot
