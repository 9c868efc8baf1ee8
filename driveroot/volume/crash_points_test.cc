// SPDX-License-Identifier: Apache-2.0
//
// Prefix consistency, shown by enumeration. A workload of random changes and
// syncs runs on a store that remembers every request. Then the store is cut in
// each way in which a crash can leave it: after each request that it accepted,
// before each answer, and in each order of requests that were under way
// together. Each time the volume is mounted, all of it is read, and it must be
// in a state that some prefix of the changes made, which covers the last sync
// that had returned.
//
// DRIVEROOT_TEST_SEED=n in the environment gives other workloads.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/store/fake/store_history.h"
#include "driveroot/volume/crash_story.h"

namespace driveroot {
namespace {

constexpr size_t kRequiredPoints = 10'000;

uint64_t Seed() {
  const char* text = std::getenv("DRIVEROOT_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

VolumeOptions SmallOptions() {
  VolumeOptions options = TestOptions();
  options.max_inline_bytes = 4000;
  options.segment_bytes = 128 << 10;
  options.commit_bytes = 2 << 20;
  options.retry_delay = std::chrono::milliseconds(1);
  return options;
}

std::vector<CrashSetting> Settings() {
  VolumeOptions segments = SmallOptions();
  segments.max_inline_bytes = 0;
  VolumeOptions early = SmallOptions();
  early.commit_bytes = 20'000;
  return {
      {.name = "records",
       .options = SmallOptions(),
       .mounts = 24,
       .changes = 250,
       .sync_one_in = 2},
      {.name = "segments",
       .options = segments,
       .mounts = 28,
       .changes = 200,
       .sync_one_in = 2},
      {.name = "commits that nobody asked for",
       .options = early,
       .mounts = 4,
       .changes = 1200,
       .sync_one_in = 40},
      {.name = "requests that fail",
       .options = SmallOptions(),
       .mounts = 18,
       .changes = 250,
       .sync_one_in = 2,
       .fail_one_in = 4},
      {.name = "garbage collection",
       .options = segments,
       .mounts = 6,
       .changes = 200,
       .sync_one_in = 4,
       .collect_one_in = 30},
  };
}

// Checks all cuts of a story and returns how many are violations.
size_t CheckAll(const CrashStory& story) {
  std::atomic<size_t> next = 0;
  std::atomic<size_t> violations = 0;
  std::mutex mutex;  // of the output
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
      threads.emplace_back([&] {
        for (size_t i = next++; i < story.cuts().size(); i = next++) {
          const std::string problem = story.Check(i);
          if (problem.empty() || ++violations > 20) continue;
          const std::lock_guard lock(mutex);
          ADD_FAILURE() << "seed " << Seed() << ", " << story.name() << ", "
                        << story.cuts()[i].ToString() << ": " << problem;
        }
      });
    }
  }
  return violations;
}

TEST(CrashPointsTest, EachLeavesAPrefix) {
  std::cout << "seed " << Seed() << " (DRIVEROOT_TEST_SEED)\n";
  size_t points = 0;
  size_t violations = 0;
  for (const CrashSetting& setting : Settings()) {
    CrashStory story(setting, Seed());
    ASSERT_NO_FATAL_FAILURE(story.Run());
    const size_t found = CheckAll(story);
    std::cout << setting.name << ": " << story.states() << " states, "
              << story.deleted() << " objects deleted, " << story.cuts().size()
              << " crash points ("
              << std::ranges::count_if(
                     story.cuts(),
                     [](const StoreCut& cut) { return !cut.missing.empty(); })
              << " with an earlier request not done), " << found
              << " violations" << std::endl;
    points += story.cuts().size();
    violations += found;
  }
  std::cout << points << " crash points, " << violations << " violations\n";
  EXPECT_EQ(violations, 0u);
  EXPECT_GE(points, kRequiredPoints);
}

}  // namespace
}  // namespace driveroot
