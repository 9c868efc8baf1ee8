// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/log_clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "driveroot/volume/history.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

constexpr TimeNs kSecond = 1'000'000'000;
constexpr TimeNs kHour = 3600 * kSecond;
constexpr TimeNs kDay = 24 * kHour;
constexpr TimeNs kStart = 20'000 * kDay;  // in 2024
constexpr TimeNs kYear = 365 * kDay;

// A machine with a clock that is set and time that passes.
struct Machine {
  TimeNs wall = kStart;
  TimeNs passed = 0;
  bool is_right = false;

  void Wait(TimeNs time) {
    wall += time;
    passed += time;
  }

  LogClock Clock(TimeNs last) {
    return LogClock(
        {.now = [this] { return wall; },
         .elapsed = [this] { return std::chrono::nanoseconds(passed); },
         .is_right = [this] { return is_right; }},
        last);
  }
};

TEST(LogClockTest, FollowsAClockThatGoesRight) {
  Machine machine;
  LogClock clock = machine.Clock(kStart);
  for (int i = 0; i < 100; ++i) {
    machine.Wait(kHour);
    EXPECT_EQ(clock.Now(), machine.wall);
  }
  EXPECT_TRUE(clock.Leaps().empty());
}

TEST(LogClockTest, NeverGoesBack) {
  Machine machine;
  LogClock clock = machine.Clock(kStart);
  machine.wall -= 20 * kYear;  // its battery is empty
  EXPECT_EQ(clock.Now(), kStart);
  machine.Wait(2 * kHour);
  EXPECT_EQ(clock.Now(), kStart + kHour);
  // Somebody sets it right.
  machine.wall = kStart + 3 * kHour;
  EXPECT_EQ(clock.Now(), kStart + 3 * kHour);
}

TEST(LogClockTest, DoesNotFollowAnAbsurdLeap) {
  Machine machine;
  LogClock clock = machine.Clock(kStart);
  machine.wall += 13 * kYear;
  machine.Wait(kHour);
  EXPECT_EQ(clock.Now(), kStart + kHour);
  machine.Wait(kHour);
  EXPECT_EQ(clock.Now(), kStart + 2 * kHour);
  EXPECT_TRUE(clock.Leaps().empty());
  // Unless a time server says so.
  machine.is_right = true;
  EXPECT_EQ(clock.Now(), machine.wall);
  ASSERT_EQ(clock.Leaps().size(), 1u);
  EXPECT_EQ(clock.Leaps()[0].after, kStart + 2 * kHour);
}

TEST(LogClockTest, TellsOfLeapsThatItFollows) {
  Machine machine;
  // It was off for a month; then its clock is set by a week.
  LogClock clock = machine.Clock(kStart - 30 * kDay);
  EXPECT_EQ(clock.Now(), kStart);
  machine.Wait(kHour);
  EXPECT_EQ(clock.Now(), kStart + kHour);
  machine.wall += 7 * kDay;
  EXPECT_EQ(clock.Now(), machine.wall);
  const auto leaps = clock.Leaps();
  ASSERT_EQ(leaps.size(), 2u);
  EXPECT_EQ(leaps[0].after, kStart - 30 * kDay);
  EXPECT_EQ(leaps[0].length, 30 * kDay - kHour / 2);
  EXPECT_EQ(leaps[1].after, kStart + kHour);
  EXPECT_EQ(leaps[1].length, 7 * kDay);
}

// A volume on such a machine, with an hour of history.
class ClockVolumeTest : public testing::Test {
 protected:
  VolumeOptions Options() {
    VolumeOptions options = TestOptions();
    options.now = [this] { return machine_.wall; };
    options.elapsed = [this] {
      return std::chrono::nanoseconds(machine_.passed);
    };
    options.garbage_interval = std::chrono::hours(24);  // so that Close tidies
    return options;
  }

  // Writes each minute for an hour.
  void Work(Volume& volume) {
    for (int i = 0; i < 60; ++i) {
      machine_.Wait(kHour / 60);
      ASSERT_TRUE(PutFile(volume, "file", Noise(1000, i)));
      ASSERT_TRUE(volume.Sync());
    }
  }

  uint64_t RecordsFrom() {
    FakeObjectStore store(account_);
    const auto history = ReadHistory(store, /*all=*/true, 0);
    EXPECT_TRUE(history) << history.error();
    return history ? history->records_from : UINT64_MAX;
  }

  std::shared_ptr<FakeAccount> account_ = FormattedAccount();
  Machine machine_{.wall = NowAfterFormat()};

 private:
  // Volume::Format takes the system's time.
  static TimeNs NowAfterFormat() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

TEST_F(ClockVolumeTest, AClockThatLeapsDeletesNoHistory) {
  for (const TimeNs leap : {11 * kYear, 300 * kDay, 2 * kDay}) {
    SCOPED_TRACE(leap / kDay);
    account_ = FormattedAccount();
    for (int mount = 0; mount < 2; ++mount) {
      const auto volume = OpenOn(account_, Options());
      ASSERT_TRUE(volume) << volume.error();
      Work(**volume);
      if (mount == 1) machine_.wall += leap;
      ASSERT_TRUE((*volume)->Close());
    }
    EXPECT_EQ(RecordsFrom(), 0u);
    machine_.wall -= leap;
  }
}

TEST_F(ClockVolumeTest, AMachineThatStartsWithAWrongClockDeletesNoHistory) {
  {
    const auto volume = OpenOn(account_, Options());
    ASSERT_TRUE(volume) << volume.error();
    Work(**volume);
    ASSERT_TRUE((*volume)->Close());
  }
  machine_.wall += 11 * kYear;
  for (int boot = 0; boot < 5; ++boot) {
    const auto volume = OpenOn(account_, Options());
    ASSERT_TRUE(volume) << volume.error();
    Work(**volume);
    ASSERT_TRUE((*volume)->Close());
    EXPECT_EQ(RecordsFrom(), 0u);
  }
}

TEST_F(ClockVolumeTest, TimeThatPassedMakesHistoryOld) {
  const auto volume = OpenOn(account_, Options());
  ASSERT_TRUE(volume) << volume.error();
  for (int day = 0; day < 3; ++day) {
    Work(**volume);
    ASSERT_TRUE((*volume)->CollectGarbage({}));
    machine_.Wait(30 * kHour);
  }
  ASSERT_TRUE((*volume)->CollectGarbage({}));
  EXPECT_GT(RecordsFrom(), 60u);
}

// A machine that is killed again and again rewrites its files each time.
TEST_F(ClockVolumeTest, ThePastIsThinnedByBytes) {
  const RetentionPolicy policy = {.past_percent = 300,
                                  .past_floor_bytes = 1'000'000};
  VolumeOptions options = Options();
  options.max_inline_bytes = 1000;
  options.segment_bytes = 200'000;
  options.retention = policy;
  uint64_t most = 0;
  for (int kill = 0; kill < 100; ++kill) {
    const auto volume = OpenOn(account_, options);
    ASSERT_TRUE(volume) << volume.error();
    for (int i = 0; i < 3; ++i) {
      machine_.Wait(kSecond);
      ASSERT_TRUE(PutFile(**volume, "file" + std::to_string(i),
                          Noise(100'000, 3 * kill + i)));
      ASSERT_TRUE((*volume)->Sync());
    }
    if (kill % 10 == 9) {
      ASSERT_TRUE((*volume)->CollectGarbage({.retention = policy}));
      const VolumeStatus status = (*volume)->GetStatus();
      EXPECT_EQ(status.past_limit_bytes, 1'000'000u);
      EXPECT_LE(status.past_bytes, status.past_limit_bytes);
    }
    most = std::max(most, (*volume)->GetStatus().past_bytes);
  }
  EXPECT_GT(most, 2'000'000u);
  uint64_t stored = 0;
  for (const auto& [id, object] : account_->objects) {
    if (object.kind == ObjectKind::kSegment) stored += object.bytes.size();
  }
  EXPECT_LT(stored, 1'600'000u);
  const auto volume = OpenOn(account_, options);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFile(**volume, "file2").value_or("") == Noise(100'000, 299));
}

}  // namespace
}  // namespace driveroot
