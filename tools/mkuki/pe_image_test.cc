// SPDX-License-Identifier: Apache-2.0
#include "tools/mkuki/pe_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace driveroot {
namespace {

using ::testing::HasSubstr;

constexpr size_t kPe = 0x40;
constexpr size_t kCoff = kPe + 4;
constexpr size_t kOptional = kCoff + 20;
constexpr size_t kOptionalSize = 112 + 16 * 8;
constexpr size_t kTable = kOptional + kOptionalSize;
constexpr size_t kHeaders = 0x400;
constexpr size_t kSecurityDirectory = kOptional + 112 + 4 * 8;

template <typename T>
void Put(std::string& bytes, size_t offset, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[offset + i] = static_cast<char>(value >> (8 * i));
  }
}

// A program with one section of 0x210 bytes at 0x1000.
std::string SmallProgram() {
  std::string bytes(kHeaders, '\0');
  bytes.replace(0, 2, "MZ");
  Put<uint32_t>(bytes, 0x3c, kPe);
  bytes.replace(kPe, 2, "PE");
  Put<uint16_t>(bytes, kCoff, 0x8664);
  Put<uint16_t>(bytes, kCoff + 2, 1);
  Put<uint32_t>(bytes, kCoff + 4, 0x12345678);
  Put<uint16_t>(bytes, kCoff + 16, kOptionalSize);
  Put<uint16_t>(bytes, kOptional, 0x20b);
  Put<uint32_t>(bytes, kOptional + 8, 0x100);
  Put<uint32_t>(bytes, kOptional + 32, 0x1000);
  Put<uint32_t>(bytes, kOptional + 36, 0x200);
  Put<uint32_t>(bytes, kOptional + 56, 0x2000);
  Put<uint32_t>(bytes, kOptional + 60, kHeaders);
  Put<uint32_t>(bytes, kOptional + 108, 16);
  bytes.replace(kTable, 5, ".text");
  Put<uint32_t>(bytes, kTable + 8, 0x210);
  Put<uint32_t>(bytes, kTable + 12, 0x1000);
  Put<uint32_t>(bytes, kTable + 16, 0x400);
  Put<uint32_t>(bytes, kTable + 20, kHeaders);
  Put<uint32_t>(bytes, kTable + 36, 0x60000020);
  return bytes + std::string(0x210, 'T') + std::string(0x1f0, '\0');
}

TEST(ParsePeImageTest, ReadsTheHeaders) {
  const Result<PeImage> image = ParsePeImage(SmallProgram());
  ASSERT_TRUE(image) << image.error();
  EXPECT_EQ(image->section_alignment, 0x1000U);
  EXPECT_EQ(image->file_alignment, 0x200U);
  EXPECT_EQ(image->size_of_image, 0x2000U);
  ASSERT_EQ(image->sections.size(), 1U);
  EXPECT_EQ(image->sections[0].name, ".text");
  EXPECT_EQ(image->sections[0].virtual_address, 0x1000U);
  EXPECT_EQ(image->sections[0].virtual_size, 0x210U);
  EXPECT_EQ(image->sections[0].file_offset, 0x400U);
}

TEST(AppendPeSectionsTest, PlacesSectionsAndKeepsTheRest) {
  const std::string program = SmallProgram();
  const std::string kernel(0x1001, 'K');
  const std::array<NewSection, 2> sections = {{
      {.name = ".cmdline", .content = "console=ttyS0"},
      {.name = ".linux", .content = kernel},
  }};
  const Result<std::string> result = AppendPeSections(program, sections);
  ASSERT_TRUE(result) << result.error();
  const Result<PeImage> image = ParsePeImage(*result);
  ASSERT_TRUE(image) << image.error();
  ASSERT_EQ(image->sections.size(), 3U);
  EXPECT_EQ(image->size_of_image, 0x5000U);

  const PeSection& cmdline = image->sections[1];
  EXPECT_EQ(cmdline.name, ".cmdline");
  EXPECT_EQ(cmdline.virtual_address, 0x2000U);
  EXPECT_EQ(cmdline.virtual_size, 13U);
  EXPECT_EQ(cmdline.file_offset, 0x800U);
  EXPECT_EQ(cmdline.file_size, 0x200U);
  EXPECT_EQ(cmdline.flags, 0x40000040U);
  EXPECT_EQ(result->substr(cmdline.file_offset, 13), "console=ttyS0");

  const PeSection& linux = image->sections[2];
  EXPECT_EQ(linux.virtual_address, 0x3000U);
  EXPECT_EQ(linux.virtual_size, 0x1001U);
  EXPECT_EQ(linux.file_offset, 0xa00U);
  EXPECT_EQ(result->substr(linux.file_offset, kernel.size()), kernel);

  EXPECT_EQ(result->substr(kHeaders, 0x400), program.substr(kHeaders, 0x400));
  EXPECT_EQ(result->substr(kCoff + 4, 4), program.substr(kCoff + 4, 4))
      << "the time stamp";
  EXPECT_EQ(image->checksum, ComputePeChecksum(*result, kOptional + 64));
}

TEST(ComputePeChecksumTest, SumsWordsWithCarryAndAddsTheLength) {
  // 0xffff + 0x0003 = 0x10002, folded 0x0003; the field at 4 does not count.
  const std::string bytes("\xff\xff\x03\x00\x77\x77\x77\x77", 8);
  EXPECT_EQ(ComputePeChecksum(bytes, 4), 3U + 8U);
  EXPECT_EQ(ComputePeChecksum("\x01", 100), 1U + 1U);
}

TEST(AppendPeSectionsTest, RefusesWhatItCannotDo) {
  const std::string program = SmallProgram();
  const auto complaint = [](std::string_view bytes, NewSection section) {
    const Result<std::string> result =
        AppendPeSections(bytes, std::array{section});
    return result ? "" : result.error().message();
  };
  EXPECT_THAT(complaint(program, {.name = ".text", .content = "x"}),
              HasSubstr("two sections .text"));
  EXPECT_THAT(complaint(program, {.name = ".toolong9", .content = "x"}),
              HasSubstr(".toolong9 is no name"));
  EXPECT_THAT(complaint(program, {.name = ".osrel", .content = ""}),
              HasSubstr("would be empty"));

  std::string is_signed = program;
  Put<uint64_t>(is_signed, kSecurityDirectory, 1);
  EXPECT_THAT(complaint(is_signed, {.name = ".osrel", .content = "x"}),
              HasSubstr("signed"));
  std::string has_symbols = program;
  Put<uint32_t>(has_symbols, kCoff + 8, 1);
  EXPECT_THAT(complaint(has_symbols, {.name = ".osrel", .content = "x"}),
              HasSubstr("symbol table"));

  const size_t room = (kHeaders - kTable) / 40;
  std::vector<std::string> names;
  for (size_t i = 0; i < room; ++i) names.push_back("." + std::to_string(i));
  std::vector<NewSection> many;
  for (const std::string& name : names) {
    many.push_back({.name = name, .content = "x"});
  }
  EXPECT_THAT(AppendPeSections(program, many).error().message(),
              HasSubstr("no room"));
}

TEST(ParsePeImageTest, RefusesDamage) {
  const std::vector<std::pair<size_t, std::string>> damages = {
      {0, "ZM"},                   // The DOS header.
      {0x3c, "\xff\xff\xff\xff"},  // Where the PE header is.
      {kPe, "XX"},                 // Its signature.
      {kCoff, "\x4c\x01"},         // i386.
      {kCoff + 2, "\xff\xff"},     // The count of sections.
      {kCoff + 16, "\x01"},        // The optional header's size.
      {kOptional, "\x0b\x01"},     // PE32.
      {kOptional + 32, "\x03"},    // Alignments.
      {kOptional + 36, "\xff\xff"},
      {kOptional + 60, "\xff\xff\xff"},  // The size of the headers.
      {kTable + 8, "\xff\xff\xff\xff"},  // The section's place.
      {kTable + 20, "\xff\xff\xff\xff"},
  };
  for (const auto& [offset, bytes] : damages) {
    std::string program = SmallProgram();
    program.replace(offset, bytes.size(), bytes);
    EXPECT_FALSE(ParsePeImage(program)) << "offset " << offset;
  }
}

TEST(ParsePeImageTest, SurvivesEveryTruncationAndFlippedByte) {
  const std::string program = SmallProgram();
  for (size_t size = 0; size < program.size(); ++size) {
    EXPECT_FALSE(ParsePeImage(program.substr(0, size))) << size;
  }
  const std::array<NewSection, 1> section = {
      {{.name = ".osrel", .content = "x"}}};
  for (size_t i = 0; i < kHeaders; ++i) {
    std::string flipped = program;
    flipped[i] = static_cast<char>(~flipped[i]);
    const Result<std::string> result = AppendPeSections(flipped, section);
    if (result) EXPECT_TRUE(ParsePeImage(*result)) << "byte " << i;
  }
}

}  // namespace
}  // namespace driveroot
