// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/reference_counts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace driveroot {
namespace {

TEST(ReferenceCountsTest, TheLastDropTells) {
  ReferenceCounts counts;
  EXPECT_FALSE(counts.Has(7));
  EXPECT_FALSE(counts.Drop(7, 1));
  counts.Add(7);
  counts.Add(7);
  EXPECT_FALSE(counts.Drop(7, 1));
  EXPECT_TRUE(counts.Has(7));
  EXPECT_FALSE(counts.Has(8));
  EXPECT_TRUE(counts.Drop(7, 5));
  EXPECT_FALSE(counts.Has(7));
  EXPECT_FALSE(counts.Drop(7, 1));
}

TEST(ReferenceCountsTest, AgreesWithAMap) {
  std::mt19937 random(5);
  ReferenceCounts counts;
  std::map<InodeNumber, uint64_t> model;
  for (int step = 0; step < 100'000; ++step) {
    const InodeNumber number = 1 + random() % 300;
    if (random() % 2 == 0) {
      counts.Add(number);
      ++model[number];
    } else {
      const uint64_t drops = 1 + random() % 3;
      uint64_t& count = model[number];
      EXPECT_EQ(counts.Drop(number, drops), count > 0 && count <= drops);
      count -= std::min(count, drops);
    }
    ASSERT_EQ(counts.Has(number), model[number] > 0);
  }
}

}  // namespace
}  // namespace driveroot
