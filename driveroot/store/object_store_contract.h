// SPDX-License-Identifier: Apache-2.0
//
// The tests that every ObjectStore must pass, whatever it stores in: the
// contract of object_store.h as code. A backend's test includes this header and
// names itself:
//
//   INSTANTIATE_TEST_SUITE_P(
//       Dir, ObjectStoreContractTest,
//       testing::Values(ContractParam{"Dir", [] { return MakeDirBackend(); }}),
//       ContractParamName);
//
// Include it from one .cc file of a test only: it defines tests.
#ifndef DRIVEROOT_STORE_OBJECT_STORE_CONTRACT_H_
#define DRIVEROOT_STORE_OBJECT_STORE_CONTRACT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// One fresh and empty volume, made for one test.
class ContractBackend {
 public:
  virtual ~ContractBackend() = default;

  // A new client of the volume: each call gives one more, as from another
  // machine. The backend outlives the stores.
  virtual Result<std::unique_ptr<ObjectStore>> Open() = 0;
};

struct ContractParam {
  std::string name;  // alphanumeric
  std::function<std::unique_ptr<ContractBackend>()> make;
};

inline std::string ContractParamName(
    const testing::TestParamInfo<ContractParam>& info) {
  return info.param.name;
}

class ObjectStoreContractTest : public testing::TestWithParam<ContractParam> {
 protected:
  void SetUp() override {
    backend_ = GetParam().make();
    ASSERT_NE(backend_, nullptr);
    store_ = Open();
    ASSERT_NE(store_, nullptr);
  }

  std::unique_ptr<ObjectStore> Open() {
    Result<std::unique_ptr<ObjectStore>> store = backend_->Open();
    if (!store) {
      ADD_FAILURE() << store.error();
      return nullptr;
    }
    return *std::move(store);
  }

  ObjectId NewId() {
    Result<std::vector<ObjectId>> ids = store_->NewIds(1);
    if (!ids || ids->size() != 1) {
      ADD_FAILURE() << (ids ? "not one id" : ids.error().ToString());
      return "";
    }
    return ids->front();
  }

  // Bytes that differ at every offset that matters to a range.
  static std::string Pattern(size_t size) {
    std::string bytes(size, '\0');
    uint32_t state = 1;
    for (char& byte : bytes) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<char>(state >> 24);
    }
    return bytes;
  }

  ObjectStore& store() { return *store_; }

  std::unique_ptr<ContractBackend> backend_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_P(ObjectStoreContractTest, NewIdsAreUniqueAndWellFormed) {
  std::unique_ptr<ObjectStore> other = Open();
  ASSERT_NE(other, nullptr);
  std::set<ObjectId> seen;
  for (ObjectStore* each : {&store(), other.get(), &store()}) {
    Result<std::vector<ObjectId>> ids = each->NewIds(40);
    ASSERT_TRUE(ids) << ids.error();
    ASSERT_EQ(ids->size(), 40u);
    for (const ObjectId& id : *ids) {
      EXPECT_TRUE(seen.insert(id).second) << "given twice: " << id;
      EXPECT_FALSE(id.empty());
      EXPECT_LE(id.size(), 128u);
      EXPECT_EQ(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz0123456789_-"),
                std::string::npos)
          << id;
    }
  }
}

TEST_P(ObjectStoreContractTest, NewIdsGivesAThousand) {
  Result<std::vector<ObjectId>> ids = store().NewIds(1000);
  ASSERT_TRUE(ids) << ids.error();
  EXPECT_EQ(std::set<ObjectId>(ids->begin(), ids->end()).size(), 1000u);
}

TEST_P(ObjectStoreContractTest, NewIdsRefusesOtherCounts) {
  for (int count : {0, -1, 1001}) {
    Result<std::vector<ObjectId>> ids = store().NewIds(count);
    ASSERT_FALSE(ids) << count;
    EXPECT_EQ(ids.error().code(), ErrorCode::kInvalidArgument) << count;
  }
}

TEST_P(ObjectStoreContractTest, CreatedBytesAreReadByEveryClient) {
  const ObjectId id = NewId();
  const std::string bytes = Pattern(100'000);
  Status created =
      store().Create(id, ObjectKind::kLogRecord, "00000000000001", bytes);
  ASSERT_TRUE(created) << created.error();
  std::unique_ptr<ObjectStore> other = Open();
  ASSERT_NE(other, nullptr);
  for (ObjectStore* each : {&store(), other.get()}) {
    Result<std::string> read = each->Read(id, 0, bytes.size());
    ASSERT_TRUE(read) << read.error();
    EXPECT_TRUE(*read == bytes);
  }
}

TEST_P(ObjectStoreContractTest, EveryKindIsStored) {
  for (ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment,
                          ObjectKind::kCheckpoint, ObjectKind::kReadme}) {
    const ObjectId id = NewId();
    const std::string name =
        kind == ObjectKind::kReadme ? "README.txt" : "00000000000007";
    Status created = store().Create(id, kind, name, "some bytes");
    ASSERT_TRUE(created) << created.error();
    Result<std::string> read = store().Read(id, 0, 100);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, "some bytes");
  }
}

TEST_P(ObjectStoreContractTest, WhatIsPreparedIsStoredOnlyWhenItIsCreated) {
  const ObjectId prepared = NewId();
  const ObjectId small = NewId();
  const ObjectId large = NewId();
  for (const ObjectId& id : {prepared, small, large}) {
    store().PrepareCreate(id, ObjectKind::kSegment, "00000000000001");
  }
  const Result<std::string> nothing = store().Read(prepared, 0, 100);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code(), ErrorCode::kNotFound);
  const std::string bytes = Pattern(6'000'000);
  ASSERT_TRUE(
      store().Create(large, ObjectKind::kSegment, "00000000000001", bytes));
  ASSERT_TRUE(
      store().Create(small, ObjectKind::kSegment, "00000000000001", "small"));
  EXPECT_TRUE(store().Read(large, 0, bytes.size()).value_or("") == bytes);
  EXPECT_EQ(store().Read(small, 0, 100).value_or(""), "small");
  // Once more, of what is there.
  store().PrepareCreate(large, ObjectKind::kSegment, "00000000000001");
  const Status again =
      store().Create(large, ObjectKind::kSegment, "00000000000001", bytes);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST_P(ObjectStoreContractTest, RangesEndWhereTheObjectEnds) {
  const ObjectId id = NewId();
  const std::string bytes = Pattern(1000);
  ASSERT_TRUE(store().Create(id, ObjectKind::kSegment, "s", bytes));
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  const std::vector<std::pair<uint64_t, uint64_t>> ranges = {
      {0, 1},   {0, 1000},   {0, 1001},    {1, 999},       {999, 1},
      {999, 2}, {500, kMax}, {1000, 1},    {1001, 5},      {0, 0},
      {10, 0},  {kMax, 1},   {kMax, kMax}, {1ull << 40, 7}};
  for (const auto& [offset, length] : ranges) {
    Result<std::string> read = store().Read(id, offset, length);
    ASSERT_TRUE(read) << offset << "+" << length << ": " << read.error();
    const std::string expected =
        offset >= bytes.size() ? "" : bytes.substr(offset, length);
    EXPECT_TRUE(*read == expected) << offset << "+" << length;
  }
}

TEST_P(ObjectStoreContractTest, EmptyObject) {
  const ObjectId id = NewId();
  Status created = store().Create(id, ObjectKind::kSegment, "empty", "");
  ASSERT_TRUE(created) << created.error();
  for (uint64_t length : {0, 1, 4096}) {
    Result<std::string> read = store().Read(id, 0, length);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, "");
  }
}

TEST_P(ObjectStoreContractTest, LargeObject) {
  const ObjectId id = NewId();
  const std::string bytes = Pattern((17u << 20) + 12345);
  Status created = store().Create(id, ObjectKind::kSegment, "large", bytes);
  ASSERT_TRUE(created) << created.error();
  Result<std::string> whole = store().Read(id, 0, bytes.size());
  ASSERT_TRUE(whole) << whole.error();
  EXPECT_TRUE(*whole == bytes);
  Result<std::string> middle = store().Read(id, 9'999'999, 130'000);
  ASSERT_TRUE(middle) << middle.error();
  EXPECT_TRUE(*middle == bytes.substr(9'999'999, 130'000));
}

TEST_P(ObjectStoreContractTest, PiecesOfAReadAreTheSameBytes) {
  const ObjectId id = NewId();
  const std::string bytes = Pattern(3u << 20);
  ASSERT_TRUE(store().Create(id, ObjectKind::kSegment, "s", bytes));
  for (const auto& [offset, length] :
       {std::pair<uint64_t, uint64_t>{0, bytes.size()},
        {1'000'001, 1'000'003},
        {bytes.size() - 5, 100},
        {bytes.size(), 100},
        {7, 0}}) {
    std::string read;
    const Status status =
        store().ReadTo(id, offset, length, [&read](std::string_view piece) {
          read += piece;
          return true;
        });
    ASSERT_TRUE(status) << offset << "+" << length << ": " << status.error();
    EXPECT_TRUE(read == bytes.substr(offset, length)) << offset;
  }
  const Status missing =
      store().ReadTo(NewId(), 0, 10, [](std::string_view) { return true; });
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound) << missing.error();
}

TEST_P(ObjectStoreContractTest, AReaderMayHaveEnough) {
  const ObjectId id = NewId();
  const std::string bytes = Pattern(3u << 20);
  ASSERT_TRUE(store().Create(id, ObjectKind::kSegment, "s", bytes));
  int pieces = 0;
  const Status status =
      store().ReadTo(id, 0, bytes.size(), [&pieces](std::string_view) {
        ++pieces;
        return false;
      });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCancelled) << status.error();
  EXPECT_EQ(pieces, 1);
  // It goes on as if nothing had been.
  EXPECT_TRUE(store().Read(id, 0, bytes.size()).value_or("") == bytes);
}

TEST_P(ObjectStoreContractTest, CreateNeverReplaces) {
  const ObjectId id = NewId();
  ASSERT_TRUE(store().Create(id, ObjectKind::kLogRecord, "1", "first"));
  std::unique_ptr<ObjectStore> other = Open();
  ASSERT_NE(other, nullptr);
  for (ObjectStore* each : {&store(), other.get()}) {
    // The kind and the name make no difference: the id alone counts.
    Status again = each->Create(id, ObjectKind::kCheckpoint, "2", "second");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists) << again.error();
  }
  Result<std::string> read = store().Read(id, 0, 100);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, "first");
}

TEST_P(ObjectStoreContractTest, WhatATakenIdHoldsIsTold) {
  for (const size_t size : {0u, 1u, 1000u, 6'000'000u}) {
    const ObjectId id = NewId();
    const std::string bytes = Pattern(size);
    const Result<bool> missing = store().Holds(id, bytes);
    ASSERT_FALSE(missing) << size;
    EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound) << missing.error();
    ASSERT_TRUE(store().Create(id, ObjectKind::kSegment, "s", bytes)) << size;
    std::unique_ptr<ObjectStore> other = Open();
    ASSERT_NE(other, nullptr);
    for (ObjectStore* each : {&store(), other.get()}) {
      const Status again = each->Create(id, ObjectKind::kSegment, "s", bytes);
      ASSERT_FALSE(again) << size;
      EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
      const Result<bool> same = each->Holds(id, bytes);
      ASSERT_TRUE(same) << size << ": " << same.error();
      EXPECT_TRUE(*same) << size;
      // Longer, shorter, and of the same length.
      EXPECT_FALSE(each->Holds(id, bytes + "x").value_or(true)) << size;
      if (size == 0) continue;
      EXPECT_FALSE(each->Holds(id, bytes.substr(1)).value_or(true)) << size;
      std::string changed = bytes;
      changed.back() ^= 1;
      EXPECT_FALSE(each->Holds(id, changed).value_or(true)) << size;
    }
    ASSERT_TRUE(store().Remove(id));
    const Result<bool> gone = store().Holds(id, bytes);
    ASSERT_FALSE(gone) << size;
    EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound) << gone.error();
  }
}

TEST_P(ObjectStoreContractTest, ExactlyOneOfManyCreatorsWins) {
  const ObjectId id = NewId();
  constexpr int kCreators = 6;
  std::vector<std::unique_ptr<ObjectStore>> stores;
  for (int i = 0; i < kCreators; ++i) {
    stores.push_back(Open());
    ASSERT_NE(stores.back(), nullptr);
  }
  std::atomic<int> won = 0;
  std::atomic<int> winner = -1;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kCreators; ++i) {
      threads.emplace_back([&, i] {
        Status created = stores[static_cast<size_t>(i)]->Create(
            id, ObjectKind::kLogRecord, "1",
            std::string(5000, static_cast<char>('a' + i)));
        if (created) {
          ++won;
          winner = i;
        } else {
          EXPECT_EQ(created.error().code(), ErrorCode::kAlreadyExists)
              << created.error();
        }
      });
    }
  }
  ASSERT_EQ(won, 1);
  Result<std::string> read = store().Read(id, 0, 10'000);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, std::string(5000, static_cast<char>('a' + winner)));
}

TEST_P(ObjectStoreContractTest, MissingObjectsAreNotFound) {
  const ObjectId id = NewId();
  for (uint64_t length : {0, 10}) {
    Result<std::string> read = store().Read(id, 0, length);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kNotFound) << read.error();
  }
  Status removed = store().Remove(id);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), ErrorCode::kNotFound) << removed.error();
}

TEST_P(ObjectStoreContractTest, RemovedObjectsAreGone) {
  const ObjectId id = NewId();
  ASSERT_TRUE(store().Create(id, ObjectKind::kSegment, "s", "bytes"));
  Status removed = store().Remove(id);
  ASSERT_TRUE(removed) << removed.error();
  Result<std::string> read = store().Read(id, 0, 5);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kNotFound) << read.error();
}

TEST_P(ObjectStoreContractTest, ListTellsKindsApart) {
  struct Made {
    ObjectId id;
    ObjectKind kind;
    std::string name;
    size_t size;
  };
  std::vector<Made> made;
  for (ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment,
                          ObjectKind::kCheckpoint, ObjectKind::kReadme}) {
    const int count = kind == ObjectKind::kReadme ? 1 : 3;
    for (int i = 0; i < count; ++i) {
      const std::string name = kind == ObjectKind::kReadme
                                   ? "README.txt"
                                   : "0000000000000" + std::to_string(i);
      made.push_back({NewId(), kind, name, made.size() * 10});
      ASSERT_TRUE(store().Create(made.back().id, kind, name,
                                 std::string(made.back().size, 'x')));
    }
  }
  // The superblock is no object of any kind.
  ASSERT_TRUE(store().WriteSuperblock("{}"));
  for (ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment,
                          ObjectKind::kCheckpoint, ObjectKind::kReadme}) {
    Result<std::vector<ObjectInfo>> list = store().List(kind);
    ASSERT_TRUE(list) << list.error();
    size_t expected = 0;
    for (const Made& each : made) {
      if (each.kind != kind) continue;
      ++expected;
      auto found = std::ranges::find(*list, each.id, &ObjectInfo::id);
      ASSERT_NE(found, list->end()) << each.name;
      EXPECT_EQ(found->name, each.name);
      EXPECT_EQ(found->size, each.size);
      EXPECT_EQ(found->kind, kind);
    }
    EXPECT_EQ(list->size(), expected);
  }
}

TEST_P(ObjectStoreContractTest, TwoObjectsMayShareAName) {
  const ObjectId first = NewId();
  const ObjectId second = NewId();
  ASSERT_TRUE(store().Create(first, ObjectKind::kSegment, "same", "1"));
  Status created = store().Create(second, ObjectKind::kSegment, "same", "2");
  ASSERT_TRUE(created) << created.error();
  EXPECT_EQ(store().Read(first, 0, 9).value_or(""), "1");
  EXPECT_EQ(store().Read(second, 0, 9).value_or(""), "2");
}

TEST_P(ObjectStoreContractTest, SuperblockIsReplacedWhole) {
  Result<std::string> none = store().ReadSuperblock();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound) << none.error();

  const std::string longer = R"({"version":1,"uuid":"a long value"})";
  for (const std::string& bytes : {longer, std::string(R"({"version":2})")}) {
    Status written = store().WriteSuperblock(bytes);
    ASSERT_TRUE(written) << written.error();
    std::unique_ptr<ObjectStore> other = Open();
    ASSERT_NE(other, nullptr);
    for (ObjectStore* each : {&store(), other.get()}) {
      Result<std::string> read = each->ReadSuperblock();
      ASSERT_TRUE(read) << read.error();
      EXPECT_EQ(*read, bytes);
    }
  }
}

TEST_P(ObjectStoreContractTest, SuperblockMayBeWrittenByAnyClient) {
  ASSERT_TRUE(store().WriteSuperblock("one"));
  std::unique_ptr<ObjectStore> other = Open();
  ASSERT_NE(other, nullptr);
  Status written = other->WriteSuperblock("two");
  ASSERT_TRUE(written) << written.error();
  EXPECT_EQ(store().ReadSuperblock().value_or(""), "two");
}

TEST_P(ObjectStoreContractTest, OnlyTheFirstSuperblockIsCreated) {
  std::unique_ptr<ObjectStore> other = Open();
  ASSERT_NE(other, nullptr);
  Status created = store().CreateSuperblock("first");
  ASSERT_TRUE(created) << created.error();
  for (ObjectStore* each : {&store(), other.get()}) {
    Status again = each->CreateSuperblock("second");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists) << again.error();
    EXPECT_EQ(each->ReadSuperblock().value_or(""), "first");
  }
  ASSERT_TRUE(other->WriteSuperblock("later"));
  EXPECT_EQ(store().ReadSuperblock().value_or(""), "later");
}

TEST_P(ObjectStoreContractTest, ACopyOfTheSuperblockIsGivenOnce) {
  EXPECT_EQ(store().TakeSuperblockCopy(), std::nullopt);
  ASSERT_TRUE(store().CreateSuperblock("first"));
  EXPECT_EQ(store().TakeSuperblockCopy(), std::nullopt);
  for (const char* bytes : {"first", "second"}) {
    ASSERT_TRUE(store().WriteSuperblock(bytes));
    const std::unique_ptr<ObjectStore> other = Open();
    ASSERT_NE(other, nullptr);
    EXPECT_EQ(other->TakeSuperblockCopy().value_or(bytes), bytes);
    EXPECT_EQ(other->TakeSuperblockCopy(), std::nullopt);
    // One that is no more does not come along.
    const std::unique_ptr<ObjectStore> writer = Open();
    ASSERT_NE(writer, nullptr);
    ASSERT_TRUE(writer->WriteSuperblock("other"));
    EXPECT_EQ(writer->TakeSuperblockCopy(), std::nullopt);
  }
}

TEST_P(ObjectStoreContractTest, ManyThreadsUseOneStore) {
  Result<std::vector<ObjectId>> ids = store().NewIds(32);
  ASSERT_TRUE(ids) << ids.error();
  std::vector<std::jthread> threads;
  for (size_t first = 0; first < 4; ++first) {
    threads.emplace_back([&, first] {
      for (size_t i = first; i < ids->size(); i += 4) {
        const std::string bytes = Pattern(1000 + i * 997);
        Status created =
            store().Create((*ids)[i], ObjectKind::kSegment, "s", bytes);
        EXPECT_TRUE(created) << created.error();
        Result<std::string> read = store().Read((*ids)[i], 0, bytes.size());
        ASSERT_TRUE(read) << read.error();
        EXPECT_TRUE(*read == bytes);
      }
    });
  }
}

TEST_P(ObjectStoreContractTest, SpaceIsKnown) {
  Result<StoreSpace> space = store().Space();
  ASSERT_TRUE(space) << space.error();
  if (space->total) {
    EXPECT_LE(space->used, *space->total);
  }
}

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_OBJECT_STORE_CONTRACT_H_
