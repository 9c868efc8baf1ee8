// SPDX-License-Identifier: Apache-2.0
//
// The data side of Metadata: extents, frames and objects.
#include <algorithm>
#include <cstring>

#include "driveroot/volume/metadata.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// A file with at least this much data gets an open frame of its own. Below it,
// files of one directory, written one after the other, end up side by side.
constexpr uint64_t kOwnFrameBytes = 64 * 1024;

// So many files may have an open frame of their own; it bounds the memory that
// half-filled frames take.
constexpr size_t kMaxOwnOpenFrames = 64;

uint64_t HashKey(const Hash& hash) {
  uint64_t key;
  std::memcpy(&key, hash.data(), sizeof(key));
  return key;
}

}  // namespace

void Metadata::WriteData(InodeNumber number, uint64_t offset,
                         std::string_view bytes) {
  while (!bytes.empty()) {
    uint64_t written = OverwriteOpenFrame(GetExtents(number), offset, bytes);
    // What an open frame holds was noted when it was put there.
    if (written == 0) {
      const Extent extent = AppendToOpenFrame(number, offset, bytes);
      written = extent.length;
      ReplaceExtents(number, offset, written, {&extent, 1});
    }
    offset += written;
    bytes.remove_prefix(written);
  }
}

uint64_t Metadata::OverwriteOpenFrame(const ExtentMap& map, uint64_t offset,
                                      std::string_view bytes) {
  const std::vector<Extent> covered = map.Slice(offset, 1);
  if (covered.empty()) return 0;
  Frame& frame = frames_.at(covered.front().frame);
  if (frame.closed) return 0;
  // The whole of what this extent holds from `offset` on.
  const Extent extent = map.Slice(offset, bytes.size()).front();
  frame.bytes->replace(extent.frame_offset, extent.length, bytes, 0,
                       extent.length);
  return extent.length;
}

Extent Metadata::AppendToOpenFrame(InodeNumber number, uint64_t offset,
                                   std::string_view bytes) {
  FrameNumber& open = OpenFrameFor(number, offset, bytes.size());
  if (open != 0 && (!frames_.contains(open) || frames_.at(open).closed)) {
    open = 0;
  }
  if (open == 0) {
    open = next_frame_++;
    Frame& frame = frames_[open];
    frame.bytes = std::make_shared<std::string>();
    frame.closed = false;
    untaken_.insert(open);
  }
  const FrameNumber frame_number = open;
  Frame& frame = frames_.at(frame_number);
  const auto length = static_cast<uint32_t>(
      std::min<uint64_t>(bytes.size(), kMaxFrameBytes - frame.raw_length));
  const Extent extent = {.offset = offset,
                         .frame = frame_number,
                         .frame_offset = frame.raw_length,
                         .length = length};
  frame.bytes->append(bytes.substr(0, length));
  frame.raw_length += length;
  unstored_bytes_ += length;
  if (frame.raw_length == kMaxFrameBytes) {
    CloseFrame(frame_number);
    open = 0;
  }
  return extent;
}

FrameNumber& Metadata::OpenFrameFor(InodeNumber number, uint64_t offset,
                                    size_t length) {
  const auto found = own_open_frames_.find(number);
  if (found != own_open_frames_.end()) return found->second;
  const bool large = offset + length >= kOwnFrameBytes;
  if (!large) return shared_open_frame_;
  std::erase_if(own_open_frames_, [this](const auto& entry) {
    const auto frame = frames_.find(entry.second);
    return frame == frames_.end() || frame->second.closed;
  });
  if (own_open_frames_.size() >= kMaxOwnOpenFrames) return shared_open_frame_;
  return own_open_frames_[number];
}

void Metadata::CloseFrame(FrameNumber number) {
  const auto found = frames_.find(number);
  if (found != frames_.end()) found->second.closed = true;
}

void Metadata::StartNewFrame(InodeNumber number, bool shared) {
  const auto own = own_open_frames_.find(number);
  if (own != own_open_frames_.end()) {
    CloseFrame(own->second);
    own_open_frames_.erase(own);
  }
  if (shared) {
    CloseFrame(shared_open_frame_);
    shared_open_frame_ = 0;
  }
}

void Metadata::AddStoredData(InodeNumber number, uint64_t offset,
                             const StoredFrame& frame) {
  StoredFrame place = frame;
  place.number = next_frame_++;
  Frame& added = frames_[place.number];
  added.raw_length = frame.raw_length;
  MoveFrame(place.number, added, place);
  changes_.frames.insert(place.number);
  const Extent extent{.offset = offset,
                      .frame = place.number,
                      .frame_offset = 0,
                      .length = frame.raw_length};
  ReplaceExtents(number, offset, extent.length, {&extent, 1});
}

void Metadata::PunchHole(InodeNumber number, uint64_t offset, uint64_t length) {
  ReplaceExtents(number, offset, length, {});
}

void Metadata::ShareData(InodeNumber source, uint64_t source_offset,
                         InodeNumber destination, uint64_t destination_offset,
                         uint64_t length) {
  std::vector<Extent> extents = GetExtents(source).Slice(source_offset, length);
  for (Extent& extent : extents) {
    // Shared bytes must not be overwritten in place any more.
    CloseFrame(extent.frame);
    extent.offset = extent.offset - source_offset + destination_offset;
  }
  ReplaceExtents(destination, destination_offset, length, extents);
}

void Metadata::ReplaceExtents(InodeNumber number, uint64_t offset,
                              uint64_t length,
                              std::span<const Extent> extents) {
  ExtentMap& map = GetExtents(number);
  SwapExtents(map, offset, length, extents, nullptr);
  changes_.AddExtents(number, offset, length, extents.size(), map.all().size());
}

void Metadata::SwapExtents(ExtentMap& map, uint64_t offset, uint64_t length,
                           std::span<const Extent> extents,
                           std::set<FrameNumber>* unreferenced) {
  // The new ones first: they may be all that keeps a frame.
  for (const Extent& extent : extents) {
    ChangeReferences(frames_.at(extent.frame), extent.length);
    data_bytes_ += extent.length;
  }
  extents_ -= map.all().size();
  const std::vector<Extent> removed = map.Replace(offset, length, extents);
  extents_ += map.all().size();
  ReleaseExtents(removed, unreferenced);
}

void Metadata::ReleaseExtents(std::span<const Extent> extents,
                              std::set<FrameNumber>* unreferenced) {
  for (const Extent& extent : extents) {
    Frame& frame = frames_.at(extent.frame);
    ChangeReferences(frame, -int64_t{extent.length});
    data_bytes_ -= extent.length;
    if (frame.referenced > 0) continue;
    if (unreferenced != nullptr) {
      unreferenced->insert(extent.frame);
    } else if (frame.object != 0) {
      changes_.frames.erase(extent.frame);
      released_.push_back(extent.frame);
    } else {
      DropFrame(extent.frame);
    }
  }
}

void Metadata::ForgetReleasedFrames(bool all) {
  const auto forget = [this](std::vector<FrameNumber>& frames) {
    for (const FrameNumber number : frames) DropFrame(number);
    frames.clear();
  };
  forget(released_before_);
  if (all) forget(released_);
}

// Shared bytes count once for each extent, so there may be more references than
// bytes.
uint64_t Metadata::LiveBytes(const Frame& frame) {
  return frame.stored_length *
         std::min<uint64_t>(frame.referenced, frame.raw_length) /
         frame.raw_length;
}

void Metadata::ChangeReferences(Frame& frame, int64_t change) {
  if (frame.object == 0) {
    frame.referenced += static_cast<uint64_t>(change);
    return;
  }
  StoredObject& object = objects_.at(frame.object);
  object.live_bytes -= LiveBytes(frame);
  frame.referenced += static_cast<uint64_t>(change);
  object.live_bytes += LiveBytes(frame);
}

void Metadata::DropFrame(FrameNumber number) {
  const auto found = frames_.find(number);
  const Frame& frame = found->second;
  if (frame.object == 0) {
    unstored_bytes_ -= frame.raw_length;
    untaken_.erase(number);
  } else {
    LeavePlace(number, frame);
    ForgetHash(number, frame);
  }
  changes_.frames.erase(number);
  frames_.erase(found);
}

void Metadata::ForgetHash(FrameNumber number, const Frame& frame) {
  const auto [begin, end] = frames_by_hash_.equal_range(HashKey(frame.hash));
  frames_by_hash_.erase(std::find_if(begin, end, [number](const auto& entry) {
    return entry.second == number;
  }));
}

std::vector<StoredPiece> Metadata::ReadData(InodeNumber number, uint64_t offset,
                                            std::span<char> out) const {
  const Inode* inode = Find(number);
  CHECK(inode != nullptr) << "no inode " << number;
  std::vector<StoredPiece> missing;
  uint64_t filled = 0;
  for (const Extent& extent : inode->extents().Slice(offset, out.size())) {
    const uint64_t destination = extent.offset - offset;
    std::memset(out.data() + filled, 0, destination - filled);
    filled = destination + extent.length;
    const Frame& frame = frames_.at(extent.frame);
    if (frame.bytes != nullptr) {
      std::memcpy(out.data() + destination,
                  frame.bytes->data() + extent.frame_offset, extent.length);
    } else {
      missing.push_back({.frame = *FindFrame(extent.frame),
                         .frame_offset = extent.frame_offset,
                         .length = extent.length,
                         .destination = destination});
    }
  }
  std::memset(out.data() + filled, 0, out.size() - filled);
  return missing;
}

std::vector<UnstoredFrame> Metadata::TakeUnstoredFrames(bool all,
                                                        uint64_t max_bytes) {
  std::vector<UnstoredFrame> taken;
  uint64_t bytes = 0;
  for (auto next = untaken_.begin();
       next != untaken_.end() && bytes < max_bytes;) {
    Frame& frame = frames_.at(*next);
    if (!all && !frame.closed) {
      ++next;
      continue;
    }
    frame.closed = true;
    bytes += frame.bytes->size();
    taken.push_back({.number = *next, .bytes = frame.bytes});
    next = untaken_.erase(next);
  }
  return taken;
}

void Metadata::AddObject(ObjectNumber number, const ObjectId& id,
                         ObjectKind kind, uint64_t size, bool note_change) {
  CHECK(number > 0 && number < next_object_) << "object number not reserved";
  objects_[number] = {.id = id, .kind = kind, .size = size};
  // All of its frames may be gone already.
  maybe_empty_objects_.insert(number);
  if (note_change) changes_.objects.insert(number);
}

void Metadata::SetObjectId(ObjectNumber number, const ObjectId& id) {
  const auto found = objects_.find(number);
  // All of its frames may be gone already.
  if (found != objects_.end()) found->second.id = id;
}

const StoredObject* Metadata::FindObject(ObjectNumber number) const {
  const auto found = objects_.find(number);
  return found == objects_.end() ? nullptr : &found->second;
}

ObjectId Metadata::FindObjectId(ObjectNumber number) const {
  if (const StoredObject* object = FindObject(number)) return object->id;
  const auto dead = dead_objects_.find(number);
  return dead == dead_objects_.end() ? ObjectId() : dead->second.id;
}

std::vector<ObjectNumber> Metadata::AllObjects() const {
  std::vector<ObjectNumber> numbers;
  numbers.reserve(objects_.size());
  for (const auto& [number, object] : objects_) numbers.push_back(number);
  return numbers;
}

void Metadata::SetFrameLocation(const StoredFrame& location, bool note_change) {
  const auto found = frames_.find(location.number);
  if (found == frames_.end()) return;
  CHECK(objects_.contains(location.object)) << "unknown object";
  CHECK_EQ(found->second.raw_length, location.raw_length);
  if (found->second.object == 0) {
    unstored_bytes_ -= found->second.raw_length;
    untaken_.erase(location.number);
    found->second.closed = true;
  }
  MoveFrame(location.number, found->second, location);
  if (note_change) changes_.frames.insert(location.number);
}

void Metadata::MoveFrame(FrameNumber number, Frame& frame,
                         const StoredFrame& to) {
  if (frame.object != 0) {
    LeavePlace(number, frame);
  } else {
    frames_by_hash_.emplace(HashKey(to.hash), number);
  }
  frame.object = to.object;
  frame.object_offset = to.object_offset;
  frame.stored_length = to.stored_length;
  frame.raw_length = to.raw_length;
  frame.hash = to.hash;
  StoredObject& object = objects_.at(to.object);
  ++object.frames;
  object.live_bytes += LiveBytes(frame);
  frames_by_place_.emplace(to.object, to.object_offset, number);
}

void Metadata::LeavePlace(FrameNumber number, const Frame& frame) {
  StoredObject& object = objects_.at(frame.object);
  --object.frames;
  object.live_bytes -= LiveBytes(frame);
  if (object.frames == 0) maybe_empty_objects_.insert(frame.object);
  frames_by_place_.erase({frame.object, frame.object_offset, number});
}

std::shared_ptr<const std::string> Metadata::ReleaseFrame(FrameNumber number) {
  const auto found = frames_.find(number);
  if (found == frames_.end()) return nullptr;
  CHECK_NE(found->second.object, 0U) << "frame " << number << " is not stored";
  return std::exchange(found->second.bytes, nullptr);
}

std::optional<StoredFrame> Metadata::FindFrame(FrameNumber number) const {
  const auto found = frames_.find(number);
  if (found == frames_.end() || found->second.object == 0) return std::nullopt;
  const Frame& frame = found->second;
  return StoredFrame{.number = number,
                     .object = frame.object,
                     .object_offset = frame.object_offset,
                     .stored_length = frame.stored_length,
                     .raw_length = frame.raw_length,
                     .hash = frame.hash};
}

std::optional<StoredFrame> Metadata::FindDurableFrame(
    FrameNumber number) const {
  const auto found = frames_.find(number);
  if (found == frames_.end() || found->second.bytes != nullptr) {
    return std::nullopt;
  }
  return FindFrame(number);
}

double Metadata::UseOfFrame(FrameNumber number) const {
  const auto found = frames_.find(number);
  if (found == frames_.end() || found->second.raw_length == 0) return 0;
  const Frame& frame = found->second;
  return std::min(1.0, static_cast<double>(frame.referenced) /
                           static_cast<double>(frame.raw_length));
}

std::vector<FileRange> Metadata::RangesIn(
    const std::unordered_set<FrameNumber>& frames) const {
  std::vector<FileRange> ranges;
  for (const auto& [number, inode] : inodes_) {
    const auto* extents = std::get_if<ExtentMap>(&inode.content);
    if (extents == nullptr) continue;
    for (const Extent& extent : extents->all()) {
      if (!frames.contains(extent.frame)) continue;
      FileRange* last = ranges.empty() ? nullptr : &ranges.back();
      if (last != nullptr && last->inode == number &&
          last->offset + last->length == extent.offset) {
        last->length += extent.length;
      } else {
        ranges.push_back({number, extent.offset, extent.length});
      }
    }
  }
  std::ranges::sort(ranges, {}, [](const FileRange& range) {
    return std::pair(range.inode, range.offset);
  });
  return ranges;
}

std::vector<StoredFrame> Metadata::FramesOf(ObjectNumber object, uint64_t begin,
                                            uint64_t end) const {
  std::vector<StoredFrame> result;
  for (auto place = frames_by_place_.lower_bound({object, begin, 0});
       place != frames_by_place_.end() && std::get<0>(*place) == object &&
       std::get<1>(*place) < end;
       ++place) {
    result.push_back(*FindFrame(std::get<2>(*place)));
  }
  return result;
}

std::optional<StoredFrame> Metadata::FindFrameByHash(
    const Hash& hash, uint32_t raw_length) const {
  const auto [begin, end] = frames_by_hash_.equal_range(HashKey(hash));
  for (auto entry = begin; entry != end; ++entry) {
    const Frame& frame = frames_.at(entry->second);
    if (frame.hash == hash && frame.raw_length == raw_length &&
        frame.bytes == nullptr) {
      return FindFrame(entry->second);
    }
  }
  return std::nullopt;
}

}  // namespace driveroot
