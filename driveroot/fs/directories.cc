// SPDX-License-Identifier: Apache-2.0
//
// FileSystem::ReadDirectory.
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>

#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"

namespace driveroot {
namespace {

// Steps of a listing: 0 is before ".", 1 before "..", 2 before the first entry,
// and 2 more than an entry's cookie is right after that entry.
constexpr uint64_t kAfterDot = 1;
constexpr uint64_t kAfterDots = 2;

// Where a listing is. It ends with the last cookie that there was when it
// began, or else who renames each file that he sees would see it again and
// again for ever. There is no open directory to keep that in, so a position has
// both.
//
//   0                        the beginning
//   last << 16 | step        small directories: programs of 32 bits can have no
//                            position above 2^31
//   2^61 | last << 31 | step
//   2^62 | step              without an end: after more changes than anybody
//                            makes during one mount
struct Place {
  static constexpr uint64_t kUnbounded = ~uint64_t{0};

  uint64_t last = kUnbounded;
  uint64_t step = 0;
};

constexpr unsigned kSmallStepBits = 16;
constexpr uint64_t kSmallEnd = uint64_t{1} << 15;
constexpr unsigned kLargeStepBits = 31;
constexpr uint64_t kLargeEnd = uint64_t{1} << 30;
constexpr uint64_t kLarge = uint64_t{1} << 61;
constexpr uint64_t kEndless = uint64_t{1} << 62;

constexpr uint64_t Low(uint64_t value, unsigned bits) {
  return value & ((uint64_t{1} << bits) - 1);
}

uint64_t EncodePlace(const Place& place) {
  const uint64_t greatest = std::max(place.last, place.step);
  if (greatest < kSmallEnd) return place.last << kSmallStepBits | place.step;
  if (greatest < kLargeEnd) {
    return kLarge | place.last << kLargeStepBits | place.step;
  }
  return kEndless | place.step;
}

// Any number is a place: a program may seek to where it likes.
Place DecodePlace(uint64_t position) {
  if ((position & kEndless) != 0) return {.step = position & ~kEndless};
  if ((position & kLarge) != 0) {
    return {.last = (position & ~kLarge) >> kLargeStepBits,
            .step = Low(position, kLargeStepBits)};
  }
  return {.last = position >> kSmallStepBits,
          .step = Low(position, kSmallStepBits)};
}

// The greatest cookie of what is there, found by asking where there is more.
uint64_t LastCookie(const Directory& directory) {
  uint64_t last = 0;
  for (uint64_t stride = 1; stride != 0;) {
    const Directory::Entry* entry = directory.After(last + stride - 1);
    if (entry != nullptr) {
      last = entry->cookie;
      stride *= 2;
    } else {
      stride /= 2;
    }
  }
  return last;
}

}  // namespace

Status FileSystem::ReadDirectory(
    InodeNumber number, uint64_t position, bool with_attributes,
    AccessNote access,
    const std::function<bool(const DirectoryEntry&)>& visit) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                             FindDirectory(*metadata, number));
  const Directory& directory = inode->directory();
  Place place = DecodePlace(position);
  const auto position_after = [&place](uint64_t step) {
    return EncodePlace({.last = place.last, .step = step});
  };
  if (position == 0) {
    place.last = LastCookie(directory);
    if (access != AccessNote::kNone) NoteAccess(number, inode->attributes);
    if (!visit({.name = ".",
                .number = number,
                .mode = S_IFDIR,
                .next_position = position_after(kAfterDot)})) {
      return {};
    }
  }
  if (place.step < kAfterDots) {
    if (!visit({.name = "..",
                .number = directory.parent(),
                .mode = S_IFDIR,
                .next_position = position_after(kAfterDots)})) {
      return {};
    }
    place.step = kAfterDots;
  }
  const Directory::Entry* entry = directory.After(place.step - kAfterDots);
  for (; entry != nullptr && entry->cookie <= place.last;
       entry = directory.After(entry->cookie)) {
    if (IsHidden(number, entry->name)) continue;
    DirectoryEntry visited = {
        .name = entry->name,
        .number = entry->inode,
        .mode = metadata->Find(entry->inode)->attributes.mode & S_IFMT,
        .next_position = position_after(entry->cookie + kAfterDots)};
    if (with_attributes) visited.node = MakeNode(*metadata, entry->inode);
    if (!visit(visited)) break;
    if (with_attributes) references_.Add(entry->inode);
  }
  return {};
}

}  // namespace driveroot
