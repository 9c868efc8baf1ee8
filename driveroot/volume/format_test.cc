// SPDX-License-Identifier: Apache-2.0
//
// Everything that lies on Drive, there and back, and damaged in every way that
// a few bytes can be.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/codec.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/segment.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/wire.h"

namespace driveroot {
namespace {

Hash HashOf(uint8_t byte) {
  Hash hash;
  hash.fill(byte);
  return hash;
}

Delta SampleDelta() {
  Delta delta;
  delta.inodes = {
      {.number = 1,
       .attributes = Attributes{.mode = 040755, .nlink = 3, .mtime = -5},
       .parent = 1,
       .symlink_target = "",
       .xattrs = std::nullopt},
      {.number = 2,
       .attributes = Attributes{.mode = 0100644,
                                .uid = 1000,
                                .gid = UINT32_MAX,
                                .nlink = 1,
                                .size = UINT64_MAX,
                                .rdev = 77,
                                .atime = INT64_MIN,
                                .mtime = INT64_MAX,
                                .ctime = 0,
                                .btime = 12345},
       .parent = 0,
       .symlink_target = "",
       .xattrs = Xattrs{{"user.a", "1"}, {"user.b", std::string("\0x", 2)}}},
      {.number = 1ULL << 60,
       .attributes = Attributes{.mode = 0120777, .nlink = 1},
       .parent = 0,
       .symlink_target = "somewhere/else",
       .xattrs = Xattrs()},
      {.number = UINT64_MAX,
       .attributes = std::nullopt,
       .parent = 0,
       .symlink_target = "",
       .xattrs = std::nullopt},
  };
  delta.dentries = {{1, "a", 2}, {1, "b", 0}, {9, std::string(255, 'x'), 3}};
  delta.extents = {{2, 0, 1 << 20, {{0, 5, 0, 100}, {4096, 3, 7, 131072}}},
                   {2, 1ULL << 50, 10, {}},
                   {7, 5, 6, {{5, UINT64_MAX, 0, 6}}}};
  delta.objects = {{1, "idA", ObjectKind::kLogRecord, 1000},
                   {4, "", ObjectKind::kSegment, 0}};
  delta.frames = {{3, 1, 40, 100, 131072, HashOf(1)},
                  {5, 1, 140, 7, 7, HashOf(2)}};
  delta.checkpoints = {{.sequence = 5,
                        .id = "idC",
                        .hash = HashOf(3),
                        .size = 4711,
                        .sealed_at = -1,
                        .next_object = 4},
                       {.sequence = 900}};
  delta.dead_objects = {{.number = 2,
                         .id = "idD",
                         .kind = ObjectKind::kLogRecord,
                         .size = 99,
                         .since = 7},
                        {.number = UINT64_MAX}};
  delta.frame_copies = {{3, "bytes"}, {5, std::string("\0", 1)}};
  delta.records_from = 5;
  delta.next_inode = 100;
  delta.next_frame = 200;
  delta.next_object = UINT64_MAX;
  return delta;
}

RecordHeader SampleHeader() {
  return {.volume_uuid = "uuid",
          .type = RecordType::kCommit,
          .sequence = 12,
          .epoch = 3,
          .sealed_at = 1'700'000'000'000'000'000,
          .previous = HashOf(9),
          .next_ids = {"next1", "next2"},
          .writer = {"host", "boot", "12:345"}};
}

// Every way to cut `bytes`, and every bit of it flipped, is given to `parse`,
// which says whether it accepted them.
void ExpectDamageIsSeen(const std::string& bytes,
                        const std::function<bool(const std::string&)>& parse) {
  ASSERT_TRUE(parse(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse(bytes.substr(0, size))) << "cut to " << size;
  }
  EXPECT_FALSE(parse(bytes + '\0'));
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(parse(damaged)) << "bit " << bit;
  }
}

TEST(WireTest, NumbersComeBack) {
  WireWriter out;
  const std::vector<uint64_t> numbers = {0,   1,     127,        128,
                                         300, 16383, UINT32_MAX, UINT64_MAX};
  for (const uint64_t number : numbers) {
    out.Varint(number);
    out.Signed(static_cast<int64_t>(number));
    out.Signed(-static_cast<int64_t>(number >> 1));
    out.Fixed32(static_cast<uint32_t>(number));
    out.Fixed64(number);
  }
  WireReader in(out.bytes());
  for (const uint64_t number : numbers) {
    EXPECT_EQ(in.Varint(), number);
    EXPECT_EQ(in.Signed(), static_cast<int64_t>(number));
    EXPECT_EQ(in.Signed(), -static_cast<int64_t>(number >> 1));
    EXPECT_EQ(in.Fixed32(), static_cast<uint32_t>(number));
    EXPECT_EQ(in.Fixed64(), number);
  }
  EXPECT_TRUE(in.done());
}

TEST(WireTest, RefusesLongFormsAndOverflow) {
  const auto parses = [](std::string_view bytes) {
    WireReader in(bytes);
    in.Varint();
    return in.done();
  };
  EXPECT_TRUE(parses(std::string("\x80\x01", 2)));
  EXPECT_FALSE(parses(std::string("\x80\x00", 2)));
  EXPECT_FALSE(parses("\x80"));
  EXPECT_TRUE(parses("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  EXPECT_FALSE(parses("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));
  EXPECT_FALSE(parses("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  WireReader in(
      "\x05"
      "abcd");
  EXPECT_EQ(in.Bytes(100), "");
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.Byte(), 0);
}

TEST(HashTest, KnownValueAndHex) {
  // FIPS 180-2, appendix B.1.
  const std::string hex =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(HexOf(Sha256("abc")), hex);
  EXPECT_EQ(HashFromHex(hex), Sha256("abc"));
  EXPECT_EQ(HashFromHex(hex.substr(1)), std::nullopt);
  EXPECT_EQ(HashFromHex("X" + hex.substr(1)), std::nullopt);
}

TEST(CompressionTest, ShortensOrKeeps) {
  const std::string zeros(100'000, '\0');
  EXPECT_LT(CompressFrame(zeros).size(), 100u);
  EXPECT_EQ(DecompressFrame(CompressFrame(zeros), zeros.size()).value_or(""),
            zeros);
  EXPECT_EQ(CompressFrame("x"), "x");
  EXPECT_FALSE(DecompressFrame(CompressFrame(zeros), zeros.size() - 1));
  EXPECT_FALSE(DecompressFrame(CompressFrame(zeros), zeros.size() + 1));
  EXPECT_FALSE(DecompressFrame("no zstd frame", 50));
}

TEST(CompressionTest, ThoroughIsShorterAndReadTheSame) {
  // Numbers: something to find, unlike in zeros or noise.
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i) + " ";
  const std::string quick = CompressFrame(text);
  const std::string thorough = CompressFrame(text, Compression::kThorough);
  EXPECT_LT(thorough.size(), quick.size());
  EXPECT_EQ(DecompressFrame(thorough, text.size()).value_or(""), text);
}

TEST(CodecTest, DeltasComeBack) {
  for (const Delta& delta : {Delta(), SampleDelta()}) {
    const std::string bytes = *EncodeDelta(delta);
    const Result<Delta> decoded = DecodeDelta(bytes);
    ASSERT_TRUE(decoded) << decoded.error();
    EXPECT_TRUE(*decoded == delta);
    EXPECT_EQ(*EncodeDelta(*decoded), bytes);
  }
}

TEST(CodecTest, LongDeltasTakeSeveralChunks) {
  Delta delta;
  for (uint64_t i = 1; i <= 60'000; ++i) {
    delta.inodes.push_back({.number = i,
                            .attributes = Attributes{.mode = 0100644,
                                                     .size = i * i,
                                                     .mtime = TimeNs(i << 40)},
                            .parent = 0,
                            .symlink_target = "",
                            .xattrs = std::nullopt});
    delta.dentries.push_back({1, "file" + std::to_string(i), i});
  }
  const Result<Delta> decoded = DecodeDelta(*EncodeDelta(delta));
  ASSERT_TRUE(decoded) << decoded.error();
  EXPECT_TRUE(*decoded == delta);
}

TEST(CodecTest, DamageNeverDoesMoreThanFail) {
  // No hash protects a delta by itself, so damage may go unseen here; it must
  // only never lead out of bounds or make what cannot be encoded.
  const std::string bytes = *EncodeDelta(SampleDelta());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeDelta(bytes.substr(0, size))) << "cut to " << size;
  }
  EXPECT_FALSE(DecodeDelta(bytes + '\0'));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(value);
      const Result<Delta> decoded = DecodeDelta(damaged);
      if (decoded) {
        EXPECT_TRUE(DecodeDelta(*EncodeDelta(*decoded)) == *decoded);
      } else if (decoded.error().code() != ErrorCode::kDataLoss) {
        // A length that is now beyond what is read.
        EXPECT_EQ(decoded.error().code(), ErrorCode::kNotSupported);
      }
    }
  }
}

TEST(CodecTest, UncompressedDamageNeverDoesMoreThanFail) {
  // A chunk as long as its stored form is not compressed, so that damage gets
  // past the decompressor.
  std::string items;
  {
    const std::string stream = *EncodeDelta(SampleDelta());
    WireReader chunk(stream);
    const uint64_t raw_length = chunk.Varint();
    const std::string_view stored = chunk.Bytes(stream.size());
    items = DecompressFrame(stored, raw_length).value_or("");
  }
  ASSERT_FALSE(items.empty());
  const auto wrap = [](const std::string& raw) {
    WireWriter out;
    out.Varint(raw.size());
    out.Bytes(raw);
    out.Varint(0);
    return out.Take();
  };
  EXPECT_TRUE(DecodeDelta(wrap(items)) == SampleDelta());
  for (size_t i = 0; i < items.size(); ++i) {
    EXPECT_FALSE(DecodeDelta(wrap(items.substr(0, i))));
    for (const int value : {0x00, 0x01, 0x05, 0x7f, 0x80, 0xff}) {
      std::string damaged = items;
      damaged[i] = static_cast<char>(value);
      const Result<Delta> decoded = DecodeDelta(wrap(damaged));
      if (!decoded) continue;
      EXPECT_TRUE(DecodeDelta(*EncodeDelta(*decoded)) == *decoded);
    }
  }
}

TEST(RecordTest, ComesBack) {
  const std::string frames = "inline frames";
  const std::string bytes =
      *EncodeRecord(SampleHeader(), SampleDelta(), frames);
  EXPECT_EQ(bytes.substr(kRecordFramesOffset, frames.size()), frames);
  const Result<LogRecord> record = ParseRecord(bytes);
  ASSERT_TRUE(record) << record.error();
  EXPECT_TRUE(record->header == SampleHeader());
  EXPECT_TRUE(record->delta == SampleDelta());
  EXPECT_EQ(record->hash, Sha256(bytes.substr(0, bytes.size() - 32)));
}

TEST(RecordTest, DamageIsSeen) {
  ExpectDamageIsSeen(
      *EncodeRecord(SampleHeader(), SampleDelta(), "frames"),
      [](const std::string& bytes) { return ParseRecord(bytes).has_value(); });
}

// The bytes with another version number, and a seal that fits.
std::string WithVersion(std::string bytes, size_t offset, char version,
                        bool sealed) {
  bytes[offset] = version;
  if (sealed) {
    bytes.resize(bytes.size() - 32);
    Seal(bytes);
  }
  return bytes;
}

TEST(RecordTest, NewerVersionIsNamed) {
  const std::string bytes =
      WithVersion(*EncodeRecord(SampleHeader(), SampleDelta(), ""), 8, 7, true);
  const Result<LogRecord> record = ParseRecord(bytes);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(record.error().message().find("version 7"), std::string::npos);
  EXPECT_NE(record.error().message().find("update driveroot"),
            std::string::npos);
}

TEST(RecordTest, SealedNonsenseIsRefused) {
  // What a writer with a fault, or an attacker, could seal.
  std::string bytes = *EncodeRecord(SampleHeader(), SampleDelta(), "frames");
  bytes.resize(bytes.size() - 32);
  for (size_t i = 12; i < bytes.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(value);
      Seal(damaged);
      const Result<LogRecord> record = ParseRecord(damaged);
      if (!record) {
        EXPECT_EQ(record.error().code(), ErrorCode::kDataLoss);
      }
    }
  }
}

TEST(CheckpointTest, ComesBack) {
  const LogPosition position{SampleHeader(), HashOf(4)};
  const std::string bytes = *EncodeCheckpoint(position, SampleDelta());
  const Result<Checkpoint> checkpoint = ParseCheckpoint(bytes);
  ASSERT_TRUE(checkpoint) << checkpoint.error();
  EXPECT_TRUE(checkpoint->position == position);
  EXPECT_TRUE(checkpoint->state == SampleDelta());
  const Result<Checkpoint> newer =
      ParseCheckpoint(WithVersion(bytes, 8, kFormatVersion + 1, true));
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(CheckpointTest, DamageIsSeen) {
  ExpectDamageIsSeen(
      *EncodeCheckpoint({SampleHeader(), HashOf(4)}, SampleDelta()),
      [](const std::string& bytes) {
        return ParseCheckpoint(bytes).has_value();
      });
}

Result<std::vector<FrameDelta>> IndexOf(const std::string& segment) {
  return ReadSegmentIndex(
      segment.size(),
      [&](uint64_t offset, uint64_t length) -> Result<std::string> {
        if (offset > segment.size()) return std::string();
        return segment.substr(offset, length);
      });
}

TEST(SegmentTest, IndexFindsEveryFrame) {
  SegmentWriter writer;
  const std::string first(1000, 'a');
  const std::string second = "b";
  writer.Add({5, 1000, Sha256(first), CompressFrame(first)});
  writer.Add({9, 1, Sha256(second), CompressFrame(second)});
  const std::string segment = *writer.Finish();
  const Result<std::vector<FrameDelta>> index = IndexOf(segment);
  ASSERT_TRUE(index) << index.error();
  ASSERT_EQ(index->size(), 2u);
  EXPECT_EQ((*index)[0].number, 5u);
  EXPECT_EQ((*index)[1].number, 9u);
  for (const FrameDelta& frame : *index) {
    const Result<std::string> raw =
        DecodeFrame(segment.substr(frame.object_offset, frame.stored_length),
                    frame.raw_length, frame.hash);
    ASSERT_TRUE(raw) << raw.error();
    EXPECT_EQ(*raw, frame.number == 5 ? first : second);
  }
}

TEST(SegmentTest, DamagedIndexIsRefused) {
  SegmentWriter writer;
  writer.Add({5, 1, Sha256("x"), "x"});
  const std::string segment = *writer.Finish();
  ASSERT_TRUE(IndexOf(segment));
  for (size_t size = 0; size < segment.size(); ++size) {
    EXPECT_FALSE(IndexOf(segment.substr(0, size))) << size;
  }
  // The header, and what follows the one byte of data.
  for (size_t i = 0; i < segment.size(); ++i) {
    if (i >= 12 && i <= 16) continue;
    std::string damaged = segment;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_FALSE(IndexOf(damaged)) << i;
  }
}

TEST(SegmentTest, DamagedFrameIsRefused) {
  const std::string raw(1000, 'a');
  const std::string stored = CompressFrame(raw);
  EXPECT_TRUE(DecodeFrame(stored, 1000, Sha256(raw)));
  EXPECT_FALSE(DecodeFrame(stored, 999, Sha256(raw)));
  EXPECT_FALSE(DecodeFrame(stored, 1000, Sha256("other")));
  EXPECT_FALSE(DecodeFrame("", 1000, Sha256(raw)));
  EXPECT_FALSE(DecodeFrame(stored, UINT32_MAX, Sha256(raw)));
}

TEST(SuperblockTest, ComesBack) {
  Superblock superblock{.uuid = "u-u",
                        .checkpoint = {"id", HashOf(1), 123, UINT64_MAX},
                        .log = {.sequence = 77,
                                .hash = HashOf(2),
                                .sealed_at = -5,
                                .next = {"first", "second"}},
                        .boot = {{"a", 0, 1}, {"b", 5, UINT64_MAX - 5}}};
  const std::string bytes = *EncodeSuperblock(superblock);
  const Result<Superblock> parsed = ParseSuperblock(bytes);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(*EncodeSuperblock(*parsed), bytes);
  EXPECT_EQ(parsed->checkpoint.sequence, UINT64_MAX);
  EXPECT_EQ(parsed->log.hash, HashOf(2));
  EXPECT_EQ(parsed->log.sealed_at, -5);
  EXPECT_EQ(parsed->boot, superblock.boot);
  EXPECT_EQ(parsed->log.next, (std::vector<ObjectId>{"first", "second"}));
}

TEST(SuperblockTest, NextIdsAreOnlyAHint) {
  const std::string good = *EncodeSuperblock(
      {.uuid = "u", .checkpoint = {"id", HashOf(1), 1, 1}, .log = {}});
  for (const std::string next :
       {R"("next": 3)", R"("next": [1])", R"("x": 0)"}) {
    std::string other = good;
    const std::string empty = R"("next": [])";
    ASSERT_NE(other.find(empty), std::string::npos);
    other.replace(other.find(empty), empty.size(), next);
    const Result<Superblock> parsed = ParseSuperblock(other);
    ASSERT_TRUE(parsed) << next << parsed.error();
    EXPECT_TRUE(parsed->log.next.empty()) << next;
  }
}

TEST(SuperblockTest, WhatABootReadsIsOnlyAHint) {
  Superblock superblock{.uuid = "u",
                        .checkpoint = {"id", HashOf(1), 1, 1},
                        .log = {},
                        .boot = {{"object", 1, 2}}};
  const std::string good = *EncodeSuperblock(superblock);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"\"boot\": [", "\"boot\": 1, \"x\": ["},
           {"\"boot\": [", "\"boot\": [7, "},
           {"\"object\"", "\"\""},
           {"\"object\"", "\"" + std::string(129, 'x') + "\""},
           {"\"length\": 2", "\"length\": 0"},
           {"\"length\": 2", "\"length\": 18446744073709551615"},
           {"\"offset\": 1", "\"offset\": -1"},
           {"\"offset\"", "\"offsets\""}}) {
    std::string other = good;
    ASSERT_NE(other.find(from), std::string::npos) << from;
    other.replace(other.find(from), from.size(), to);
    const Result<Superblock> parsed = ParseSuperblock(other);
    ASSERT_TRUE(parsed) << to << parsed.error();
    EXPECT_TRUE(parsed->boot.empty()) << to;
  }
  superblock.boot.resize(kMaxBootRanges + 1, {"object", 1, 2});
  EXPECT_EQ(ParseSuperblock(*EncodeSuperblock(superblock))->boot.size(),
            kMaxBootRanges);
}

// As long as one gets on Drive, whose ids have 33 characters. So much fits into
// the properties of a file: store/drive/superblock_copy_test.cc.
TEST(SuperblockTest, FitsWhereItsCopyLies) {
  const std::string id(33, 'x');
  Superblock superblock{.uuid = std::string(36, 'u'),
                        .checkpoint = {id, HashOf(1), UINT32_MAX, UINT32_MAX},
                        .log = {.sequence = UINT32_MAX,
                                .hash = HashOf(2),
                                .sealed_at = INT64_MAX,
                                .next = std::vector<ObjectId>(8, id)},
                        .boot = std::vector<ObjectRange>(
                            kMaxBootRanges, {id, UINT32_MAX, 8 << 20})};
  EXPECT_LT(EncodeSuperblock(superblock)->size(), 2200u);
}

TEST(SuperblockTest, EarlierOnesHaveNoTime) {
  std::string bytes = *EncodeSuperblock(
      {.uuid = "u", .checkpoint = {"id", HashOf(1), 1, 1}, .log = {}});
  const std::string key = "sealed_at";
  ASSERT_NE(bytes.find(key), std::string::npos);
  bytes.replace(bytes.find(key), key.size(), "something");
  const Result<Superblock> parsed = ParseSuperblock(bytes);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->log.sealed_at, 0);
}

TEST(SuperblockTest, NonsenseIsRefused) {
  const std::string good = *EncodeSuperblock(
      {.uuid = "u", .checkpoint = {"id", HashOf(1), 1, 1}, .log = {}});
  for (size_t size = 0; size + 2 < good.size(); ++size) {
    EXPECT_FALSE(ParseSuperblock(good.substr(0, size))) << size;
  }
  for (const std::string bad :
       {"", "null", "[]", "{}", R"({"format":"driveroot volume"})",
        R"({"format":"driveroot volume","version":1})",
        R"({"format":"driveroot volume","version":1,"log":3,"checkpoint":[]})",
        R"({"format":"driveroot volume","version":"1"})"}) {
    const Result<Superblock> parsed = ParseSuperblock(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code(), ErrorCode::kDataLoss) << bad;
  }
  EXPECT_FALSE(ParseSuperblock(std::string(60'000, '[')));
  EXPECT_FALSE(ParseSuperblock(std::string(70'000, ' ') + good));
}

TEST(SuperblockTest, NewerVersionIsNamed) {
  const Result<Superblock> parsed =
      ParseSuperblock(R"({"format":"driveroot volume","version":42})");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(parsed.error().message().find("42"), std::string::npos);
}

}  // namespace
}  // namespace driveroot
