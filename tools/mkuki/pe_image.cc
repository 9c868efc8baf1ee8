// SPDX-License-Identifier: Apache-2.0
#include "tools/mkuki/pe_image.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <format>
#include <set>
#include <utility>

namespace driveroot {
namespace {

// Offsets and values below are those of "PE Format", Microsoft.
constexpr uint32_t kPeOffsetField = 0x3c;  // In the DOS header.
constexpr std::string_view kPeSignature("PE\0\0", 4);
constexpr uint32_t kCoffHeaderSize = 20;
constexpr uint32_t kSectionRowSize = 40;
constexpr uint32_t kSectionNameSize = 8;
constexpr uint16_t kMachineX64 = 0x8664;
constexpr uint16_t kMagicPe32Plus = 0x20b;
constexpr uint32_t kMaxSections = 96;

// In the COFF header.
constexpr uint32_t kMachineField = 0;
constexpr uint32_t kSectionCountField = 2;
constexpr uint32_t kSymbolTableField = 8;
constexpr uint32_t kOptionalHeaderSizeField = 16;

// In the optional header.
constexpr uint32_t kMagicField = 0;
constexpr uint32_t kInitializedDataField = 8;
constexpr uint32_t kSectionAlignmentField = 32;
constexpr uint32_t kFileAlignmentField = 36;
constexpr uint32_t kSizeOfImageField = 56;
constexpr uint32_t kSizeOfHeadersField = 60;
constexpr uint32_t kChecksumField = 64;
constexpr uint32_t kDirectoryCountField = 108;
constexpr uint32_t kDirectories = 112;
constexpr uint32_t kDirectorySize = 8;
constexpr uint32_t kSecurityDirectory = 4;

// IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ.
constexpr uint32_t kReadOnlyData = 0x40000040;

template <typename T>
T LoadLittleEndian(std::string_view bytes, size_t offset) {
  T value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  if constexpr (std::endian::native == std::endian::big) {
    value = std::byteswap(value);
  }
  return value;
}

template <typename T>
void StoreLittleEndian(std::string& bytes, size_t offset, T value) {
  if constexpr (std::endian::native == std::endian::big) {
    value = std::byteswap(value);
  }
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

std::unexpected<Error> BadImage(std::string what) {
  return Fail(ErrorCode::kDataLoss, std::move(what));
}

bool Fits(std::string_view bytes, uint64_t offset, uint64_t size) {
  return offset + size <= bytes.size();
}

uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// Finds the headers; everything up to the section table is inside `bytes`
// afterwards.
Result<PeImage> LocateHeaders(std::string_view bytes, uint16_t& section_count) {
  if (!bytes.starts_with("MZ") || !Fits(bytes, kPeOffsetField, 4)) {
    return BadImage("no EFI program: it does not start with MZ");
  }
  PeImage image;
  const uint64_t signature = LoadLittleEndian<uint32_t>(bytes, kPeOffsetField);
  const uint64_t coff = signature + kPeSignature.size();
  const uint64_t optional = coff + kCoffHeaderSize;
  if (!Fits(bytes, signature, optional - signature) ||
      bytes.substr(signature, kPeSignature.size()) != kPeSignature) {
    return BadImage("no EFI program: it has no PE header");
  }
  if (LoadLittleEndian<uint16_t>(bytes, coff + kMachineField) != kMachineX64) {
    return BadImage("not an x86-64 program");
  }
  const uint32_t optional_size =
      LoadLittleEndian<uint16_t>(bytes, coff + kOptionalHeaderSizeField);
  if (optional_size < kDirectories || !Fits(bytes, optional, optional_size) ||
      LoadLittleEndian<uint16_t>(bytes, optional + kMagicField) !=
          kMagicPe32Plus) {
    return BadImage("its optional header is not one of PE32+");
  }
  section_count = LoadLittleEndian<uint16_t>(bytes, coff + kSectionCountField);
  const uint64_t table = optional + optional_size;
  if (section_count > kMaxSections ||
      !Fits(bytes, table, section_count * kSectionRowSize)) {
    return BadImage(
        std::format("its table of {} sections does not fit", section_count));
  }
  image.coff_header_offset = static_cast<uint32_t>(coff);
  image.optional_header_offset = static_cast<uint32_t>(optional);
  image.section_table_offset = static_cast<uint32_t>(table);
  return image;
}

Status ReadOptionalHeader(std::string_view bytes, PeImage& image) {
  const auto load = [&](uint32_t field) {
    return LoadLittleEndian<uint32_t>(bytes,
                                      image.optional_header_offset + field);
  };
  image.section_alignment = load(kSectionAlignmentField);
  image.file_alignment = load(kFileAlignmentField);
  image.size_of_image = load(kSizeOfImageField);
  image.size_of_headers = load(kSizeOfHeadersField);
  image.checksum = load(kChecksumField);
  if (!std::has_single_bit(image.section_alignment) ||
      !std::has_single_bit(image.file_alignment) ||
      image.file_alignment > image.section_alignment) {
    return BadImage(std::format("its alignments {} and {} make no sense",
                                image.section_alignment, image.file_alignment));
  }
  if (image.size_of_headers > bytes.size()) {
    return BadImage("its headers are cut off");
  }
  return {};
}

Result<PeSection> ReadSection(std::string_view bytes, const PeImage& image,
                              uint64_t row) {
  PeSection section;
  section.name = bytes.substr(row, kSectionNameSize);
  section.name.resize(std::min(section.name.find('\0'), section.name.size()));
  section.virtual_size = LoadLittleEndian<uint32_t>(bytes, row + 8);
  section.virtual_address = LoadLittleEndian<uint32_t>(bytes, row + 12);
  section.file_size = LoadLittleEndian<uint32_t>(bytes, row + 16);
  section.file_offset = LoadLittleEndian<uint32_t>(bytes, row + 20);
  section.flags = LoadLittleEndian<uint32_t>(bytes, row + 36);
  if (!Fits(bytes, section.file_offset, section.file_size)) {
    return BadImage(std::format("its section {} is cut off", section.name));
  }
  const uint64_t end = uint64_t{section.virtual_address} + section.virtual_size;
  if (end > image.size_of_image) {
    return BadImage(
        std::format("its section {} lies outside the image", section.name));
  }
  return section;
}

// A program that AppendPeSections may grow.
Status CheckAppendable(std::string_view program, const PeImage& image,
                       std::span<const NewSection> sections) {
  const uint64_t table_end =
      image.section_table_offset +
      (image.sections.size() + sections.size()) * kSectionRowSize;
  uint64_t first_content = image.size_of_headers;
  for (const PeSection& section : image.sections) {
    if (section.file_size == 0) continue;
    first_content = std::min<uint64_t>(first_content, section.file_offset);
  }
  if (table_end > first_content) {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("its headers have no room for {} more sections",
                            sections.size()));
  }
  const uint32_t directories = LoadLittleEndian<uint32_t>(
      program, image.optional_header_offset + kDirectoryCountField);
  const uint64_t security = image.optional_header_offset + kDirectories +
                            uint64_t{kSecurityDirectory} * kDirectorySize;
  if (directories > kSecurityDirectory &&
      security + kDirectorySize <= image.section_table_offset &&
      LoadLittleEndian<uint64_t>(program, security) != 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "it is signed; a changed program would not match its signature");
  }
  if (LoadLittleEndian<uint32_t>(
          program, image.coff_header_offset + kSymbolTableField) != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "it has a symbol table; give a stripped program");
  }
  return {};
}

Status CheckNewSections(const PeImage& image,
                        std::span<const NewSection> sections) {
  std::set<std::string_view> names;
  for (const PeSection& section : image.sections) names.insert(section.name);
  for (const NewSection& section : sections) {
    if (section.name.empty() || section.name.size() > kSectionNameSize) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("{} is no name of a section: 1 to 8 bytes",
                              section.name));
    }
    if (!names.insert(section.name).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("there would be two sections {}", section.name));
    }
    if (section.content.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("the section {} would be empty", section.name));
    }
  }
  return {};
}

void WriteSectionRow(std::string& bytes, uint64_t row,
                     const PeSection& section) {
  std::memset(bytes.data() + row, 0, kSectionRowSize);
  std::memcpy(bytes.data() + row, section.name.data(), section.name.size());
  StoreLittleEndian(bytes, row + 8, section.virtual_size);
  StoreLittleEndian(bytes, row + 12, section.virtual_address);
  StoreLittleEndian(bytes, row + 16, section.file_size);
  StoreLittleEndian(bytes, row + 20, section.file_offset);
  StoreLittleEndian(bytes, row + 36, section.flags);
}

// Where the next section goes: addresses and file offsets are 32 bits wide.
Result<PeSection> PlaceSection(const PeImage& image, const NewSection& section,
                               uint64_t address, uint64_t offset) {
  const uint64_t size = section.content.size();
  const uint64_t file_size = AlignUp(size, image.file_alignment);
  if (AlignUp(address + size, image.section_alignment) > UINT32_MAX ||
      offset + file_size > UINT32_MAX) {
    return Fail(
        ErrorCode::kFileTooLarge,
        std::format("with the section {} it would exceed 4 GiB", section.name));
  }
  return PeSection{
      .name = std::string(section.name),
      .virtual_address = static_cast<uint32_t>(address),
      .virtual_size = static_cast<uint32_t>(size),
      .file_offset = static_cast<uint32_t>(offset),
      .file_size = static_cast<uint32_t>(file_size),
      .flags = kReadOnlyData,
  };
}

}  // namespace

Result<PeImage> ParsePeImage(std::string_view bytes) {
  uint16_t section_count = 0;
  DRIVEROOT_ASSIGN_OR_RETURN(PeImage image,
                             LocateHeaders(bytes, section_count));
  DRIVEROOT_RETURN_IF_ERROR(ReadOptionalHeader(bytes, image));
  for (uint32_t i = 0; i < section_count; ++i) {
    DRIVEROOT_ASSIGN_OR_RETURN(
        PeSection section,
        ReadSection(bytes, image,
                    image.section_table_offset + i * kSectionRowSize));
    image.sections.push_back(std::move(section));
  }
  return image;
}

Result<std::string> AppendPeSections(std::string_view program,
                                     std::span<const NewSection> sections) {
  DRIVEROOT_ASSIGN_OR_RETURN(const PeImage image, ParsePeImage(program));
  DRIVEROOT_RETURN_IF_ERROR(CheckNewSections(image, sections));
  DRIVEROOT_RETURN_IF_ERROR(CheckAppendable(program, image, sections));

  std::string result(program);
  uint64_t row = image.section_table_offset +
                 image.sections.size() * uint64_t{kSectionRowSize};
  uint64_t address = AlignUp(image.size_of_image, image.section_alignment);
  uint32_t initialized_data = LoadLittleEndian<uint32_t>(
      program, image.optional_header_offset + kInitializedDataField);
  for (const NewSection& section : sections) {
    result.resize(AlignUp(result.size(), image.file_alignment));
    DRIVEROOT_ASSIGN_OR_RETURN(
        const PeSection placed,
        PlaceSection(image, section, address, result.size()));
    WriteSectionRow(result, row, placed);
    row += kSectionRowSize;
    result += section.content;
    result.resize(uint64_t{placed.file_offset} + placed.file_size);
    initialized_data += placed.file_size;
    address = AlignUp(address + placed.virtual_size, image.section_alignment);
  }

  const uint32_t optional = image.optional_header_offset;
  StoreLittleEndian(
      result, image.coff_header_offset + kSectionCountField,
      static_cast<uint16_t>(image.sections.size() + sections.size()));
  StoreLittleEndian(result, optional + kInitializedDataField, initialized_data);
  StoreLittleEndian(result, optional + kSizeOfImageField,
                    static_cast<uint32_t>(address));
  StoreLittleEndian(result, optional + kChecksumField,
                    ComputePeChecksum(result, optional + kChecksumField));
  return result;
}

uint32_t ComputePeChecksum(std::string_view bytes, uint32_t checksum_offset) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const bool is_checksum =
        i >= checksum_offset && i < checksum_offset + sizeof(uint32_t);
    if (is_checksum) continue;
    uint32_t word = static_cast<uint8_t>(bytes[i]);
    if (i + 1 < bytes.size()) {
      word |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[i + 1])) << 8U;
    }
    sum += word;
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return sum + static_cast<uint32_t>(bytes.size());
}

}  // namespace driveroot
