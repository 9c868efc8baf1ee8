// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

// An account with a small and a large file, after `change` was made to the
// metadata and synced.
std::shared_ptr<FakeAccount> AccountWith(
    const std::function<void(Metadata&)>& change) {
  auto account = FormattedAccount();
  const auto volume = OpenOn(account);
  EXPECT_TRUE(PutFile(**volume, "small", Noise(1000, 1)));
  EXPECT_TRUE(PutFile(**volume, "large", Noise(6 << 20, 2)));
  EXPECT_TRUE((*volume)->Sync());
  if (change != nullptr) {
    {
      auto lock = (*volume)->Write();
      EXPECT_TRUE(lock);
      change(**lock);
    }
    EXPECT_TRUE((*volume)->Sync());
  }
  return account;
}

CheckReport Check(const std::shared_ptr<FakeAccount>& account,
                  bool verify_data = true) {
  FakeObjectStore store(account);
  const Result<CheckReport> report =
      CheckVolume(store, {.verify_data = verify_data, .progress = nullptr});
  EXPECT_TRUE(report) << report.error();
  return report.value_or(CheckReport());
}

void ExpectProblem(const CheckReport& report, const std::string& text) {
  for (const std::string& problem : report.problems) {
    if (problem.find(text) != problem.npos) return;
  }
  ADD_FAILURE() << "not reported: " << text << "; reported: "
                << (report.problems.empty() ? "nothing"
                                            : report.problems.front());
}

TEST(CheckTest, VolumeInOrder) {
  for (const bool verify_data : {false, true}) {
    const CheckReport report = Check(AccountWith(nullptr), verify_data);
    EXPECT_TRUE(report.problems.empty()) << report.problems.front();
    EXPECT_EQ(report.inodes, 3u);
    EXPECT_EQ(report.directories, 1u);
    EXPECT_EQ(report.data_bytes, 1000u + (6 << 20));
    EXPECT_EQ(report.objects, 1u);
    EXPECT_GE(report.frames, 48u);
    EXPECT_EQ(report.bytes_read > (6 << 20), verify_data);
  }
}

TEST(CheckTest, ChecksOnlyRead) {
  const auto account = AccountWith(nullptr);
  FaultyObjectStore store(std::make_unique<FakeObjectStore>(account),
                          [](const StoreCall& call) -> std::optional<Fault> {
                            EXPECT_FALSE(call.IsWrite());
                            return std::nullopt;
                          });
  EXPECT_TRUE(CheckVolume(store, {}));
}

TEST(CheckTest, NoVolumeIsAnError) {
  FakeObjectStore store(std::make_shared<FakeAccount>());
  const auto report = CheckVolume(store, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::kNotFound);
}

TEST(CheckTest, WrongLinkCount) {
  ExpectProblem(Check(AccountWith([](Metadata& metadata) {
                  const InodeNumber number =
                      metadata.Lookup(kRootInode, "small");
                  Attributes attributes = metadata.Find(number)->attributes;
                  attributes.nlink = 2;
                  metadata.SetAttributes(number, attributes);
                })),
                "link count of 2 instead of 1");
}

TEST(CheckTest, WrongLinkCountOfADirectory) {
  ExpectProblem(Check(AccountWith([](Metadata& metadata) {
                  const InodeNumber number = metadata.CreateInode(
                      {.mode = S_IFDIR | 0755, .nlink = 2}, kRootInode);
                  metadata.PutDentry(kRootInode, "d", number);
                })),
                "inode 1 has a link count of 2 instead of 3");
}

TEST(CheckTest, DirectoryWithTwoNames) {
  ExpectProblem(Check(AccountWith([](Metadata& metadata) {
                  const InodeNumber number = metadata.CreateInode(
                      {.mode = S_IFDIR | 0755, .nlink = 2}, kRootInode);
                  metadata.PutDentry(kRootInode, "d", number);
                  metadata.PutDentry(kRootInode, "e", number);
                })),
                "second name of a directory");
}

TEST(CheckTest, WrongParent) {
  ExpectProblem(Check(AccountWith([](Metadata& metadata) {
                  const InodeNumber a = metadata.CreateInode(
                      {.mode = S_IFDIR | 0755, .nlink = 2}, kRootInode);
                  const InodeNumber b = metadata.CreateInode(
                      {.mode = S_IFDIR | 0755, .nlink = 2}, a);
                  metadata.PutDentry(kRootInode, "a", a);
                  metadata.PutDentry(kRootInode, "b", b);
                })),
                "another parent");
}

TEST(CheckTest, InodeWithoutName) {
  ExpectProblem(Check(AccountWith([](Metadata& metadata) {
                  metadata.CreateInode({.mode = S_IFREG | 0644, .nlink = 1});
                })),
                "is in no directory");
  const CheckReport orphan = Check(AccountWith([](Metadata& metadata) {
    metadata.CreateInode({.mode = S_IFREG | 0644, .nlink = 0});
  }));
  EXPECT_TRUE(orphan.problems.empty());
  EXPECT_EQ(orphan.orphans, 1u);
}

TEST(CheckTest, DataBeyondTheEnd) {
  ExpectProblem(Check(AccountWith([](Metadata& metadata) {
                  metadata.WriteData(metadata.Lookup(kRootInode, "small"), 5000,
                                     "beyond");
                })),
                "data beyond its end");
}

TEST(CheckTest, DamagedAndMissingData) {
  auto account = AccountWith(nullptr);
  const ObjectId id = account->Ids(ObjectKind::kSegment).front();
  account->objects[id].bytes[3'000'000] ^= 1;
  EXPECT_TRUE(Check(account, /*verify_data=*/false).problems.empty());
  const CheckReport damaged = Check(account);
  EXPECT_EQ(damaged.problems.size(), 1u);
  ExpectProblem(damaged, "object " + id + ", frame");

  account->objects[id].bytes.resize(1'000'000);
  ExpectProblem(Check(account, /*verify_data=*/false), "shorter");
  account->objects.erase(id);
  for (const bool verify_data : {false, true}) {
    ExpectProblem(Check(account, verify_data), "object " + id);
  }
}

TEST(CheckTest, DamagedRecord) {
  auto account = AccountWith(nullptr);
  const ObjectId id = account->Ids(ObjectKind::kLogRecord).back();
  account->objects[id].bytes[60] ^= 1;
  ExpectProblem(Check(account), id);
}

}  // namespace
}  // namespace driveroot
