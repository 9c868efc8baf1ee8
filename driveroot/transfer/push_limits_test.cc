// SPDX-License-Identifier: Apache-2.0
//
// Archives that hold more than Linux can: what is accepted can be read again,
// what is not is named, and the old tree stays.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "driveroot/base/tar/tar.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/transfer/import.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

// One entry, without contents.
class OneEntry final : public TreeSource {
 public:
  explicit OneEntry(TarEntry entry) : entry_(std::move(entry)) {}
  Result<std::optional<TarEntry>> Next() override {
    return std::exchange(entry_, std::nullopt);
  }
  Result<size_t> ReadData(std::span<char>) override { return size_t{0}; }
  uint64_t bytes_done() const override { return 0; }
  uint64_t bytes_total() const override { return 0; }

 private:
  std::optional<TarEntry> entry_;
};

Result<std::unique_ptr<Volume>> Open(
    const std::shared_ptr<FakeAccount>& account, bool for_push) {
  VolumeOptions options;
  options.single_transaction = for_push;
  options.read_only = !for_push;
  return Volume::Open(std::make_unique<FakeObjectStore>(account), options);
}

// As `push` does.
Status Push(const std::shared_ptr<FakeAccount>& account,
            const TarEntry& entry) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Volume> volume,
                             Open(account, /*for_push=*/true));
  OneEntry source(entry);
  DRIVEROOT_RETURN_IF_ERROR(ImportTree(source, *volume, {}, nullptr));
  return volume->Close();
}

TarEntry Entry(TarType type, const std::string& path) {
  TarEntry entry;
  entry.type = type;
  entry.path = path;
  entry.mode = 0755;
  return entry;
}

struct Limit {
  const char* name;
  uint64_t limit;
  std::function<TarEntry(uint64_t size)> make;
};

std::vector<Limit> Limits() {
  const auto with_xattrs = [](uint64_t names, uint64_t name_bytes,
                              uint64_t value_bytes) {
    TarEntry entry = Entry(TarType::kFile, "f");
    for (uint64_t i = 0; i < names; ++i) {
      std::string name = "user." + std::to_string(i);
      name.resize(name_bytes, 'n');
      entry.xattrs[name] = std::string(value_bytes, 'v');
    }
    return entry;
  };
  return {
      {"symlink target", limits::kSymlinkBytes,
       [](uint64_t size) {
         TarEntry entry = Entry(TarType::kSymlink, "f");
         entry.link_target = std::string(size, 't');
         return entry;
       }},
      {"name", limits::kNameBytes,
       [](uint64_t size) {
         return Entry(TarType::kDirectory, "f/" + std::string(size, 'n'));
       }},
      {"name of a folder that is left out", limits::kNameBytes,
       [](uint64_t size) {
         return Entry(TarType::kDirectory,
                      "f/" + std::string(size, 'n') + "/d");
       }},
      {"xattr name", limits::kXattrNameBytes,
       [=](uint64_t size) { return with_xattrs(1, size, 1); }},
      {"xattr value", limits::kXattrValueBytes,
       [=](uint64_t size) { return with_xattrs(1, 10, size); }},
      {"list of xattrs", limits::kXattrListBytes / 128,
       [=](uint64_t names) { return with_xattrs(names, 127, 0); }},
      {"all xattrs", limits::kXattrTotalBytes / 32768,
       [=](uint64_t names) { return with_xattrs(names, 127, 32768 - 127); }},
  };
}

TEST(PushLimitsTest, WhatIsAcceptedIsReadAgainAndTheRestIsNamed) {
  for (const Limit& limit : Limits()) {
    for (const int beyond : {-1, 0, 1}) {
      SCOPED_TRACE(std::string(limit.name) + ", limit plus " +
                   std::to_string(beyond));
      const auto account = std::make_shared<FakeAccount>();
      FakeObjectStore store(account);
      ASSERT_TRUE(Volume::Format(store, {}));
      ASSERT_TRUE(Push(account, Entry(TarType::kDirectory, "old")));
      const Status pushed = Push(
          account, limit.make(limit.limit + static_cast<uint64_t>(beyond)));
      EXPECT_EQ(pushed.has_value(), beyond <= 0);
      if (!pushed) {
        EXPECT_EQ(pushed.error().code(), ErrorCode::kInvalidArgument);
        EXPECT_TRUE(pushed.error().message().starts_with("cannot store f"))
            << pushed.error();
        EXPECT_LT(pushed.error().message().size(), 700U);
      }
      const auto volume = Open(account, /*for_push=*/false);
      ASSERT_TRUE(volume) << volume.error();
      const Volume::ReadLock lock = (*volume)->Read();
      EXPECT_EQ(lock->Lookup(kRootInode, "old") != kNoInode, beyond > 0);
      EXPECT_EQ(lock->Lookup(kRootInode, "f") != kNoInode, beyond <= 0);
    }
  }
}

// Twice the same folder, each time with as many attributes as one may have.
TEST(PushLimitsTest, TheLaterOfTwoFoldersCounts) {
  const auto account = std::make_shared<FakeAccount>();
  FakeObjectStore store(account);
  ASSERT_TRUE(Volume::Format(store, {}));
  class Twice final : public TreeSource {
   public:
    Result<std::optional<TarEntry>> Next() override {
      if (count_ == 2) return std::nullopt;
      TarEntry entry = Entry(TarType::kDirectory, "f");
      entry.xattrs["user." + std::to_string(++count_)] = "v";
      return entry;
    }
    Result<size_t> ReadData(std::span<char>) override { return size_t{0}; }
    uint64_t bytes_done() const override { return 0; }
    uint64_t bytes_total() const override { return 0; }

   private:
    int count_ = 0;
  } source;
  {
    const auto volume = Open(account, /*for_push=*/true).value();
    ASSERT_TRUE(ImportTree(source, *volume, {}, nullptr));
    ASSERT_TRUE(volume->Close());
  }
  const auto volume = Open(account, /*for_push=*/false).value();
  const Volume::ReadLock lock = volume->Read();
  const InodeNumber folder = lock->Lookup(kRootInode, "f");
  EXPECT_EQ(lock->FindXattr(folder, "user.1"), nullptr);
  EXPECT_NE(lock->FindXattr(folder, "user.2"), nullptr);
}

}  // namespace
}  // namespace driveroot
