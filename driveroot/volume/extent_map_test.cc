// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/extent_map.h"

#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

Extent Make(uint64_t offset, FrameNumber frame, uint32_t frame_offset,
            uint32_t length) {
  return {.offset = offset,
          .frame = frame,
          .frame_offset = frame_offset,
          .length = length};
}

std::vector<Extent> Put(ExtentMap& map, const Extent& extent) {
  return map.Replace(extent.offset, extent.length, {&extent, 1});
}

std::vector<Extent> All(const ExtentMap& map) {
  return {map.all().begin(), map.all().end()};
}

TEST(ExtentMapTest, AppendingJoinsWhatContinues) {
  ExtentMap map;
  Put(map, Make(0, 1, 0, 10));
  Put(map, Make(10, 1, 10, 5));
  EXPECT_EQ(All(map), std::vector<Extent>{Make(0, 1, 0, 15)});
  Put(map, Make(15, 1, 20, 5));  // not the next bytes of the frame
  EXPECT_EQ(map.all().size(), 2U);
}

TEST(ExtentMapTest, FillingAGapJoinsBothSides) {
  ExtentMap map;
  Put(map, Make(0, 1, 0, 10));
  Put(map, Make(20, 1, 20, 10));
  Put(map, Make(10, 1, 10, 10));
  EXPECT_EQ(All(map), std::vector<Extent>{Make(0, 1, 0, 30)});
}

TEST(ExtentMapTest, ReplacingTheMiddleSplits) {
  ExtentMap map;
  Put(map, Make(0, 1, 0, 30));
  const std::vector<Extent> removed = Put(map, Make(10, 2, 0, 10));
  EXPECT_EQ(removed, std::vector<Extent>{Make(10, 1, 10, 10)});
  const std::vector<Extent> expected = {Make(0, 1, 0, 10), Make(10, 2, 0, 10),
                                        Make(20, 1, 20, 10)};
  EXPECT_EQ(All(map), expected);
}

TEST(ExtentMapTest, HolesAndDataAsLseekSeesThem) {
  ExtentMap map;
  Put(map, Make(10, 1, 0, 10));
  Put(map, Make(20, 2, 0, 10));
  EXPECT_EQ(map.NextData(0, 100), 10U);
  EXPECT_EQ(map.NextData(15, 100), 15U);
  EXPECT_EQ(map.NextData(30, 100), 100U);
  EXPECT_EQ(map.NextHole(0, 100), 0U);
  EXPECT_EQ(map.NextHole(10, 100), 30U);
  EXPECT_EQ(map.NextHole(12, 25), 25U);
}

TEST(ExtentMapTest, RangesUpToTheLastOffset) {
  ExtentMap map;
  Put(map, Make(UINT64_MAX - 20, 1, 0, 10));
  EXPECT_EQ(map.Slice(0, UINT64_MAX).size(), 1U);
  EXPECT_EQ(map.Replace(5, UINT64_MAX, {}).size(), 1U);
  EXPECT_TRUE(map.empty());
}

// Each byte on its own: which byte of which frame it is.
using ByteModel = std::map<uint64_t, std::pair<FrameNumber, uint32_t>>;

TEST(ExtentMapTest, AgreesWithAMapOfBytes) {
  constexpr uint64_t kSize = 200;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    ExtentMap map;
    ByteModel model;
    for (int step = 0; step < 60; ++step) {
      const uint64_t offset = random() % kSize;
      const auto length = static_cast<uint32_t>(1 + random() % 40);
      std::vector<Extent> extents;
      if (random() % 3 != 0) {
        extents.push_back(Make(offset, 1 + random() % 3,
                               static_cast<uint32_t>(random() % 50), length));
      }
      map.Replace(offset, length, extents);
      for (uint32_t i = 0; i < length; ++i) {
        model.erase(offset + i);
        if (!extents.empty()) {
          model[offset + i] = {extents[0].frame, extents[0].frame_offset + i};
        }
      }
    }
    ByteModel seen;
    uint64_t end = 0;
    for (const Extent& extent : map.all()) {
      EXPECT_GE(extent.offset, end);
      end = extent.offset + extent.length;
      for (uint32_t i = 0; i < extent.length; ++i) {
        seen[extent.offset + i] = {extent.frame, extent.frame_offset + i};
      }
    }
    ASSERT_EQ(seen, model) << "round " << round;
    ASSERT_EQ(map.CoveredBytes(), model.size());
  }
}

TEST(RangeSetTest, JoinsWhatTouches) {
  RangeSet set;
  set.Add(10, 10);
  set.Add(30, 10);
  set.Add(20, 10);
  EXPECT_EQ(set.ranges(), (std::vector<RangeSet::Range>{{10, 30}}));
  set.Add(0, 5);
  set.Add(50, 5);
  set.Add(0, 100);
  EXPECT_EQ(set.ranges(), (std::vector<RangeSet::Range>{{0, 100}}));
  set.Add(200, 0);
  EXPECT_EQ(set.ranges().size(), 1U);
}

}  // namespace
}  // namespace driveroot
