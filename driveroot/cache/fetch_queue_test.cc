// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/fetch_queue.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "driveroot/cache/fetch_plan.h"

namespace driveroot {
namespace {

constexpr uint32_t kFrameBytes = 100'000;
constexpr PlanLimits kLimits = {.min_window_bytes = 3 * kFrameBytes,
                                .max_window_bytes = 8 * kFrameBytes};

// The n-th frame of an object, which has them side by side.
StoredFrame Frame(FrameNumber n, ObjectNumber object = 1) {
  return {.number = object * 1000 + n,
          .object = object,
          .object_offset = n * kFrameBytes,
          .stored_length = kFrameBytes,
          .raw_length = kFrameBytes,
          .hash = {}};
}

std::vector<PlannedFrame> Frames(FrameNumber first, FrameNumber last,
                                 FetchPriority priority) {
  std::vector<PlannedFrame> frames;
  for (FrameNumber n = first; n <= last; ++n) {
    frames.push_back({Frame(n), priority});
  }
  return frames;
}

FetchJob Job(FetchPriority priority, FrameNumber n, uint64_t reader = 0) {
  return {.object = 1,
          .priority = priority,
          .reader = reader,
          .frames = {Frame(n)}};
}

TEST(FetchPlanTest, NeighboursShareARequest) {
  auto frames = Frames(4, 5, FetchPriority::kReader);
  frames.push_back({Frame(3), FetchPriority::kReadAhead});
  frames.push_back({Frame(6), FetchPriority::kReadAhead});
  const auto jobs = PlanJobs(frames, kLimits, 9);
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].priority, FetchPriority::kReader);
  EXPECT_EQ(jobs[0].reader, 9u);
  EXPECT_EQ(jobs[0].begin(), 3u * kFrameBytes);
  EXPECT_EQ(jobs[0].end(), 7u * kFrameBytes);
}

TEST(FetchPlanTest, SmallGapsAreFetchedLargeOnesNot) {
  // A gap of two frames, and one of three.
  const auto jobs = PlanJobs({{Frame(1), FetchPriority::kReader},
                              {Frame(4), FetchPriority::kReader},
                              {Frame(8), FetchPriority::kReader}},
                             kLimits, 0);
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].frames.size(), 2u);
}

TEST(FetchPlanTest, ObjectsAreApart) {
  EXPECT_EQ(PlanJobs({{Frame(1, 1), FetchPriority::kReader},
                      {Frame(2, 2), FetchPriority::kReader}},
                     kLimits, 0)
                .size(),
            2u);
}

TEST(FetchPlanTest, WhatIsAheadDoesNotHoldUpTheReader) {
  auto frames = Frames(0, 0, FetchPriority::kReader);
  const auto ahead = Frames(1, 7, FetchPriority::kReadAhead);
  frames.insert(frames.end(), ahead.begin(), ahead.end());
  const auto jobs = PlanJobs(frames, kLimits, 0);
  ASSERT_EQ(jobs.size(), 2u);
  EXPECT_EQ(jobs[0].priority, FetchPriority::kReader);
  EXPECT_EQ(jobs[0].frames.size(), 4u);
  EXPECT_EQ(jobs[1].priority, FetchPriority::kReadAhead);
}

TEST(FetchPlanTest, RequestsAreNotTooLong) {
  const auto jobs = PlanJobs(Frames(0, 19, FetchPriority::kStream), kLimits, 0);
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0].frames.size(), 8u);
}

TEST(FetchQueueTest, WhoWaitsComesFirst) {
  FetchQueue queue({.read_ahead = 2});
  for (const auto& [priority, n] : {std::pair(FetchPriority::kStream, 0),
                                    {FetchPriority::kReadAhead, 10},
                                    {FetchPriority::kReader, 20},
                                    {FetchPriority::kReader, 30}}) {
    queue.Push(Job(priority, static_cast<FrameNumber>(n)), 1 << 20);
  }
  EXPECT_EQ(queue.waiting(), 4u);
  const auto first = queue.Pop();
  const auto second = queue.Pop();
  EXPECT_EQ(first->frames[0].number, Frame(20).number);
  EXPECT_EQ(second->frames[0].number, Frame(30).number);
  EXPECT_EQ(queue.Pop()->priority, FetchPriority::kReadAhead);
  // Not while somebody waits.
  EXPECT_EQ(queue.Pop(), nullptr);
  queue.Done(*first);
  EXPECT_EQ(queue.Pop(), nullptr);
  queue.Done(*second);
  EXPECT_EQ(queue.Pop()->priority, FetchPriority::kStream);
}

TEST(FetchQueueTest, BackgroundHasABudget) {
  FetchQueue queue({.read_ahead = 2, .stream_overlap_bytes = 0});
  for (const FrameNumber n : {0, 10, 20}) {
    queue.Push(Job(FetchPriority::kReadAhead, n), 1 << 20);
    queue.Push(Job(FetchPriority::kStream, 100 + n), 1 << 20);
  }
  const auto ahead = queue.Pop();
  EXPECT_NE(queue.Pop(), nullptr);
  EXPECT_EQ(queue.Pop()->priority, FetchPriority::kStream);
  EXPECT_EQ(queue.Pop(), nullptr);
  queue.Done(*ahead);
  EXPECT_EQ(queue.Pop()->priority, FetchPriority::kReadAhead);
  EXPECT_EQ(queue.Pop(), nullptr);
}

TEST(FetchQueueTest, ReadAheadDoesNotBeginAllTogether) {
  FetchQueue queue({.read_ahead_bytes = 2 * kFrameBytes});
  for (const FrameNumber n : {0, 10, 20, 30, 40}) {
    queue.Push(Job(FetchPriority::kReadAhead, n), 1 << 20);
  }
  const auto first = queue.Pop();
  const auto second = queue.Pop();
  const auto third = queue.Pop();
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(queue.Pop(), nullptr);
  for (const auto& job : {first, second, third}) {
    EXPECT_EQ(queue.Pop(), nullptr);
    job->received = kFrameBytes / 3 + 1;
  }
  EXPECT_NE(queue.Pop(), nullptr);
  EXPECT_EQ(queue.Pop(), nullptr);
}

TEST(FetchQueueTest, StreamsFollowOneAnotherWithoutAPause) {
  FetchQueue queue({.stream_overlap_bytes = kFrameBytes / 2});
  for (const FrameNumber n : {0, 10, 20}) {
    queue.Push(Job(FetchPriority::kStream, n), 1 << 20);
  }
  const auto first = queue.Pop();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(queue.Pop(), nullptr);
  first->received = kFrameBytes / 2 - 1;
  EXPECT_EQ(queue.Pop(), nullptr);
  first->received = kFrameBytes / 2;
  const auto second = queue.Pop();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->frames[0].number, Frame(10).number);
  // What both are to bring yet is too much for a third one.
  EXPECT_EQ(queue.Pop(), nullptr);
  queue.Done(*first);
  EXPECT_EQ(queue.Pop(), nullptr);
  second->received = kFrameBytes;
  EXPECT_NE(queue.Pop(), nullptr);
}

TEST(FetchQueueTest, WhatFollowsJoinsTheLastJob) {
  FetchQueue queue({});
  const auto job =
      queue.Push(Job(FetchPriority::kReadAhead, 1), 3 * kFrameBytes);
  EXPECT_EQ(queue.Push(Job(FetchPriority::kReadAhead, 2), 3 * kFrameBytes),
            job);
  EXPECT_EQ(job->frames.size(), 2u);
  // A gap; another reader; too long.
  EXPECT_NE(queue.Push(Job(FetchPriority::kReadAhead, 4), 9 * kFrameBytes),
            job);
  EXPECT_NE(queue.Push(Job(FetchPriority::kReadAhead, 5, /*reader=*/1),
                       9 * kFrameBytes),
            job);
  EXPECT_EQ(queue.waiting(), 3u);
}

TEST(FetchQueueTest, JobsOfAReaderAndRemoval) {
  FetchQueue queue({});
  const auto running = queue.Push(Job(FetchPriority::kReader, 1, 5), 1);
  ASSERT_EQ(queue.Pop(), running);
  EXPECT_TRUE(running->running);
  const auto waiting = queue.Push(Job(FetchPriority::kReadAhead, 9, 5), 1);
  queue.Push(Job(FetchPriority::kReadAhead, 20, 6), 1);
  EXPECT_EQ(queue.JobsOf(5).size(), 2u);
  queue.Remove(waiting);
  queue.Done(*running);
  EXPECT_TRUE(queue.JobsOf(5).empty());
  EXPECT_EQ(queue.waiting(), 1u);
}

}  // namespace
}  // namespace driveroot
