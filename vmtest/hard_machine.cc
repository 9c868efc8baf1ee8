// SPDX-License-Identifier: Apache-2.0
//
// A machine under adverse conditions, several in one boot, since a boot takes
// long: a root that a container was exported from, a first network card that
// leads nowhere, a clock of 2001 with a certificate that is younger than the
// image, and a Drive that goes away before the power-off. Then one whose daemon
// is killed.
#include <chrono>
#include <cstdlib>
#include <format>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "vmtest/machine_test_util.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::vmtest {
namespace {

constexpr char kVolume[] = "drive:hard-machine";
constexpr unsigned kGiveUpSeconds = 20;

std::string* program = nullptr;

// As fakedrive takes it.
std::string AnHourAgo() {
  const auto time = std::chrono::floor<std::chrono::seconds>(
      std::chrono::system_clock::now() - std::chrono::hours(1));
  return std::format("{:%y%m%d%H%M%S}Z", time);
}

void SaveDuringOutage(TestBed& bed, Machine& machine) {
  // The commit interval is an hour: nothing is stored before it is asked for.
  ASSERT_NO_FATAL_FAILURE(Expect(
      machine, "echo written-last > /root/last; echo is-$((6 * 7))", "is-42"));
  bed.drive().Kill();
  Status status = machine.console().Type("systemctl poweroff\n");
  ASSERT_TRUE(status) << "host: " << status.error();
  ASSERT_NO_FATAL_FAILURE(
      ExpectConsole(machine, "driveroot: nothing is stored for now: "));
  ASSERT_NO_FATAL_FAILURE(ExpectConsole(machine, "driveroot: NOT SAVED: "));
  ASSERT_NO_FATAL_FAILURE(
      Expect(machine, "", "driveroot: waiting another 20 s"));
  status = bed.drive().Restart();
  ASSERT_TRUE(status) << "host: " << status.error();
  ASSERT_NO_FATAL_FAILURE(
      ExpectConsole(machine, "driveroot: everything is saved in the volume"));
  status = ExpectEnd(machine, "guest-shutdown");
  ASSERT_TRUE(status) << "guest: " << status.error();
  const std::string transcript = machine.console().Transcript();
  EXPECT_EQ(Count(transcript, "driveroot: nothing is stored for now"), 1);
  EXPECT_EQ(Count(transcript, "driveroot: saving what was written"), 1);
}

TEST(HardMachineTest, BootsAndSavesAndRestarts) {
  const Result<Image> image = FindImage(*program);
  ASSERT_TRUE(image) << image.error();
  const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  Result<std::shared_ptr<PrivateDrive>> drive = PrivateDrive::Start(
      *image, outputs != nullptr ? outputs : testing::TempDir(),
      {"--certificate_from=" + AnHourAgo()});
  ASSERT_TRUE(drive) << "host: " << drive.error();
  const std::unique_ptr<TestBed> bed = TestBed::On(*image, *drive);
  const Result<std::string> pushed =
      bed->Driveroot("push", {image->File("vmtest/docker_root.tar"), kVolume});
  ASSERT_TRUE(pushed) << "host: " << pushed.error();

  {
    Result<std::unique_ptr<Machine>> machine =
        bed->Boot("outage", kVolume,
                  {.disks = {},
                   .mount_flags = {"--commit_interval_ms=3600000"},
                   .give_up_seconds = kGiveUpSeconds,
                   .clock = "2001-01-01T00:00:00",
                   .dead_end_card = true});
    ASSERT_TRUE(machine) << machine.error();
    const Status status = LogIn(**machine);
    ASSERT_TRUE(status) << "guest: " << status.error();
    ASSERT_NO_FATAL_FAILURE(
        Expect(**machine,
               "echo container=$(systemd-detect-virt --container),"
               "marks=$(ls -A / | grep -c dockerenv),$(date -u +%Y)",
               std::format("container=none,marks=0,{:%Y}",
                           std::chrono::system_clock::now())));
    ASSERT_NO_FATAL_FAILURE(SaveDuringOutage(*bed, **machine));
  }

  // The volume is closed, and holds what was written last.
  const Result<std::string> type = LastRecordType(*bed, kVolume);
  ASSERT_TRUE(type) << "host: " << type.error();
  EXPECT_EQ(*type, "close");

  const Result<std::unique_ptr<Machine>> machine = bed->Boot("killed", kVolume);
  ASSERT_TRUE(machine) << machine.error();
  const Status status = LogIn(**machine);
  ASSERT_TRUE(status) << "guest: " << status.error();
  ASSERT_NO_FATAL_FAILURE(Expect(**machine, "echo it-says-$(cat /root/last)",
                                 "it-says-written-last"));
  ASSERT_NO_FATAL_FAILURE(
      Expect(**machine, "pkill -9 driveroot",
             "driveroot: the program that serves the root file system has "
             "ended"));
  const Status ended = ExpectEnd(**machine, "guest-reset");
  ASSERT_TRUE(ended) << "guest: " << ended.error();
}

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string program = argv[0];
  driveroot::vmtest::program = &program;
  return RUN_ALL_TESTS();
}
