// SPDX-License-Identifier: Apache-2.0
//
// Ends a machine ten times in the ways that hang a root in user space: at once,
// under load, after idling, and after everything that the kernel had cached of
// the root was thrown away. A hang shows as a machine that is not off in time.
#include <iostream>
#include <string>

#include "gtest/gtest.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::vmtest {
namespace {

constexpr char kVolume[] = "drive:power-test";

std::string* program = nullptr;

struct Ending {
  const char* name;
  // Run on the console before the command that ends the machine.
  const char* before;
  const char* command;
  const char* reason;  // as QEMU names it
};

constexpr char kPowerOff[] = "guest-shutdown";
constexpr char kReboot[] = "guest-reset";

constexpr char kEvict[] =
    "sync; for i in 1 2 3; do echo 3 > /proc/sys/vm/drop_caches; done";
constexpr char kEvictInALoop[] =
    "(while :; do echo 2 > /proc/sys/vm/drop_caches; sleep 0.2; done) &";
constexpr char kIdle[] = "sleep 20";
constexpr char kLoad[] =
    "(while :; do cp -a /etc /var/tmp/load; rm -rf /var/tmp/load; done) &";

constexpr Ending kEndings[] = {
    {"poweroff", "true", "systemctl poweroff", kPowerOff},
    {"reboot", "true", "systemctl reboot", kReboot},
    {"poweroff-evicted", kEvict, "systemctl poweroff", kPowerOff},
    {"reboot-evicted", kEvict, "systemctl reboot", kReboot},
    {"poweroff-evicting", kEvictInALoop, "systemctl poweroff", kPowerOff},
    {"reboot-evicting", kEvictInALoop, "systemctl reboot", kReboot},
    {"poweroff-idle", kIdle, "systemctl poweroff", kPowerOff},
    {"reboot-idle", kIdle, "systemctl reboot", kReboot},
    {"poweroff-load", kLoad, "systemctl poweroff", kPowerOff},
    {"reboot-load", kLoad, "systemctl reboot", kReboot},
};

TEST(PowerCyclesTest, TenEndingsAreClean) {
  const Result<Image> image = FindImage(*program);
  ASSERT_TRUE(image) << image.error();
  const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const Result<std::unique_ptr<TestBed>> bed = TestBed::Create(
      *image, outputs != nullptr ? outputs : testing::TempDir());
  ASSERT_TRUE(bed) << "host: " << bed.error();
  const Result<std::string> pushed =
      (*bed)->Driveroot("push", {image->File("rootfs/debian.tar"), kVolume});
  ASSERT_TRUE(pushed) << "host: " << pushed.error();
  for (const Ending& ending : kEndings) {
    SCOPED_TRACE(ending.name);
    Result<std::unique_ptr<Machine>> machine =
        (*bed)->Boot(ending.name, kVolume);
    ASSERT_TRUE(machine) << machine.error();
    Status status = LogIn(**machine);
    ASSERT_TRUE(status) << "guest: " << status.error();
    status = (*machine)->console().Type(std::string(ending.before) +
                                        "\necho ready-$((40 + 2))\n");
    ASSERT_TRUE(status) << "host: " << status.error();
    status = (*machine)->console().WaitFor("ready-42", kBootLimit);
    ASSERT_TRUE(status) << "guest: " << status.error();
    status = (*machine)->console().Type(std::string(ending.command) + "\n");
    ASSERT_TRUE(status) << "host: " << status.error();
    status = ExpectEnd(**machine, ending.reason);
    ASSERT_TRUE(status) << "guest: " << status.error() << "\n"
                        << (*machine)->console().Transcript();
    std::cout << ending.name << ": clean" << std::endl;
  }
  const Result<std::string> fsck = (*bed)->Driveroot("fsck", {kVolume});
  EXPECT_TRUE(fsck) << "host: " << fsck.error();
}

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string program = argv[0];
  driveroot::vmtest::program = &program;
  return RUN_ALL_TESTS();
}
