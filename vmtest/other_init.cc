// SPDX-License-Identifier: Apache-2.0
//
// Roots whose first process is not systemd: their scripts must not take them
// for systemd's, and their power-off kills all processes, takes the network
// down, and calls reboot(2), with nothing saved by us before.
#include <cstdlib>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "vmtest/machine_test_util.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::vmtest {
namespace {

std::string* program = nullptr;
TestBed* bed = nullptr;

struct OtherInit {
  const char* name;
  const char* archive;
  const char* power_off;
  const char* reboot;
};

constexpr OtherInit kInits[] = {
    // Kills one after the other, and switches the network off.
    {"sysvinit", "rootfs/debian_sysvinit.tar", "poweroff", "reboot"},
    // Kills all at once.
    {"busybox", "rootfs/debian_busybox.tar", "busybox poweroff",
     "busybox reboot"},
};

class OtherInitTest : public testing::TestWithParam<OtherInit> {
 protected:
  static void SetUpTestSuite() {
    const Result<Image> image = FindImage(*program);
    ASSERT_TRUE(image) << image.error();
    image_ = new Image(*image);
    const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
    Result<std::unique_ptr<TestBed>> created = TestBed::Create(
        *image, outputs != nullptr ? outputs : testing::TempDir());
    ASSERT_TRUE(created) << "host: " << created.error();
    bed = created->release();
  }

  static void TearDownTestSuite() {
    delete bed;
    delete image_;
  }

  void SetUp() override {
    ASSERT_NE(bed, nullptr);
    const Result<std::string> pushed =
        bed->Driveroot("push", {image_->File(GetParam().archive), volume_});
    ASSERT_TRUE(pushed) << "host: " << pushed.error();
  }

  // Ends the machine, which must have closed the volume before.
  void End(Machine& machine, const char* command, const char* reason) {
    ASSERT_NO_FATAL_FAILURE(Expect(
        machine, command, "driveroot: everything is saved in the volume"));
    const Status ended = ExpectEnd(machine, reason);
    ASSERT_TRUE(ended) << "guest: " << ended.error();
    const Result<std::string> type = LastRecordType(*bed, volume_);
    ASSERT_TRUE(type) << "host: " << type.error();
    EXPECT_EQ(*type, "close");
  }

  const std::string volume_ = std::string("drive:") + GetParam().name;
  static inline Image* image_ = nullptr;
};

TEST_P(OtherInitTest, StartsAndStops) {
  const OtherInit& init = GetParam();
  {
    // Nothing is stored before it is asked for.
    const Result<std::unique_ptr<Machine>> machine = bed->Boot(
        std::string(init.name) + "-poweroff", volume_,
        {.disks = {}, .mount_flags = {"--commit_interval_ms=3600000"}});
    ASSERT_TRUE(machine) << machine.error();
    const Status status = LogIn(**machine);
    ASSERT_TRUE(status) << "guest: " << status.error();
    // Whoever ends everything does not end the daemon.
    ASSERT_NO_FATAL_FAILURE(Expect(
        **machine,
        "ls -d /run/systemd/system; pkill -9 driveroot; echo written-last > "
        "/root/last; echo is-$(cat /root/last)-$(cat /proc/1/comm)",
        "is-written-last-init"));
    const std::string transcript = (*machine)->console().Transcript();
    EXPECT_EQ(Count(transcript, "failed!"), 0) << transcript;
    EXPECT_EQ(Count(transcript, "\n/run/systemd/system"), 0) << transcript;
    ASSERT_NO_FATAL_FAILURE(End(**machine, init.power_off, "guest-shutdown"));
  }
  const Result<std::unique_ptr<Machine>> machine =
      bed->Boot(std::string(init.name) + "-reboot", volume_);
  ASSERT_TRUE(machine) << machine.error();
  const Status status = LogIn(**machine);
  ASSERT_TRUE(status) << "guest: " << status.error();
  ASSERT_NO_FATAL_FAILURE(Expect(**machine, "echo it-says-$(cat /root/last)",
                                 "it-says-written-last"));
  ASSERT_NO_FATAL_FAILURE(End(**machine, init.reboot, "guest-reset"));
}

INSTANTIATE_TEST_SUITE_P(Inits, OtherInitTest, testing::ValuesIn(kInits),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace driveroot::vmtest

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string program = argv[0];
  driveroot::vmtest::program = &program;
  return RUN_ALL_TESTS();
}
