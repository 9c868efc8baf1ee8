// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/drive/superblock_copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace driveroot {
namespace {

using Properties = std::map<std::string, std::string>;

std::string Bytes(size_t size, uint32_t seed = 1) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

// What a file with the properties `before` has after a request that sets these.
Properties After(
    Properties before,
    const std::map<std::string, std::optional<std::string>>& properties) {
  for (const auto& [key, value] : properties) {
    before.erase(key);
    if (value) before[key] = *value;
  }
  return before;
}

Properties With(std::string_view superblock, const Properties& before = {}) {
  return After(before, PropertiesWithCopy("root", superblock));
}

TEST(SuperblockCopyTest, ComesBackWithinTheLimits) {
  size_t largest = 0;
  for (size_t size = 0; size < 3000; ++size) {
    const std::string superblock = Bytes(size);
    const Properties properties = With(superblock);
    if (properties.empty()) continue;
    largest = size;
    EXPECT_EQ(CopyFromProperties(properties), superblock) << size;
    EXPECT_LE(properties.size(), 30u);
    for (const auto& [key, value] : properties) {
      EXPECT_LE(key.size() + value.size(), 124u) << key;
    }
    EXPECT_EQ(properties.at(std::string(kSuperblockOfKey)), "root");
  }
  // Twice as much as a superblock has.
  EXPECT_GE(largest, 2200u);
  EXPECT_LT(largest, 2999u);
}

TEST(SuperblockCopyTest, LeavesNothingOfALongerOneBehind) {
  const Properties longer = With(Bytes(2000, 1));
  const std::string superblock = Bytes(100, 2);
  EXPECT_EQ(With(superblock, longer), With(superblock));
  EXPECT_EQ(With(Bytes(3000, 3), longer), Properties());
  // What somebody else put there stays.
  EXPECT_EQ(With(Bytes(3000, 3), {{"k", "v"}}), Properties({{"k", "v"}}));
}

TEST(SuperblockCopyTest, ANameThatIsTooLongMeansNoCopy) {
  const auto with_name = [](size_t size) {
    return After({}, PropertiesWithCopy(std::string(size, 'n'), "{}"));
  };
  EXPECT_TRUE(with_name(0).empty());
  EXPECT_FALSE(with_name(101).empty());
  EXPECT_TRUE(FitsSuperblockOf(std::string(101, 'n')));
  EXPECT_TRUE(with_name(102).empty());
  EXPECT_FALSE(FitsSuperblockOf(std::string(102, 'n')));
}

TEST(SuperblockCopyTest, WhatIsTornIsNoCopy) {
  EXPECT_EQ(CopyFromProperties({}), std::nullopt);
  const Properties one = With(Bytes(1000, 1));
  const Properties other = With(Bytes(1000, 2));
  ASSERT_EQ(one.size(), other.size());
  for (const auto& [key, value] : one) {
    if (key == kSuperblockOfKey) continue;
    Properties torn = one;
    torn[key] = other.at(key);
    EXPECT_EQ(CopyFromProperties(torn), std::nullopt) << key;
    torn.erase(key);
    EXPECT_EQ(CopyFromProperties(torn), std::nullopt) << "without " << key;
    torn[key] = "!";
    EXPECT_EQ(CopyFromProperties(torn), std::nullopt) << key;
  }
}

}  // namespace
}  // namespace driveroot
