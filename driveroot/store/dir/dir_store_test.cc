// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/dir/dir_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/store/object_store_contract.h"

namespace driveroot {
namespace {

class Folder : public ContractBackend {
 public:
  Folder() {
    std::string name =
        (std::filesystem::path(testing::TempDir()) / "dir_store.XXXXXX");
    path_ = mkdtemp(name.data());
  }
  ~Folder() override { std::filesystem::remove_all(path_); }

  Result<std::unique_ptr<ObjectStore>> Open() override {
    return DirStore::Create(path_ / "volume");
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

INSTANTIATE_TEST_SUITE_P(Dir, ObjectStoreContractTest,
                         testing::Values(ContractParam{
                             "Dir", [] { return std::make_unique<Folder>(); }}),
                         ContractParamName);

TEST(DirStoreTest, OpenWantsAFolderThatIsThere) {
  const Folder folder;
  const auto store = DirStore::Open(folder.path() / "nothing");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(store.error().message().find("nothing"), std::string::npos);
}

TEST(DirStoreTest, RemovedIdStaysTaken) {
  Folder folder;
  const auto store = folder.Open();
  ASSERT_TRUE(store);
  const ObjectId id = (*store)->NewIds(1).value().front();
  ASSERT_TRUE((*store)->Create(id, ObjectKind::kLogRecord, "1", "bytes"));
  ASSERT_TRUE((*store)->Remove(id));
  const Status again =
      (*store)->Create(id, ObjectKind::kLogRecord, "1", "other");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_FALSE((*store)->Read(id, 0, 10));
  EXPECT_TRUE((*store)->List(ObjectKind::kLogRecord)->empty());
}

TEST(DirStoreTest, IdsAndNamesCannotLeaveTheFolder) {
  Folder folder;
  const auto store = folder.Open();
  ASSERT_TRUE(store);
  for (const std::string bad : {"", "../x", "a/b", ".", "a.b"}) {
    EXPECT_FALSE((*store)->Create(bad, ObjectKind::kSegment, "1", "x")) << bad;
    EXPECT_FALSE((*store)->Read(bad, 0, 1)) << bad;
  }
  const ObjectId id = (*store)->NewIds(1).value().front();
  for (const std::string bad : {"", "../x", "a/b", ".."}) {
    EXPECT_FALSE((*store)->Create(id, ObjectKind::kSegment, bad, "x")) << bad;
  }
  EXPECT_TRUE((*store)->Create(id, ObjectKind::kSegment, "1", "x"));
}

TEST(DirStoreTest, ReadmeIsWherePeopleLook) {
  Folder folder;
  const auto store = folder.Open();
  ASSERT_TRUE(store);
  const ObjectId id = (*store)->NewIds(1).value().front();
  ASSERT_TRUE((*store)->Create(id, ObjectKind::kReadme, "README.txt", "hello"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "volume" / "README.txt"));
}

// A folder that somebody has made for us to work in.
class CraftedDirStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = *folder_.Open();
    outside_ = folder_.path() / "outside";
    std::filesystem::create_directories(outside_);
    std::ofstream(outside_ / "victim") << "keep me";
    ASSERT_TRUE(store_->Create("aa", ObjectKind::kSegment, "1", "bytes"));
    ASSERT_TRUE(store_->Create("bb", ObjectKind::kLogRecord, "1", "bytes"));
  }

  std::filesystem::path Volume() const { return folder_.path() / "volume"; }

  void ExpectUntouched() const {
    EXPECT_EQ(ReadFile(outside_ / "victim", 100).value_or("gone"), "keep me");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside_), {}),
              1);
  }

  // Every deed that a crafted volume can bring about.
  void TryAll(const ObjectId& id) {
    EXPECT_FALSE(store_->Read(id, 0, 100)) << id;
    EXPECT_FALSE(store_->Remove(id)) << id;
    for (const ObjectKind kind :
         {ObjectKind::kSegment, ObjectKind::kLogRecord, ObjectKind::kCheckpoint,
          ObjectKind::kReadme}) {
      const auto listed = store_->List(kind);
      if (!listed) continue;
      for (const ObjectInfo& info : *listed) EXPECT_NE(info.id, id);
    }
    ExpectUntouched();
  }

  Folder folder_;
  std::unique_ptr<ObjectStore> store_;
  std::filesystem::path outside_;
};

TEST_F(CraftedDirStoreTest, LinksOfObjectsCannotLeadOut) {
  std::filesystem::create_symlink(outside_, Volume() / "segments/7.x");
  int number = 0;
  for (const std::string& target :
       {std::string("../segments/7.x/victim"),
        std::string("../../outside/victim"), (outside_ / "victim").string(),
        std::string("../segments/../../outside/victim"),
        std::string("../outside/victim"), std::string("../segments/"),
        std::string("../segments/."), std::string("../segments/.."),
        std::string("../superblock.json"), std::string("..")}) {
    const ObjectId id = "crafted" + std::to_string(++number);
    std::filesystem::create_symlink(target, Volume() / "objects" / id);
    TryAll(id);
  }
}

TEST_F(CraftedDirStoreTest, ALinkInAnObjectsPlaceIsNotFollowed) {
  std::filesystem::create_symlink(outside_ / "victim",
                                  Volume() / "segments/8.x");
  std::filesystem::create_symlink("../segments/8.x", Volume() / "objects/cc");
  EXPECT_FALSE(store_->Read("cc", 0, 100));
  for (const ObjectInfo& info : *store_->List(ObjectKind::kSegment)) {
    EXPECT_NE(info.id, "cc");
  }
  // It is the link that goes.
  EXPECT_TRUE(store_->Remove("cc"));
  ExpectUntouched();
}

TEST_F(CraftedDirStoreTest, FoldersMayNotBeLinks) {
  for (const auto& [name, kind] :
       {std::pair("segments", ObjectKind::kSegment),
        std::pair("log", ObjectKind::kLogRecord),
        std::pair("objects", ObjectKind::kSegment)}) {
    std::filesystem::rename(Volume() / name, outside_ / name);
    std::filesystem::create_directory_symlink(outside_ / name, Volume() / name);
    EXPECT_FALSE(store_->Create("dd", kind, "2", "x")) << name;
    EXPECT_FALSE(store_->Remove(name == std::string("log") ? "bb" : "aa"));
    std::filesystem::remove(Volume() / name);
    std::filesystem::rename(outside_ / name, Volume() / name);
    ExpectUntouched();
  }
  // The id was not taken by what failed.
  EXPECT_TRUE(store_->Create("dd", ObjectKind::kLogRecord, "2", "x"));
}

TEST_F(CraftedDirStoreTest, TheSuperblockIsNoLink) {
  std::filesystem::create_symlink(outside_ / "victim",
                                  Volume() / "superblock.json");
  EXPECT_FALSE(store_->ReadSuperblock());
  EXPECT_FALSE(store_->CreateSuperblock("new"));
  // Replacing it replaces the link.
  EXPECT_TRUE(store_->WriteSuperblock("new"));
  EXPECT_EQ(store_->ReadSuperblock().value_or(""), "new");
  ExpectUntouched();
}

TEST_F(CraftedDirStoreTest, AFifoKeepsNobodyWaiting) {
  ASSERT_EQ(mkfifo((Volume() / "segments/9.x").c_str(), 0600), 0);
  std::filesystem::create_symlink("../segments/9.x", Volume() / "objects/ee");
  EXPECT_FALSE(store_->Read("ee", 0, 100));
  ASSERT_EQ(mkfifo((Volume() / "superblock.json").c_str(), 0600), 0);
  EXPECT_FALSE(store_->ReadSuperblock());
}

class DirStoreModesTest : public testing::TestWithParam<mode_t> {
 protected:
  void SetUp() override { old_ = umask(GetParam()); }
  void TearDown() override { umask(old_); }
  mode_t old_ = 0;
};

void MakeOneOfEach(ObjectStore& store, const std::string& suffix) {
  ASSERT_TRUE(
      store.Create("a" + suffix, ObjectKind::kLogRecord, "1" + suffix, "x"));
  ASSERT_TRUE(
      store.Create("b" + suffix, ObjectKind::kSegment, "1" + suffix, "x"));
  ASSERT_TRUE(
      store.Create("c" + suffix, ObjectKind::kCheckpoint, "1" + suffix, "x"));
  ASSERT_TRUE(
      store.Create("d" + suffix, ObjectKind::kReadme, "R" + suffix, "x"));
  ASSERT_TRUE(store.WriteSuperblock("x"));
}

TEST_P(DirStoreModesTest, AStoreIsForItsOwner) {
  Folder folder;
  const auto store = folder.Open();
  ASSERT_TRUE(store);
  MakeOneOfEach(**store, "");
  EXPECT_EQ(std::filesystem::status(folder.path() / "volume").permissions(),
            std::filesystem::perms(0700));
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder.path())) {
    if (entry.is_symlink()) continue;
    EXPECT_EQ(entry.status().permissions(),
              std::filesystem::perms(entry.is_directory() ? 0700 : 0600))
        << entry.path();
  }
}

TEST_P(DirStoreModesTest, AStoreForAGroupStaysOne) {
  Folder folder;
  const auto store = folder.Open();
  ASSERT_TRUE(store);
  MakeOneOfEach(**store, "");
  std::filesystem::permissions(folder.path() / "volume/objects",
                               std::filesystem::perms(0775));
  MakeOneOfEach(**store, "2");
  EXPECT_EQ(std::filesystem::status(folder.path() / "volume/R2").permissions(),
            std::filesystem::perms(0660));
}

INSTANTIATE_TEST_SUITE_P(Umasks, DirStoreModesTest,
                         testing::Values(0, 022, 077, 0277, 0777));

}  // namespace
}  // namespace driveroot
