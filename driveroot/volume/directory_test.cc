// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/directory.h"

#include <map>
#include <random>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

std::vector<std::string> List(const Directory& directory) {
  std::vector<std::string> names;
  for (const Directory::Entry* entry = directory.After(0); entry != nullptr;
       entry = directory.After(entry->cookie)) {
    names.push_back(entry->name);
  }
  return names;
}

TEST(DirectoryTest, FindsPutsAndRemoves) {
  Directory directory(1);
  EXPECT_EQ(directory.Find("a"), kNoInode);
  directory.Put("a", 7);
  directory.Put("b", 8);
  directory.Put("a", 9);
  EXPECT_EQ(directory.Find("a"), 9U);
  EXPECT_EQ(directory.size(), 2U);
  EXPECT_TRUE(directory.Remove("a"));
  EXPECT_FALSE(directory.Remove("a"));
  EXPECT_EQ(List(directory), std::vector<std::string>{"b"});
}

TEST(DirectoryTest, AgreesWithAMap) {
  std::mt19937 random(3);
  Directory directory(1);
  std::map<std::string, InodeNumber> model;
  for (int step = 0; step < 200'000; ++step) {
    const std::string name = "name" + std::to_string(random() % 3000);
    // Grows for a while, then shrinks, several times over.
    const bool growing = step / 20'000 % 2 == 0;
    if (random() % 10 < (growing ? 8U : 2U)) {
      directory.Put(name, 1 + step);
      model[name] = 1 + step;
    } else {
      ASSERT_EQ(directory.Remove(name), model.erase(name) == 1);
    }
    ASSERT_EQ(directory.size(), model.size());
    const std::string other = "name" + std::to_string(random() % 3000);
    const auto found = model.find(other);
    ASSERT_EQ(directory.Find(other),
              found == model.end() ? kNoInode : found->second);
  }
  const std::vector<std::string> names = List(directory);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(),
            model.size());
}

// POSIX: entries that are there all the time are seen exactly once.
TEST(DirectoryTest, ListingSurvivesChanges) {
  Directory directory(1);
  for (int i = 0; i < 1000; ++i) {
    directory.Put("stays" + std::to_string(i), 1 + i);
    directory.Put("goes" + std::to_string(i), 5000 + i);
  }
  std::map<std::string, int> seen;
  uint64_t cookie = 0;
  int step = 0;
  while (const Directory::Entry* entry = directory.After(cookie)) {
    cookie = entry->cookie;
    ++seen[entry->name];
    directory.Remove("goes" + std::to_string(step % 1000));
    if (step < 500) directory.Put("comes" + std::to_string(step), 9000 + step);
    ++step;
  }
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(seen["stays" + std::to_string(i)], 1) << i;
  }
  for (const auto& [name, count] : seen) EXPECT_LE(count, 1) << name;
}

}  // namespace
}  // namespace driveroot
