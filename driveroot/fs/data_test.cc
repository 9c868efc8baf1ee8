// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: the contents of regular files.
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "driveroot/fs/file_system_test_util.h"

namespace driveroot {
namespace {

TEST_F(FileSystemTest, SizesGrowAndShrinkWithZeros) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 0, "abcdef", kRoot));
  AttributeChange change;
  change.size = 2;
  ASSERT_TRUE(fs_->SetAttributes(file, change, kRoot));
  change.size = 4;
  ASSERT_TRUE(fs_->SetAttributes(file, change, kRoot));
  EXPECT_EQ(Read(file), std::string("ab\0\0", 4));
  change.size = uint64_t{1} << 63;
  EXPECT_EQ(CodeOf(fs_->SetAttributes(file, change, kRoot)),
            ErrorCode::kFileTooLarge);
  EXPECT_EQ(CodeOf(fs_->SetAttributes(kRootInode, change, kRoot)),
            ErrorCode::kIsDirectory);
  EXPECT_EQ(CodeOf(fs_->Write(file, INT64_MAX, "x", kRoot)),
            ErrorCode::kFileTooLarge);
}

TEST_F(FileSystemTest, AReadCrossesWhatIsStoredWhatIsNotAndHoles) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 10, "stored-stored", kRoot));
  ASSERT_TRUE(fs_->Sync());
  ASSERT_TRUE(fs_->Write(file, 16, "+", kRoot));
  ASSERT_TRUE(fs_->Write(file, 30, "later", kRoot));
  const std::string all =
      std::string(10, '\0') + "stored+stored" + std::string(7, '\0') + "later";
  EXPECT_EQ(Read(file), all);
  for (uint64_t begin = 0; begin < all.size(); ++begin) {
    EXPECT_EQ(Read(file, begin, 9), all.substr(begin, 9)) << begin;
  }
  const Result<FileBytes> pieces = fs_->Read(file, 10, 13);
  ASSERT_TRUE(pieces);
  // What is stored is not copied together with the rest.
  EXPECT_EQ(pieces->pieces().size(), 3U);
}

TEST_F(FileSystemTest, AllocatesPunchesAndSeeks) {
  const InodeNumber file = File("f");
  ASSERT_TRUE(fs_->Write(file, 0, std::string(300, 'x'), kRoot));
  ASSERT_TRUE(fs_->Allocate(file, 0, 0, 1000, kRoot));
  EXPECT_EQ(Get(file).size, 1000u);
  ASSERT_TRUE(fs_->Allocate(file, FALLOC_FL_KEEP_SIZE, 0, 5000, kRoot));
  EXPECT_EQ(Get(file).size, 1000u);
  ASSERT_TRUE(fs_->Allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            100, 100, kRoot));
  EXPECT_EQ(Read(file, 99, 3), std::string("x\0\0", 3));
  EXPECT_EQ(fs_->Seek(file, 0, SEEK_HOLE), 100u);
  EXPECT_EQ(fs_->Seek(file, 100, SEEK_DATA), 200u);
  EXPECT_EQ(CodeOf(fs_->Seek(file, 300, SEEK_DATA)),
            ErrorCode::kNoSuchDeviceAddress);
  EXPECT_EQ(CodeOf(fs_->Seek(file, 1000, SEEK_HOLE)),
            ErrorCode::kNoSuchDeviceAddress);
  for (const uint32_t mode :
       {uint32_t{FALLOC_FL_PUNCH_HOLE}, uint32_t{FALLOC_FL_COLLAPSE_RANGE},
        uint32_t{FALLOC_FL_INSERT_RANGE}}) {
    EXPECT_EQ(CodeOf(fs_->Allocate(file, mode, 0, 4096, kRoot)),
              ErrorCode::kNotSupported);
  }
  EXPECT_EQ(CodeOf(fs_->Allocate(file, 0, 0, 0, kRoot)),
            ErrorCode::kInvalidArgument);
}

TEST_F(FileSystemTest, CopiesRangesByReference) {
  const InodeNumber from = File("from");
  const InodeNumber to = File("to");
  ASSERT_TRUE(fs_->Write(from, 0, "0123456789", kRoot));
  EXPECT_EQ(fs_->CopyRange(from, 4, to, 2, 100, kRoot), 6u);
  EXPECT_EQ(Read(to), std::string("\0\0"
                                  "456789",
                                  8));
  ASSERT_TRUE(fs_->Write(from, 4, "new", kRoot));
  EXPECT_EQ(Read(to), std::string("\0\0"
                                  "456789",
                                  8));
  EXPECT_EQ(fs_->CopyRange(from, 10, to, 0, 5, kRoot), 0u);
  EXPECT_EQ(CodeOf(fs_->CopyRange(from, 0, from, 3, 5, kRoot)),
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace driveroot
