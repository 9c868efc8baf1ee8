// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/dir/dir_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

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

}  // namespace
}  // namespace driveroot
