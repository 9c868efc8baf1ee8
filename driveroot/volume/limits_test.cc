// SPDX-License-Identifier: Apache-2.0
//
// What is written down can be read again, at every limit; beyond it nothing is
// written.
#include "driveroot/volume/limits.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/codec.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/segment.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/wire.h"

namespace driveroot {
namespace {

InodeDelta Inode(InodeNumber number) {
  return {.number = number,
          .attributes = Attributes{.mode = 0100644, .nlink = 1},
          .parent = kNoInode,
          .symlink_target = "",
          .xattrs = std::nullopt};
}

RecordHeader Header() {
  RecordHeader header;
  header.volume_uuid = "uuid";
  header.sequence = 7;
  header.epoch = 3;
  header.next_ids = {"next"};
  header.writer = {"host", "boot", "1:2"};
  return header;
}

// What a limit is of: sets something to `size`.
struct Limit {
  const char* name;
  uint64_t limit;
  std::function<void(uint64_t size, Delta& delta, RecordHeader& header)> set;
};

std::vector<Limit> Limits() {
  const auto text = [](uint64_t size) { return std::string(size, 't'); };
  return {
      {"symlink target", limits::kStoredTextBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.inodes.push_back(Inode(5));
         delta.inodes.back().symlink_target = text(size);
       }},
      {"xattr name", limits::kStoredTextBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.inodes.push_back(Inode(5));
         delta.inodes.back().xattrs = {{text(size), ""}};
       }},
      {"xattr value", limits::kStoredTextBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.inodes.push_back(Inode(5));
         delta.inodes.back().xattrs = {{"user.a", text(size)}};
       }},
      {"all xattrs of an inode", limits::kStoredXattrBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.inodes.push_back(Inode(5));
         Xattrs& xattrs = delta.inodes.back().xattrs.emplace();
         for (char name = 'a'; size > 0; ++name) {
           const uint64_t length = std::min(size, limits::kStoredTextBytes) - 1;
           xattrs.emplace_back(std::string(1, name), text(length));
           size -= length + 1;
         }
       }},
      {"id of an object", limits::kObjectIdBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.objects.push_back({1, text(size), ObjectKind::kSegment, 1});
       }},
      {"id of a checkpoint", limits::kObjectIdBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.checkpoints.push_back({.sequence = 1, .id = text(size)});
       }},
      {"id of a dead object", limits::kObjectIdBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.dead_objects.push_back({.number = 1, .id = text(size)});
       }},
      {"copy of a frame", limits::kFrameBytes,
       [=](uint64_t size, Delta& delta, RecordHeader&) {
         delta.frame_copies.push_back({1, text(size)});
       }},
      {"sequence number", limits::kNumber,
       [](uint64_t size, Delta&, RecordHeader& header) {
         header.sequence = size;
       }},
      {"epoch", limits::kNumber,
       [](uint64_t size, Delta&, RecordHeader& header) {
         header.epoch = size;
       }},
      {"uuid", limits::kHeaderTextBytes,
       [=](uint64_t size, Delta&, RecordHeader& header) {
         header.volume_uuid = text(size);
       }},
      {"host name", limits::kHeaderTextBytes,
       [=](uint64_t size, Delta&, RecordHeader& header) {
         header.writer.host_name = text(size);
       }},
      {"boot id", limits::kHeaderTextBytes,
       [=](uint64_t size, Delta&, RecordHeader& header) {
         header.writer.boot_id = text(size);
       }},
      {"process", limits::kHeaderTextBytes,
       [=](uint64_t size, Delta&, RecordHeader& header) {
         header.writer.process = text(size);
       }},
      {"next id", limits::kObjectIdBytes,
       [=](uint64_t size, Delta&, RecordHeader& header) {
         header.next_ids = {text(size)};
       }},
      {"next ids", limits::kNextIds,
       [](uint64_t size, Delta&, RecordHeader& header) {
         header.next_ids.assign(size, "id");
       }},
  };
}

TEST(LimitsTest, WhatIsWrittenIsReadAgainAndTheRestIsRefused) {
  for (const Limit& limit : Limits()) {
    for (const int beyond : {-1, 0, 1}) {
      SCOPED_TRACE(std::string(limit.name) + ", limit plus " +
                   std::to_string(beyond));
      Delta delta;
      RecordHeader header = Header();
      limit.set(limit.limit + static_cast<uint64_t>(beyond), delta, header);
      const auto record = EncodeRecord(header, delta, "frames");
      const auto checkpoint = EncodeCheckpoint({header, Hash()}, delta);
      EXPECT_EQ(record.has_value(), beyond <= 0);
      EXPECT_EQ(checkpoint.has_value(), beyond <= 0);
      if (!record || !checkpoint) {
        EXPECT_EQ(record.error().code(), ErrorCode::kInvalidArgument);
        EXPECT_EQ(checkpoint.error().code(), ErrorCode::kInvalidArgument);
        continue;
      }
      const auto read_record = ParseRecord(*record);
      ASSERT_TRUE(read_record) << read_record.error();
      EXPECT_EQ(read_record->header, header);
      EXPECT_TRUE(read_record->delta == delta);
      const auto read_checkpoint = ParseCheckpoint(*checkpoint);
      ASSERT_TRUE(read_checkpoint) << read_checkpoint.error();
      EXPECT_TRUE(read_checkpoint->state == delta);
    }
  }
}

TEST(LimitsTest, ARecordWithoutANextIdIsNotWritten) {
  RecordHeader header = Header();
  header.next_ids.clear();
  EXPECT_FALSE(EncodeRecord(header, Delta(), ""));
}

// Earlier versions took such names from archives.
TEST(LimitsTest, LongNamesAreCutAndStayApart) {
  Delta delta;
  const std::string longest(limits::kNameBytes, 'n');
  delta.dentries = {
      {1, longest, 2}, {1, longest + "a", 3}, {1, longest + "b", 4}};
  const auto decoded = DecodeDelta(EncodeDelta(delta).value());
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(decoded->dentries[0].name, longest);
  for (const int i : {1, 2}) {
    EXPECT_EQ(decoded->dentries[i].name.size(), limits::kNameBytes);
    EXPECT_EQ(decoded->dentries[i].inode, delta.dentries[i].inode);
  }
  EXPECT_NE(decoded->dentries[1].name, decoded->dentries[2].name);
  EXPECT_TRUE(DecodeDelta(EncodeDelta(*decoded).value()) == *decoded);
}

// A file of `count` extents of one byte each, which no two continue.
ExtentDelta ManyExtents(uint64_t count) {
  ExtentDelta delta{
      .inode = 5, .offset = 10, .length = count + 20, .extents = {}};
  for (uint64_t i = 0; i < count; ++i) {
    delta.extents.push_back({12 + i, 1, static_cast<uint32_t>(i % 2), 1});
  }
  return delta;
}

TEST(LimitsTest, ManyExtentsTakeManyItems) {
  for (const int more : {-1, 0, 1}) {
    for (const uint64_t items : {1, 3, 100}) {
      const uint64_t count =
          items * limits::kExtentsPerItem + static_cast<uint64_t>(more);
      SCOPED_TRACE(count);
      Delta delta;
      delta.extents = {ManyExtents(count)};
      const auto decoded = DecodeDelta(EncodeDelta(delta).value());
      ASSERT_TRUE(decoded) << decoded.error();
      ASSERT_EQ(decoded->extents.size(), items + (more > 0 ? 1 : 0));
      // One after the other, without a gap.
      std::vector<Extent> all;
      uint64_t end = 10;
      for (const ExtentDelta& item : decoded->extents) {
        EXPECT_EQ(item.inode, 5U);
        EXPECT_EQ(item.offset, end);
        end = item.offset + item.length;
        all.insert(all.end(), item.extents.begin(), item.extents.end());
      }
      EXPECT_EQ(end, 10 + count + 20);
      EXPECT_TRUE(all == delta.extents[0].extents);
    }
  }
}

// So did earlier versions: all extents of a file in one item.
TEST(LimitsTest, OneItemOfManyExtentsIsRead) {
  constexpr uint64_t kCount = 1'000'000;
  WireWriter chunk;
  chunk.Byte(3);
  chunk.Varint(1);
  chunk.Varint(5);
  chunk.Varint(0);
  chunk.Varint(kCount);
  chunk.Varint(kCount);
  for (uint64_t i = 0; i < kCount; ++i) {
    chunk.Varint(0);
    chunk.Signed(i == 0 ? 1 : 0);
    chunk.Varint(i % 2);
    chunk.Varint(1);
  }
  chunk.Byte(6);
  for (int i = 0; i < 3; ++i) chunk.Varint(9);
  const std::string raw = chunk.Take();
  WireWriter stream;
  stream.Varint(raw.size());
  stream.Bytes(CompressFrame(raw));
  stream.Varint(0);
  const auto decoded = DecodeDelta(stream.bytes());
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_EQ(decoded->extents[0].extents.size(), kCount);
  // And written in other pieces.
  const auto again = DecodeDelta(EncodeDelta(*decoded).value());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->extents.size(),
            (kCount + limits::kExtentsPerItem - 1) / limits::kExtentsPerItem);
  // What takes too much memory is refused, and is no damage.
  const auto refused = DecodeDelta(stream.bytes(), 8 << 20);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotSupported);
}

TEST(LimitsTest, AFewBytesDoNotTakeMuchMemory) {
  // Inodes that are gone, two bytes each, which compress to nothing.
  WireWriter chunk;
  constexpr uint64_t kCount = 1'000'000;
  chunk.Byte(1);
  chunk.Varint(kCount);
  for (uint64_t i = 0; i < kCount; ++i) {
    chunk.Varint(1);
    chunk.Byte(0);
  }
  chunk.Byte(6);
  for (int i = 0; i < 3; ++i) chunk.Varint(9);
  const std::string raw = chunk.Take();
  WireWriter stream;
  stream.Varint(raw.size());
  stream.Bytes(CompressFrame(raw));
  stream.Varint(0);
  EXPECT_LT(stream.size(), 1000U);
  const auto refused = DecodeDelta(stream.bytes(), 64 << 20);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotSupported);
}

TEST(LimitsTest, ChunksThatAreTooLongAreNoDamage) {
  WireWriter stream;
  stream.Varint(limits::kReadChunkBytes + 1);
  stream.Bytes("compressed");
  stream.Varint(0);
  const auto refused = DecodeDelta(stream.bytes());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotSupported);
}

TEST(LimitsTest, SegmentsHoldAsManyFramesAsTheirIndexMay) {
  for (const bool beyond : {false, true}) {
    SegmentWriter writer;
    const uint64_t count = limits::kSegmentFrames + (beyond ? 100'000 : 0);
    for (uint64_t i = 0; i < count; ++i) {
      // The longest entries of an index.
      writer.Add({.number = UINT64_MAX - i,
                  .raw_length = limits::kFrameBytes,
                  .hash = {},
                  .stored = "x"});
    }
    const auto segment = writer.Finish();
    if (!segment) {
      EXPECT_TRUE(beyond);
      EXPECT_EQ(segment.error().code(), ErrorCode::kInvalidArgument);
      continue;
    }
    const auto read = [&](uint64_t offset,
                          uint64_t length) -> Result<std::string> {
      return segment->substr(offset, length);
    };
    const auto index = ReadSegmentIndex(segment->size(), read);
    ASSERT_TRUE(index) << index.error();
    EXPECT_EQ(index->size(), count);
  }
}

TEST(LimitsTest, SuperblocksOfLongIdsAreNotWritten) {
  Superblock superblock;
  superblock.uuid = "uuid";
  superblock.checkpoint.id = std::string(limits::kObjectIdBytes, 'i');
  EXPECT_TRUE(EncodeSuperblock(superblock));
  superblock.checkpoint.id += 'i';
  EXPECT_FALSE(EncodeSuperblock(superblock));
  superblock.checkpoint.id = "";
  EXPECT_FALSE(EncodeSuperblock(superblock));
  superblock.checkpoint.id = "id";
  superblock.uuid = std::string(limits::kSuperblockBytes, 'u');
  EXPECT_FALSE(EncodeSuperblock(superblock));
}

}  // namespace
}  // namespace driveroot
