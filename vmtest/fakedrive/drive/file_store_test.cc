// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/file_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot::fakedrive {
namespace {

namespace fs = std::filesystem;

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() {
    folder_ = std::string(std::getenv("TEST_TMPDIR")) + "/store.XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    Reopen();
  }

  void Reopen() {
    store_.reset();
    auto store = FileStore::Open(folder_, "root");
    ASSERT_TRUE(store) << store.error();
    store_ = *std::move(store);
  }

  void Put(const std::string& id, const std::string& parent,
           const std::string& bytes) {
    FileRecord record;
    record.id = id;
    record.name = "name of " + id;
    record.parent = parent;
    record.mime_type = bytes.empty() ? kFolderMimeType : "text/plain";
    record.app_properties = {{"k", "v\"\n"}};
    record.modified_ms = -5;
    if (bytes.empty()) {
      ASSERT_TRUE(store_->Put(record, nullptr));
      return;
    }
    auto writer = ContentWriter::Open(store_->NewSpoolPath());
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->Append(bytes));
    auto content = writer->Finish();
    ASSERT_TRUE(content);
    ASSERT_TRUE(store_->Put(record, &*content));
  }

  std::string Bytes(const std::string& id) {
    return ReadFile(store_->ContentPath(*store_->Find(id)), 1 << 20).value();
  }

  size_t ContentFiles() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_ + "/content"), {}));
  }

  std::string folder_;
  std::unique_ptr<FileStore> store_;
};

TEST_F(FileStoreTest, KeepsEverythingOverARestart) {
  Put("d", "root", "");
  Put("f", "d", "hello");
  const uint64_t change = store_->last_change();
  Reopen();
  const FileRecord* file = store_->Find("f");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->name, "name of f");
  EXPECT_EQ(file->app_properties.at("k"), "v\"\n");
  EXPECT_EQ(file->modified_ms, -5);
  EXPECT_EQ(file->md5, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(file->sha1, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
  EXPECT_EQ(file->sha256,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(Bytes("f"), "hello");
  EXPECT_EQ(store_->bytes_used(), 5u);
  EXPECT_EQ(store_->last_change(), change);
  EXPECT_TRUE(store_->Children("d").contains("f"));
}

TEST_F(FileStoreTest, ReplacesContent) {
  Put("f", "root", "old");
  Put("f", "root", "newer");
  EXPECT_EQ(Bytes("f"), "newer");
  EXPECT_EQ(store_->Find("f")->version, 2u);
  EXPECT_EQ(store_->bytes_used(), 5u);
  EXPECT_EQ(ContentFiles(), 1u);
}

TEST_F(FileStoreTest, RemembersWhatAFileWasBefore) {
  Put("f", "root", "old");
  const auto size_as_of = [&](int64_t time_ms) {
    return store_->AsOf(*store_->Find("f"), time_ms).size;
  };
  EXPECT_EQ(size_as_of(INT64_MIN), 3u);
  Put("f", "root", "newer");
  EXPECT_EQ(size_as_of(INT64_MIN), 3u);
  EXPECT_EQ(size_as_of(INT64_MAX), 5u);
  for (int i = 0; i < 100; ++i) Put("f", "root", "much newer");
  EXPECT_EQ(size_as_of(INT64_MIN), 10u);
}

TEST_F(FileStoreTest, DeletesWithEverythingBelow) {
  Put("d", "root", "");
  Put("e", "d", "");
  Put("f", "e", "x");
  ASSERT_TRUE(store_->Delete("d"));
  for (int round = 0; round < 2; ++round) {
    for (const char* id : {"d", "e", "f"}) {
      EXPECT_EQ(store_->Find(id), nullptr);
      EXPECT_TRUE(store_->WasUsed(id));
    }
    EXPECT_EQ(store_->bytes_used(), 0u);
    EXPECT_TRUE(store_->Children("root").empty());
    EXPECT_EQ(ContentFiles(), 0u);
    Reopen();
  }
}

TEST_F(FileStoreTest, KnowsTheTree) {
  Put("d", "root", "");
  Put("e", "d", "");
  Put("f", "e", "x");
  EXPECT_EQ(store_->Depth(*store_->Find("f")), 3u);
  EXPECT_TRUE(store_->IsWithin("f", "d"));
  EXPECT_TRUE(store_->IsWithin("d", "d"));
  EXPECT_FALSE(store_->IsWithin("d", "f"));
  FileRecord trashed = *store_->Find("d");
  trashed.trashed = true;
  ASSERT_TRUE(store_->Put(trashed, nullptr));
  EXPECT_TRUE(store_->IsTrashed(*store_->Find("f")));
  EXPECT_EQ(store_->bytes_in_trash(), 1u);
}

TEST_F(FileStoreTest, ForgetsWhatAKillLeftHalfDone) {
  Put("f", "root", "x");
  // Content that was moved in place without its record, a record that was not
  // renamed yet, and a file in the spool.
  std::ofstream(folder_ + "/content/g.9") << "orphan";
  std::ofstream(folder_ + "/files/g.json.Xy12ab") << "{";
  std::ofstream(folder_ + "/spool/7") << "half";
  Reopen();
  EXPECT_EQ(store_->Find("g"), nullptr);
  EXPECT_EQ(ContentFiles(), 1u);
  EXPECT_FALSE(fs::exists(folder_ + "/files/g.json.Xy12ab"));
  EXPECT_FALSE(fs::exists(folder_ + "/spool/7"));
  EXPECT_EQ(Bytes("f"), "x");
}

TEST_F(FileStoreTest, SaysWhatIsDamaged) {
  Put("f", "root", "x");
  std::ofstream(folder_ + "/files/f.json") << "{\"id\":\"f\"";
  const auto broken = FileStore::Open(folder_, "root");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), ErrorCode::kDataLoss);
  EXPECT_NE(broken.error().message().find("files/f.json"), std::string::npos);
  Put("f", "root", "y");
  fs::remove(store_->ContentPath(*store_->Find("f")));
  EXPECT_FALSE(FileStore::Open(folder_, "root"));
}

}  // namespace
}  // namespace driveroot::fakedrive
