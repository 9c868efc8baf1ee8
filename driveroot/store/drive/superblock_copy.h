// SPDX-License-Identifier: Apache-2.0
//
// A copy of the superblock in the private properties of superblock.json, so
// that the listing that finds a volume by its name brings it along:
//
//   driveroot_superblock_of   the name of the volume, by which it is found
//   driveroot_copy            LENGTH:CHECKSUM of the superblock
//   driveroot_copy_00 …       its bytes, in base64 and cut to fit
//
// They are written by the request that writes the file's content, so both are
// of the same superblock; but a listing may show what was there before.
//
// Limits of Drive: 30 private properties a file, 124 bytes of UTF-8 each, key
// and value together. Pure functions; thread-safe.
#ifndef DRIVEROOT_STORE_DRIVE_SUPERBLOCK_COPY_H_
#define DRIVEROOT_STORE_DRIVE_SUPERBLOCK_COPY_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace driveroot {

// The property by which a copy is found, if `volume_name` fits in.
inline constexpr std::string_view kSuperblockOfKey = "driveroot_superblock_of";
bool FitsSuperblockOf(std::string_view volume_name);

// All properties to be set with a superblock; those without a value are not to
// be there any more. When name or superblock are too long there is no copy.
std::map<std::string, std::optional<std::string>> PropertiesWithCopy(
    std::string_view volume_name, std::string_view superblock);

// The superblock that PropertiesWithCopy() was given. Nothing when it is not
// there whole.
std::optional<std::string> CopyFromProperties(
    const std::map<std::string, std::string>& properties);

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_SUPERBLOCK_COPY_H_
