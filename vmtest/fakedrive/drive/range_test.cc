// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/range.h"

#include <gtest/gtest.h>

namespace driveroot::fakedrive {
namespace {

using Kind = ByteRange::Kind;

void ExpectPart(const char* header, uint64_t size, uint64_t offset,
                uint64_t length) {
  const ByteRange range = ParseRange(header, size);
  EXPECT_EQ(range.kind, Kind::kPart) << header;
  EXPECT_EQ(range.offset, offset) << header;
  EXPECT_EQ(range.length, length) << header;
}

TEST(ParseRange, Parts) {
  ExpectPart("bytes=0-0", 10, 0, 1);
  ExpectPart("bytes=3-5", 10, 3, 3);
  ExpectPart("Bytes=9-", 10, 9, 1);
  ExpectPart("bytes=5-100", 10, 5, 5);
  ExpectPart("bytes=5-18446744073709551615", 10, 5, 5);
  ExpectPart("bytes=-3", 10, 7, 3);
  ExpectPart("bytes=-30", 10, 0, 10);
}

TEST(ParseRange, Unsatisfiable) {
  EXPECT_EQ(ParseRange("bytes=10-", 10).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(ParseRange("bytes=10-20", 10).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(ParseRange("bytes=-0", 10).kind, Kind::kUnsatisfiable);
  // Any range on an empty file.
  EXPECT_EQ(ParseRange("bytes=0-", 0).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(ParseRange("bytes=0-0", 0).kind, Kind::kUnsatisfiable);
  EXPECT_EQ(ParseRange("bytes=-1", 0).kind, Kind::kUnsatisfiable);
}

TEST(ParseRange, IgnoresWhatIsMalformed) {
  for (const char* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3",
        "bytes=0-1,3-4", "items=0-1", "bytes=1", "bytes= 0-1",
        "bytes=0-99999999999999999999"})
    EXPECT_EQ(ParseRange(header, 10).kind, Kind::kWhole) << header;
}

TEST(ParseContentRange, Forms) {
  const auto chunk = ParseContentRange("bytes 0-262143/1000000");
  ASSERT_TRUE(chunk);
  EXPECT_TRUE(chunk->has_bytes);
  EXPECT_EQ(chunk->first, 0u);
  EXPECT_EQ(chunk->last, 262143u);
  EXPECT_EQ(chunk->total, 1000000u);
  const auto open_end = ParseContentRange("bytes 5-9/*");
  ASSERT_TRUE(open_end);
  EXPECT_FALSE(open_end->total);
  const auto query = ParseContentRange("bytes */10");
  ASSERT_TRUE(query);
  EXPECT_FALSE(query->has_bytes);
  EXPECT_EQ(query->total, 10u);
  ASSERT_TRUE(ParseContentRange("bytes */*"));
}

TEST(ParseContentRange, RefusesContradictions) {
  for (const char* header :
       {"", "bytes", "bytes ", "bytes 0-1", "bytes 2-1/5", "bytes 0-5/5",
        "bytes 0-0/0", "bytes -5/9", "bytes 5/9", "bytes 0-x/9", "items 0-1/9",
        "bytes 0-18446744073709551615/*"})
    EXPECT_FALSE(ParseContentRange(header)) << header;
}

}  // namespace
}  // namespace driveroot::fakedrive
