// SPDX-License-Identifier: Apache-2.0
//
// What users who take as much as they can get do to the memory of a file
// system: they are refused in time, and what is there stays in order.
#include <sys/xattr.h>

#include <functional>
#include <string>
#include <vector>

#include "driveroot/fs/file_system_test_util.h"
#include "driveroot/volume/limits.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

constexpr uint64_t kMetadataBytes = 4 << 20;

// Counts the lines that tell of it.
class FullLines : public google::LogSink {
 public:
  FullLines() { google::AddLogSink(this); }
  ~FullLines() override { google::RemoveLogSink(this); }
  void send(google::LogSeverity, const char*, const char*, int,
            const google::LogMessageTime&, const char* message,
            size_t length) override {
    if (std::string_view(message, length).contains("no space left")) ++count;
  }
  int count = 0;
};

class RoomTest : public FileSystemTest {
 protected:
  RoomTest() {
    fs_.reset();
    EXPECT_TRUE(volume_->Close());
    volume_.reset();
    OpenSmall();
  }

  void OpenSmall() {
    VolumeOptions options;
    options.commit_interval = std::chrono::hours(1);
    options.metadata_bytes = kMetadataBytes;
    auto volume =
        Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = *std::move(volume);
    fs_ = std::make_unique<FileSystem>(volume_.get(), [this] { return now_; });
  }

  InodeNumber UserFile(const std::string& name) {
    const auto node = fs_->Create(kRootInode, name, S_IFREG | 0644, 0, kUser);
    EXPECT_TRUE(node) << node.error();
    return node->number;
  }

  // Repeats `take`, which gets the number of the attempt, until it fails.
  void Exhaust(const std::function<Status(int)>& take) {
    for (int i = 0; i < 1'000'000; ++i) {
      const Status taken = take(i);
      if (taken) continue;
      EXPECT_EQ(taken.error().code(), ErrorCode::kOutOfSpace) << taken.error();
      return;
    }
    FAIL() << "there is no end to it";
  }

  // It is full for users, not for root, and whoever removes makes room.
  void ExpectFullAndInOrder() {
    const VolumeStatus status = volume_->GetStatus();
    EXPECT_EQ(status.metadata_limit, kMetadataBytes);
    EXPECT_LE(status.metadata_bytes, kMetadataBytes);
    const int lines = lines_.count;
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(CodeOf(fs_->SetXattr(kRootInode, "user.no",
                                     std::string(limits::kXattrValueBytes, 'v'),
                                     0, kUser)),
                ErrorCode::kOutOfSpace);
    }
    EXPECT_EQ(lines_.count, lines) << "told more than once";
    EXPECT_TRUE(fs_->MakeDirectory(kRootInode, "root's", 0755, kRoot));
    ASSERT_TRUE(fs_->Sync());
    fs_.reset();
    ASSERT_TRUE(volume_->Close());
    volume_.reset();
    OpenSmall();
    EXPECT_LE(volume_->GetStatus().metadata_bytes, kMetadataBytes);
  }

  void Unlink(const std::string& name) {
    const Status removed = fs_->Unlink(kRootInode, name);
    EXPECT_TRUE(removed) << removed.error();
  }

  FullLines lines_;
};

TEST_F(RoomTest, Files) {
  std::vector<std::string> names;
  Exhaust([&](int i) -> Status {
    const std::string name = "f" + std::to_string(i);
    DRIVEROOT_RETURN_IF_ERROR(
        fs_->Create(kRootInode, name, S_IFREG | 0644, 0, kUser));
    names.push_back(name);
    return {};
  });
  EXPECT_GT(names.size(), 1000U);
  EXPECT_EQ(lines_.count, 1);
  ExpectFullAndInOrder();
  // One by one, so that each finds what the one before has left.
  for (const std::string& name : names) Unlink(name);
  ASSERT_TRUE(fs_->Sync());
  UserFile("again");
}

TEST_F(RoomTest, DirectoriesSymlinksLinksAndUnnamedFiles) {
  InodeNumber file = kNoInode;
  const std::vector<std::function<Status(const std::string&)>> kinds = {
      [&](const std::string& name) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(
            fs_->MakeDirectory(kRootInode, name, 0755, kUser));
        return {};
      },
      [&](const std::string& name) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(fs_->MakeSymlink(
            kRootInode, name, std::string(limits::kSymlinkBytes, 't'), kUser));
        return {};
      },
      [&](const std::string& name) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(fs_->Link(
            file, kRootInode, name + std::string(240 - name.size(), 'n')));
        return {};
      },
      [&](const std::string&) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(fs_->CreateUnnamed(kRootInode, 0600, kUser));
        return {};
      },
      [&](const std::string& name) -> Status {
        DRIVEROOT_RETURN_IF_ERROR(
            fs_->Create(kRootInode, name, S_IFIFO | 0644, 0, kUser));
        return fs_->Rename(kRootInode, name, kRootInode,
                           std::string(250 - name.size(), 'r') + name, 0,
                           kUser);
      }};
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    SCOPED_TRACE(kind);
    fs_.reset();
    volume_.reset();
    account_ = std::make_shared<FakeAccount>();
    FakeObjectStore store(account_);
    ASSERT_TRUE(Volume::Format(store, {}));
    OpenSmall();
    file = UserFile("f");
    Exhaust([&](int i) { return kinds[kind]("n" + std::to_string(i)); });
    ExpectFullAndInOrder();
  }
}

TEST_F(RoomTest, ExtendedAttributes) {
  std::vector<std::string> names;
  InodeNumber file = kNoInode;
  const std::string value(limits::kXattrValueBytes, 'v');
  Exhaust([&](int i) -> Status {
    // Fifteen fit into one file.
    if (i % 15 == 0) {
      const std::string name = "f" + std::to_string(i);
      DRIVEROOT_ASSIGN_OR_RETURN(
          const Node node,
          fs_->Create(kRootInode, name, S_IFREG | 0644, 0, kUser));
      file = node.number;
      names.push_back(name);
    }
    return fs_->SetXattr(file, "user." + std::to_string(i % 15), value, 0,
                         kUser);
  });
  EXPECT_EQ(lines_.count, 1);
  ExpectFullAndInOrder();
  for (const std::string& name : names) Unlink(name);
  UserFile("again");
}

TEST_F(RoomTest, ExtentsThatAreDoubled) {
  const InodeNumber file = UserFile("f");
  ASSERT_TRUE(fs_->Write(file, 0, "x", kUser));
  uint64_t size = 1;
  Exhaust([&](int) -> Status {
    DRIVEROOT_RETURN_IF_ERROR(fs_->CopyRange(file, 0, file, size, size, kUser));
    size *= 2;
    return {};
  });
  EXPECT_GT(size, 1000U);
  // Of many files each has its share, and together they have no more than all.
  Exhaust([&](int i) -> Status {
    DRIVEROOT_ASSIGN_OR_RETURN(
        const Node copy, fs_->Create(kRootInode, "copy" + std::to_string(i),
                                     S_IFREG | 0644, 0, kUser));
    DRIVEROOT_RETURN_IF_ERROR(
        fs_->CopyRange(file, 0, copy.number, 0, size, kUser));
    return {};
  });
  EXPECT_EQ(Read(file, size - 3), "xxx");
  EXPECT_EQ(lines_.count, 2);  // of the file, and of all
  const VolumeStatus status = volume_->GetStatus();
  EXPECT_LE(status.metadata_bytes, kMetadataBytes);
  ASSERT_TRUE(fs_->Sync());
  fs_.reset();
  ASSERT_TRUE(volume_->Close());
  volume_.reset();
  OpenSmall();
  EXPECT_EQ(Read(file, size - 3), "xxx");
  Unlink("f");
  Unlink("copy0");
  UserFile("again");
}

TEST_F(RoomTest, FilesWrittenInPieces) {
  const InodeNumber file = UserFile("f");
  uint64_t pieces = 0;
  Exhaust([&](int i) -> Status {
    DRIVEROOT_RETURN_IF_ERROR(
        fs_->Write(file, static_cast<uint64_t>(i) * 10, "x", kUser));
    ++pieces;
    return {};
  });
  EXPECT_GT(pieces, 1000U);
  // A file that is full can be cut, and its holes be made larger.
  AttributeChange change;
  change.size = 100;
  EXPECT_TRUE(fs_->SetAttributes(file, change, kUser));
  EXPECT_TRUE(fs_->Write(file, 5, "x", kUser));
}

// What continues the piece before it is no piece of its own.
TEST_F(RoomTest, FilesWrittenInOrderHaveFewPieces) {
  const InodeNumber file = UserFile("f");
  for (uint64_t i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(fs_->Write(file, i, "x", kUser));
  }
  const Volume::ReadLock metadata = volume_->Read();
  EXPECT_LE(metadata->Find(file)->extents().all().size(), 3U);
}

}  // namespace
}  // namespace driveroot
