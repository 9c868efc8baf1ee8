// SPDX-License-Identifier: Apache-2.0
//
// Reads the headers of an EFI program (PE32+, PE/COFF specification of
// Microsoft) and appends sections to it. Every number of the input is checked
// before it is used: a damaged program gives an error, never a damaged result.
//
// Pure functions: safe from any thread.
#ifndef TOOLS_MKUKI_PE_IMAGE_H_
#define TOOLS_MKUKI_PE_IMAGE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

// One row of the section table. Addresses are relative to the image's base.
struct PeSection {
  std::string name = {};
  uint32_t virtual_address = 0;
  uint32_t virtual_size = 0;
  uint32_t file_offset = 0;
  uint32_t file_size = 0;
  uint32_t flags = 0;
};

struct PeImage {
  uint32_t coff_header_offset = 0;
  uint32_t optional_header_offset = 0;
  uint32_t section_table_offset = 0;
  uint32_t section_alignment = 0;
  uint32_t file_alignment = 0;
  uint32_t size_of_image = 0;
  uint32_t size_of_headers = 0;
  uint32_t checksum = 0;
  std::vector<PeSection> sections = {};
};

// What to append.
struct NewSection {
  std::string_view name;     // At most 8 bytes, with its dot.
  std::string_view content;  // Not empty.
};

// Reads the headers of an x86-64 PE32+ image.
Result<PeImage> ParsePeImage(std::string_view bytes);

// Returns `program` with `sections` after its own, in the given order, each at
// the next address that is a multiple of the section alignment, mapped
// read-only. The time stamp in the header stays the program's own, so the same
// input gives the same bytes; the checksum is computed anew.
//
// Fails if the program has a section of such a name, is signed, or has no room
// in its headers for the table's new rows.
Result<std::string> AppendPeSections(std::string_view program,
                                     std::span<const NewSection> sections);

// The checksum that belongs into the header of `bytes`, whose checksum field is
// at `checksum_offset` and counts as zero.
uint32_t ComputePeChecksum(std::string_view bytes, uint32_t checksum_offset);

}  // namespace driveroot

#endif  // TOOLS_MKUKI_PE_IMAGE_H_
