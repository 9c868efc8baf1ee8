// SPDX-License-Identifier: Apache-2.0
//
// A volume that is made by its first commit: all of it or nothing, by one
// writer only.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/store/fake/store_history.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/repair.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

using Method = StoreCall::Method;

VolumeOptions NewOptions() {
  VolumeOptions options = TestOptions();
  options.make_if_missing = true;
  options.adopt_leftovers = true;
  options.single_transaction = true;
  options.segment_bytes = 200'000;
  options.max_inline_bytes = 0;
  return options;
}

Files Content() {
  return {{"a", Noise(300'000, 1)}, {"b", "small"}, {"c", Noise(200'000, 2)}};
}

Status Fill(Volume& volume) {
  for (const auto& [name, bytes] : Content()) {
    DRIVEROOT_RETURN_IF_ERROR(PutFile(volume, name, bytes));
  }
  return {};
}

template <typename Store, typename Account>
Result<Files> FilesOn(const Account& account) {
  VolumeOptions options = TestOptions();
  options.read_only = true;
  DRIVEROOT_ASSIGN_OR_RETURN(
      const auto volume,
      Volume::Open(std::make_unique<Store>(account), options));
  return GetFiles(*volume);
}

TEST(NewVolumeTest, IsMadeByClosingItInFewRequests) {
  const auto account = std::make_shared<FakeAccount>();
  int calls = 0;
  {
    const auto volume =
        OpenOn(account, NewOptions(), [&calls](const StoreCall&) {
          ++calls;
          return std::optional<Fault>();
        });
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(Fill(**volume));
    EXPECT_FALSE(account->superblock.has_value());
    ASSERT_TRUE((*volume)->Close());
  }
  // The superblock that is not there, checkpoints and records that are not
  // there either, leftovers that are not there, ids, three segments, readme,
  // record, checkpoint, superblock.
  EXPECT_EQ(calls, 12);
  EXPECT_EQ(account->Ids(ObjectKind::kLogRecord).size(), 1u);
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), Content());
  FakeObjectStore store(account);
  const auto report = CheckVolume(store, CheckOptions());
  ASSERT_TRUE(report) << report.error();
  EXPECT_TRUE(report->problems.empty());
}

TEST(NewVolumeTest, GoesOnAfterASync) {
  const auto account = std::make_shared<FakeAccount>();
  {
    const auto volume = OpenOn(account, NewOptions());
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(Fill(**volume));
    ASSERT_TRUE((*volume)->Sync());
    EXPECT_TRUE(account->superblock.has_value());
    ASSERT_TRUE(PutFile(**volume, "d", "later"));
    ASSERT_TRUE((*volume)->Sync());
    ASSERT_TRUE(PutFile(**volume, "d", "at the end"));
    ASSERT_TRUE((*volume)->Close());
    // Open, what came later, close.
    EXPECT_EQ(account->Ids(ObjectKind::kLogRecord).size(), 3u);
  }
  Files content = Content();
  content["d"] = "at the end";
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), content);
}

TEST(NewVolumeTest, TheLogAloneHasAllOfIt) {
  const auto account = std::make_shared<FakeAccount>();
  {
    const auto volume = OpenOn(account, NewOptions());
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(Fill(**volume));
    ASSERT_TRUE((*volume)->Close());
  }
  for (const ObjectId& id : account->Ids(ObjectKind::kCheckpoint)) {
    account->objects.erase(id);
  }
  const auto repaired =
      RepairVolume(std::make_unique<FakeObjectStore>(account), TestOptions());
  ASSERT_TRUE(repaired) << repaired.error();
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), Content());
}

TEST(NewVolumeTest, WithNothingInItIsEmpty) {
  const auto account = std::make_shared<FakeAccount>();
  {
    const auto volume = OpenOn(account, NewOptions());
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_FALSE(account->superblock.has_value());
    ASSERT_TRUE((*volume)->Close());
  }
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Content()), Files());
}

TEST(NewVolumeTest, OnlyOneWriterMakesIt) {
  const auto account = std::make_shared<FakeAccount>();
  const auto first = OpenOn(account, NewOptions());
  const auto second = OpenOn(account, NewOptions());
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(Fill(**first));
  ASSERT_TRUE(PutFile(**second, "other", "tree"));
  ASSERT_TRUE((*first)->Close());
  const Status closed = (*second)->Close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code(), ErrorCode::kFenced);
  EXPECT_NE(closed.error().message().find("at the same time"),
            std::string::npos)
      << closed.error();
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), Content());
}

TEST(NewVolumeTest, AnAnswerThatIsLostDoesNotMatter) {
  for (const Method method : {Method::kCreate, Method::kCreateSuperblock}) {
    const auto account = std::make_shared<FakeAccount>();
    const auto volume =
        OpenOn(account, NewOptions(),
               [method, lost = 0](const StoreCall& call) mutable {
                 std::optional<Fault> fault;
                 if (call.method == method && lost++ % 2 == 0) {
                   fault.emplace().lost_response = true;
                 }
                 return fault;
               });
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(Fill(**volume));
    const Status closed = (*volume)->Close();
    EXPECT_TRUE(closed) << closed.error();
    EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), Content());
  }
}

// Tells in which order things got stored. Segments wait until so many other
// objects are there, but no longer than `patience`.
class OrderedStore : public FakeObjectStore {
 public:
  struct Order {
    std::mutex mutex;  // guards all of it
    std::condition_variable changed;
    size_t others_first = 0;
    std::chrono::milliseconds patience{20'000};
    std::vector<std::string> stored;
  };

  OrderedStore(std::shared_ptr<FakeAccount> account,
               std::shared_ptr<Order> order)
      : FakeObjectStore(std::move(account)), order_(std::move(order)) {}

  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override {
    if (kind == ObjectKind::kSegment) {
      std::unique_lock lock(order_->mutex);
      order_->changed.wait_for(lock, order_->patience, [this] {
        return order_->stored.size() >= order_->others_first;
      });
    }
    Status created = FakeObjectStore::Create(id, kind, name, bytes);
    Note(kind == ObjectKind::kSegment      ? "segment"
         : kind == ObjectKind::kLogRecord  ? "record"
         : kind == ObjectKind::kCheckpoint ? "checkpoint"
                                           : "readme");
    return created;
  }
  Status CreateSuperblock(std::string_view bytes) override {
    Note("superblock");
    return FakeObjectStore::CreateSuperblock(bytes);
  }

 private:
  void Note(const std::string& what) {
    const std::lock_guard lock(order_->mutex);
    order_->stored.push_back(what);
    order_->changed.notify_all();
  }

  const std::shared_ptr<Order> order_;
};

TEST(NewVolumeTest, OnlyTheSuperblockWaitsForTheData) {
  const auto account = std::make_shared<FakeAccount>();
  const auto order = std::make_shared<OrderedStore::Order>();
  order->others_first = 3;
  const auto volume = Volume::Open(
      std::make_unique<OrderedStore>(account, order), NewOptions());
  ASSERT_TRUE(volume) << volume.error();
  ASSERT_TRUE(Fill(**volume));
  // What is there twice lies in one place.
  ASSERT_TRUE(PutFile(**volume, "twice", Content()["a"]));
  ASSERT_TRUE((*volume)->Close());
  EXPECT_EQ(order->stored, (std::vector<std::string>{
                               "record", "checkpoint", "readme", "segment",
                               "segment", "segment", "superblock"}));
  Files content = Content();
  content["twice"] = content["a"];
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), content);
}

TEST(NewVolumeTest, OnceItIsThereRecordsWaitForTheirData) {
  const auto account = std::make_shared<FakeAccount>();
  {
    const auto volume = OpenOn(account, NewOptions());
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE((*volume)->Close());
  }
  const auto order = std::make_shared<OrderedStore::Order>();
  // A record that did not wait for its data would be there by then.
  order->others_first = 2;
  order->patience = std::chrono::milliseconds(300);
  const auto volume = Volume::Open(
      std::make_unique<OrderedStore>(account, order), NewOptions());
  ASSERT_TRUE(volume) << volume.error();
  ASSERT_TRUE(Fill(**volume));
  ASSERT_TRUE((*volume)->Close());
  EXPECT_EQ(order->stored,
            (std::vector<std::string>{"record", "segment", "segment", "segment",
                                      "record", "checkpoint"}));
  EXPECT_EQ(FilesOn<FakeObjectStore>(account).value_or(Files()), Content());
}

// After each request that was done when the machine stopped.
TEST(NewVolumeTest, ACrashLeavesAllOfItOrNothing) {
  const auto history = std::make_shared<StoreHistory>();
  {
    const auto volume =
        Volume::Open(std::make_unique<HistoryStore>(history), NewOptions());
    ASSERT_TRUE(volume) << volume.error();
    ASSERT_TRUE(Fill(**volume));
    ASSERT_TRUE((*volume)->Close());
  }
  const std::vector<StoreCut> cuts = history->Cuts();
  ASSERT_GE(cuts.size(), 6u);
  int made = 0;
  for (const StoreCut& cut : cuts) {
    const auto store = std::make_shared<StoreHistory>(history, cut);
    const auto found = FilesOn<HistoryStore>(store);
    if (found) {
      ++made;
      EXPECT_EQ(*found, Content());
    } else {
      EXPECT_EQ(found.error().code(), ErrorCode::kNotFound) << found.error();
    }
    // Whoever tries again gets there, whatever is left over.
    const auto volume =
        Volume::Open(std::make_unique<HistoryStore>(store), NewOptions());
    ASSERT_TRUE(volume) << volume.error();
    if (!found) {
      ASSERT_TRUE(Fill(**volume));
    }
    ASSERT_TRUE((*volume)->Close());
    EXPECT_EQ(FilesOn<HistoryStore>(store).value_or(Files()), Content());
  }
  EXPECT_GE(made, 1);
}

}  // namespace
}  // namespace driveroot
