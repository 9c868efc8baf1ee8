// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/fake/store_history.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/store/object_store_contract.h"

namespace driveroot {
namespace {

class HistoryBackend : public ContractBackend {
 public:
  Result<std::unique_ptr<ObjectStore>> Open() override {
    return std::make_unique<HistoryStore>(history_);
  }

 private:
  std::shared_ptr<StoreHistory> history_ = std::make_shared<StoreHistory>();
};

INSTANTIATE_TEST_SUITE_P(
    History, ObjectStoreContractTest,
    testing::Values(ContractParam{
        "History", [] { return std::make_unique<HistoryBackend>(); }}),
    ContractParamName);

// The names of the objects, one letter each, and the superblock, as each cut
// left them.
std::multiset<std::string> States(
    const std::shared_ptr<const StoreHistory>& history) {
  std::multiset<std::string> states;
  for (const StoreCut& cut : history->Cuts()) {
    HistoryStore store(std::make_shared<StoreHistory>(history, cut));
    std::set<std::string> names;
    const auto objects = store.List(ObjectKind::kSegment);
    for (const ObjectInfo& object : *objects) {
      EXPECT_EQ(store.Read(object.id, 0, 9).value_or(""), object.name);
      names.insert(object.name);
    }
    std::string state;
    for (const std::string& name : names) state += name;
    states.insert(state + store.ReadSuperblock().value_or(""));
  }
  return states;
}

Status Put(ObjectStore& store, const std::string& name) {
  return store.Create("id-" + name, ObjectKind::kSegment, name, name);
}

TEST(StoreHistoryTest, OneAfterTheOtherLeavesPrefixes) {
  const auto history = std::make_shared<StoreHistory>();
  HistoryStore store(history);
  ASSERT_TRUE(Put(store, "a"));
  ASSERT_TRUE(store.WriteSuperblock("1"));
  EXPECT_FALSE(Put(store, "a"));
  ASSERT_TRUE(Put(store, "b"));
  ASSERT_TRUE(store.Remove("id-a"));
  ASSERT_TRUE(store.WriteSuperblock("2"));
  EXPECT_EQ(States(history),
            (std::multiset<std::string>{"", "a", "a1", "ab1", "b1", "b2"}));
}

TEST(StoreHistoryTest, RequestsAtTheSameTimeLeaveEachSubset) {
  const auto history = std::make_shared<StoreHistory>();
  std::atomic<int> waiting = 0;
  {
    HistoryStore store(history, [&](const StoreCall&) -> std::optional<Fault> {
      ++waiting;
      while (waiting < 2) std::this_thread::yield();
      return std::nullopt;
    });
    std::jthread a([&] { EXPECT_TRUE(Put(store, "a")); });
    std::jthread b([&] { EXPECT_TRUE(Put(store, "b")); });
  }
  HistoryStore store(history);
  ASSERT_TRUE(Put(store, "c"));
  EXPECT_EQ(States(history),
            (std::multiset<std::string>{"", "a", "b", "ab", "abc"}));
}

TEST(StoreHistoryTest, WhatWasNotAnsweredMayBeMissing) {
  const auto history = std::make_shared<StoreHistory>();
  bool lose = true;
  HistoryStore store(history, [&](const StoreCall&) -> std::optional<Fault> {
    if (!lose) return std::nullopt;
    return Fault{.lost_response = true};
  });
  EXPECT_FALSE(Put(store, "a"));
  lose = false;
  ASSERT_TRUE(Put(store, "b"));
  // Its maker learns that it was done.
  EXPECT_EQ(Put(store, "a").error().code(), ErrorCode::kAlreadyExists);
  ASSERT_TRUE(Put(store, "c"));
  EXPECT_EQ(States(history),
            (std::multiset<std::string>{"", "a", "b", "ab", "abc"}));
}

TEST(StoreHistoryTest, ACutSaysUntilWhenItMayHaveHappened) {
  const auto history = std::make_shared<StoreHistory>();
  HistoryStore store(history);
  ASSERT_TRUE(Put(store, "a"));
  const uint64_t between = history->Now();
  ASSERT_TRUE(Put(store, "b"));
  const uint64_t after = history->Now();
  const std::vector<StoreCut> cuts = history->Cuts();
  ASSERT_EQ(cuts.size(), 3u);
  EXPECT_LT(cuts[0].time, between);
  EXPECT_GT(cuts[1].time, between);
  EXPECT_LT(cuts[1].time, after);
  EXPECT_GT(cuts[2].time, after);
}

TEST(StoreHistoryTest, AStoreAfterACutGoesItsOwnWay) {
  const auto history = std::make_shared<StoreHistory>();
  HistoryStore store(history);
  ASSERT_TRUE(Put(store, "a"));
  ASSERT_TRUE(Put(store, "b"));
  const auto left = std::make_shared<StoreHistory>(history, history->Cuts()[1]);
  HistoryStore other(left);
  EXPECT_EQ(Put(other, "a").error().code(), ErrorCode::kAlreadyExists);
  ASSERT_TRUE(Put(other, "b"));
  ASSERT_TRUE(other.Remove("id-a"));
  EXPECT_EQ(States(left), (std::multiset<std::string>{"a", "ab", "b"}));
  EXPECT_EQ(store.Read("id-a", 0, 1).value_or(""), "a");
  EXPECT_NE(*store.NewIds(3), *other.NewIds(3));
}

}  // namespace
}  // namespace driveroot
