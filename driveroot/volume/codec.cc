// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/codec.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include "driveroot/base/machine_memory.h"
#include "driveroot/volume/compression.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/wire.h"

namespace driveroot {
namespace {

enum Section : uint8_t {
  kInodes = 1,
  kDentries = 2,
  kExtents = 3,
  kObjects = 4,
  kFrames = 5,
  kNextNumbers = 6,
  // Since format version 2.
  kCheckpoints = 7,
  kDeadObjects = 8,
  kRecordsFrom = 9,
  kBootTrace = 10,
  // Since format version 3.
  kFrameCopies = 11,
};

enum InodeFlag : uint8_t {
  kHasAttributes = 1,
  kHasXattrs = 2,
};

// Half of this is little for a machine, and more than any volume's metadata
// takes that was not made to take much.
constexpr uint64_t kMinDecodeMemory = 256 << 20;

// Reads items, and counts the memory that they take: a few bytes stand for many
// times as much, and compressed ones for thousands of times.
class ItemReader : public WireReader {
 public:
  // `memory` is what is left, and counted down.
  ItemReader(std::string_view bytes, uint64_t& memory)
      : WireReader(bytes), memory_(memory) {}

  // Vectors that grow take up to twice what lies in them.
  template <typename T>
  void UseItem() {
    Use(2 * sizeof(T));
  }
  void Use(uint64_t bytes) {
    if (bytes <= memory_) {
      memory_ -= bytes;
    } else {
      RefuseAsTooMuch();
    }
  }
  // Bytes of a string, of which there may be more than today's limits allow.
  std::string_view Text(uint64_t limit) {
    const uint64_t size = Varint();
    if (size > limit && size <= remaining()) RefuseAsTooMuch();
    const std::string_view text = Raw(size);
    Use(text.size());
    return text;
  }
  // In order perhaps, but nothing that this program reads.
  void RefuseAsTooMuch() {
    if (ok()) too_much_ = true;
    Refuse();
  }
  bool too_much() const { return too_much_; }

 private:
  uint64_t& memory_;
  bool too_much_ = false;
};

// Names of earlier versions may be longer than any that Linux knows: such a one
// is cut, and a hash of the whole makes it one of its kind.
std::string FittingName(std::string_view name) {
  if (name.size() <= limits::kNameBytes) return std::string(name);
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  char suffix[20];
  std::snprintf(suffix, sizeof(suffix), "~%016llx",
                static_cast<unsigned long long>(hash));
  return std::string(name.substr(0, limits::kNameBytes - 17)) + suffix;
}

// Numbers ascend, so their differences are short. The arithmetic wraps, and so
// every number has one difference.
template <typename T>
uint64_t NumberOf(const T* item) {
  return item == nullptr ? 0 : item->number;
}

// ---- Items. Each is written as the difference to the one before it in the
// same section, which is null for the first.

void Put(WireWriter& out, const InodeDelta& inode, const InodeDelta* previous) {
  out.Varint(inode.number - NumberOf(previous));
  out.Byte(static_cast<uint8_t>((inode.attributes ? kHasAttributes : 0) |
                                (inode.xattrs ? kHasXattrs : 0)));
  if (inode.attributes) {
    const Attributes& attributes = *inode.attributes;
    out.Varint(attributes.mode);
    out.Varint(attributes.uid);
    out.Varint(attributes.gid);
    out.Varint(attributes.nlink);
    out.Varint(attributes.size);
    out.Varint(attributes.rdev);
    out.Signed(attributes.mtime);
    // Most often all four are the same, or nearly so.
    const auto since_mtime = [&](TimeNs time) {
      out.Signed(static_cast<int64_t>(static_cast<uint64_t>(time) -
                                      static_cast<uint64_t>(attributes.mtime)));
    };
    since_mtime(attributes.ctime);
    since_mtime(attributes.atime);
    since_mtime(attributes.btime);
    out.Varint(inode.parent);
    out.Bytes(inode.symlink_target);
  }
  if (inode.xattrs) {
    out.Varint(inode.xattrs->size());
    for (const auto& [name, value] : *inode.xattrs) {
      out.Bytes(name);
      out.Bytes(value);
    }
  }
}

InodeDelta GetItem(ItemReader& in, const InodeDelta* previous) {
  InodeDelta inode;
  inode.number = NumberOf(previous) + in.Varint();
  const uint8_t flags = in.Byte();
  if (flags > (kHasAttributes | kHasXattrs)) in.Refuse();
  if ((flags & kHasAttributes) != 0) {
    Attributes& attributes = inode.attributes.emplace();
    attributes.mode = in.Varint32();
    attributes.uid = in.Varint32();
    attributes.gid = in.Varint32();
    attributes.nlink = in.Varint32();
    attributes.size = in.Varint();
    attributes.rdev = in.Varint();
    attributes.mtime = in.Signed();
    const auto since_mtime = [&] {
      return static_cast<int64_t>(static_cast<uint64_t>(attributes.mtime) +
                                  static_cast<uint64_t>(in.Signed()));
    };
    attributes.ctime = since_mtime();
    attributes.atime = since_mtime();
    attributes.btime = since_mtime();
    inode.parent = in.Varint();
    inode.symlink_target = in.Text(limits::kStoredTextBytes);
  }
  if ((flags & kHasXattrs) != 0) {
    Xattrs& xattrs = inode.xattrs.emplace();
    const uint64_t count = in.Varint(in.remaining());
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
      const std::string_view name = in.Text(limits::kStoredTextBytes);
      const std::string_view value = in.Text(limits::kStoredTextBytes);
      in.UseItem<Xattrs::value_type>();
      bytes += name.size() + value.size();
      if (bytes > limits::kStoredXattrBytes) in.RefuseAsTooMuch();
      xattrs.emplace_back(name, value);
    }
  }
  return inode;
}

void Put(WireWriter& out, const DentryDelta& dentry,
         const DentryDelta* previous) {
  out.Varint(dentry.directory -
             (previous == nullptr ? 0 : previous->directory));
  out.Varint(dentry.inode);
  out.Bytes(dentry.name);
}

DentryDelta GetItem(ItemReader& in, const DentryDelta* previous) {
  DentryDelta dentry;
  dentry.directory =
      (previous == nullptr ? 0 : previous->directory) + in.Varint();
  dentry.inode = in.Varint();
  dentry.name = FittingName(in.Text(limits::kStoredTextBytes));
  return dentry;
}

// A part of an ExtentDelta, or all of it.
struct ExtentItem {
  InodeNumber inode = kNoInode;
  uint64_t offset = 0;
  uint64_t length = 0;
  std::span<const Extent> extents;
};

// Each part of a range is replaced by itself, so the parts together do what the
// whole does.
std::vector<ExtentItem> ExtentItems(const std::vector<ExtentDelta>& deltas) {
  std::vector<ExtentItem> items;
  for (const ExtentDelta& delta : deltas) {
    ExtentItem rest = {delta.inode, delta.offset, delta.length, delta.extents};
    while (rest.extents.size() > limits::kExtentsPerItem) {
      const uint64_t next = rest.extents[limits::kExtentsPerItem].offset;
      const uint64_t length = next - rest.offset;
      items.push_back({rest.inode, rest.offset, length,
                       rest.extents.first(limits::kExtentsPerItem)});
      rest = {rest.inode, next, rest.length - length,
              rest.extents.subspan(limits::kExtentsPerItem)};
    }
    items.push_back(rest);
  }
  return items;
}

void Put(WireWriter& out, const ExtentItem& item, const ExtentItem* previous) {
  out.Varint(item.inode - (previous == nullptr ? 0 : previous->inode));
  out.Varint(item.offset);
  out.Varint(item.length);
  out.Varint(item.extents.size());
  uint64_t position = item.offset;
  FrameNumber frame = 0;
  for (const Extent& extent : item.extents) {
    out.Varint(extent.offset - position);
    out.Signed(static_cast<int64_t>(extent.frame - frame));
    out.Varint(extent.frame_offset);
    out.Varint(extent.length);
    position = extent.offset + extent.length;
    frame = extent.frame;
  }
}

ExtentDelta GetItem(ItemReader& in, const ExtentDelta* previous) {
  ExtentDelta delta;
  delta.inode = (previous == nullptr ? 0 : previous->inode) + in.Varint();
  delta.offset = in.Varint();
  delta.length = in.Varint();
  const uint64_t count = in.Varint(in.remaining());
  uint64_t position = delta.offset;
  FrameNumber frame = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    in.UseItem<Extent>();
    Extent& extent = delta.extents.emplace_back();
    extent.offset = position + in.Varint();
    extent.frame = frame + static_cast<uint64_t>(in.Signed());
    extent.frame_offset = in.Varint32();
    extent.length = in.Varint32();
    position = extent.offset + extent.length;
    frame = extent.frame;
  }
  return delta;
}

ObjectKind GetKind(ItemReader& in) {
  const uint8_t kind = in.Byte();
  if (kind > static_cast<uint8_t>(ObjectKind::kReadme)) in.Refuse();
  return static_cast<ObjectKind>(kind);
}

void Put(WireWriter& out, const ObjectDelta& object,
         const ObjectDelta* previous) {
  out.Varint(object.number - NumberOf(previous));
  out.Bytes(object.id);
  out.Byte(static_cast<uint8_t>(object.kind));
  out.Varint(object.size);
}

ObjectDelta GetItem(ItemReader& in, const ObjectDelta* previous) {
  ObjectDelta object;
  object.number = NumberOf(previous) + in.Varint();
  object.id = in.Text(limits::kObjectIdBytes);
  object.kind = GetKind(in);
  object.size = in.Varint();
  return object;
}

void Put(WireWriter& out, const FrameDelta& frame, const FrameDelta* previous) {
  out.Varint(frame.number - NumberOf(previous));
  out.Varint(frame.object);
  out.Varint(frame.object_offset);
  out.Varint(frame.stored_length);
  out.Varint(frame.raw_length);
  out.Hash32(frame.hash);
}

FrameDelta GetItem(ItemReader& in, const FrameDelta* previous) {
  FrameDelta frame;
  frame.number = NumberOf(previous) + in.Varint();
  frame.object = in.Varint();
  frame.object_offset = in.Varint();
  frame.stored_length = in.Varint32();
  frame.raw_length = in.Varint32();
  frame.hash = in.Hash32();
  return frame;
}

void Put(WireWriter& out, const KeptCheckpoint& checkpoint,
         const KeptCheckpoint* previous) {
  out.Varint(checkpoint.sequence -
             (previous == nullptr ? 0 : previous->sequence));
  out.Bytes(checkpoint.id);
  out.Hash32(checkpoint.hash);
  out.Varint(checkpoint.size);
  out.Signed(checkpoint.sealed_at);
  out.Varint(checkpoint.next_object);
}

KeptCheckpoint GetItem(ItemReader& in, const KeptCheckpoint* previous) {
  KeptCheckpoint checkpoint;
  checkpoint.sequence =
      (previous == nullptr ? 0 : previous->sequence) + in.Varint();
  checkpoint.id = in.Text(limits::kObjectIdBytes);
  checkpoint.hash = in.Hash32();
  checkpoint.size = in.Varint();
  checkpoint.sealed_at = in.Signed();
  checkpoint.next_object = in.Varint();
  return checkpoint;
}

void Put(WireWriter& out, const DeadObject& object,
         const DeadObject* previous) {
  out.Varint(object.number - NumberOf(previous));
  out.Bytes(object.id);
  out.Byte(static_cast<uint8_t>(object.kind));
  out.Varint(object.size);
  out.Varint(object.since);
}

DeadObject GetItem(ItemReader& in, const DeadObject* previous) {
  DeadObject object;
  object.number = NumberOf(previous) + in.Varint();
  object.id = in.Text(limits::kObjectIdBytes);
  object.kind = GetKind(in);
  object.size = in.Varint();
  object.since = in.Varint();
  return object;
}

void Put(WireWriter& out, const TraceDelta& step, const TraceDelta* previous) {
  out.Varint(step.position - (previous == nullptr ? 0 : previous->position));
  out.Signed(static_cast<int64_t>(step.frame -
                                  (previous == nullptr ? 0 : previous->frame)));
}

TraceDelta GetItem(ItemReader& in, const TraceDelta* previous) {
  TraceDelta step;
  step.position = (previous == nullptr ? 0 : previous->position) + in.Varint();
  step.frame = (previous == nullptr ? 0 : previous->frame) +
               static_cast<uint64_t>(in.Signed());
  return step;
}

void Put(WireWriter& out, const FrameCopy& copy, const FrameCopy* previous) {
  out.Varint(copy.number - NumberOf(previous));
  out.Bytes(copy.bytes);
}

FrameCopy GetItem(ItemReader& in, const FrameCopy* previous) {
  FrameCopy copy;
  copy.number = NumberOf(previous) + in.Varint();
  copy.bytes = in.Text(kMaxFrameBytes);
  return copy;
}

// ---- Chunks

template <typename T>
void GetItems(ItemReader& in, std::vector<T>& items) {
  const uint64_t count = in.Varint(in.remaining());
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    in.UseItem<T>();
    T item = GetItem(in, i == 0 ? nullptr : &items.back());
    items.push_back(std::move(item));
  }
}

// A section's items, or what it has instead.
void GetSection(uint8_t section, ItemReader& in, Delta& delta, bool& is_last) {
  switch (section) {
    case kInodes:
      return GetItems(in, delta.inodes);
    case kDentries:
      return GetItems(in, delta.dentries);
    case kExtents:
      return GetItems(in, delta.extents);
    case kObjects:
      return GetItems(in, delta.objects);
    case kFrames:
      return GetItems(in, delta.frames);
    case kCheckpoints:
      return GetItems(in, delta.checkpoints);
    case kDeadObjects:
      return GetItems(in, delta.dead_objects);
    case kRecordsFrom:
      delta.records_from = in.Varint();
      return;
    case kBootTrace:
      return GetItems(in, delta.boot_trace);
    case kFrameCopies:
      return GetItems(in, delta.frame_copies);
    case kNextNumbers:
      delta.next_inode = in.Varint();
      delta.next_frame = in.Varint();
      delta.next_object = in.Varint();
      is_last = true;
      return;
    default:
      in.Refuse();
  }
}

std::unexpected<Error> BadEncoding() {
  return Fail(ErrorCode::kDataLoss, "damaged metadata: bad encoding");
}

// Adds what a chunk says to `delta`. `memory` is what is left.
Status GetChunk(std::string_view chunk, uint64_t& memory, Delta& delta,
                bool& is_last) {
  ItemReader in(chunk, memory);
  while (in.remaining() > 0 && !is_last) {
    GetSection(in.Byte(), in, delta, is_last);
  }
  if (in.done()) return {};
  if (!in.too_much()) return BadEncoding();
  return Fail(ErrorCode::kNotSupported,
              "metadata beyond what this driveroot reads on this machine");
}

class ChunkWriter {
 public:
  template <typename T>
  Status Items(Section section, const std::vector<T>& items) {
    WireWriter body;
    uint64_t count = 0;
    const T* previous = nullptr;
    for (const T& item : items) {
      Put(body, item, previous);
      ++count;
      previous = &item;
      if (chunk_.size() + body.size() < limits::kChunkBytes) continue;
      EndSection(section, count, body);
      DRIVEROOT_RETURN_IF_ERROR(EndChunk());
      previous = nullptr;
    }
    EndSection(section, count, body);
    return {};
  }

  Result<std::string> Finish(const Delta& delta) {
    if (delta.records_from != 0) {
      chunk_.Byte(kRecordsFrom);
      chunk_.Varint(delta.records_from);
    }
    chunk_.Byte(kNextNumbers);
    chunk_.Varint(delta.next_inode);
    chunk_.Varint(delta.next_frame);
    chunk_.Varint(delta.next_object);
    DRIVEROOT_RETURN_IF_ERROR(EndChunk());
    stream_.Varint(0);
    return stream_.Take();
  }

 private:
  void EndSection(Section section, uint64_t& count, WireWriter& body) {
    if (count == 0) return;
    chunk_.Byte(section);
    chunk_.Varint(count);
    chunk_.Raw(body.Take());
    body = WireWriter();
    count = 0;
  }

  Status EndChunk() {
    const std::string raw = chunk_.Take();
    chunk_ = WireWriter();
    const std::string stored = CompressFrame(raw);
    DRIVEROOT_RETURN_IF_ERROR(CheckReadable(stored, raw));
    stream_.Varint(raw.size());
    stream_.Bytes(stored);
    return {};
  }

  // What is written down wrongly is found when it is read, and then it is too
  // late.
  static Status CheckReadable(std::string_view stored, std::string_view raw) {
    if (raw.size() > limits::kWrittenChunkBytes) {
      return Unreadable(std::to_string(raw.size()) + " bytes in one chunk");
    }
    const Result<std::string> again = DecompressFrame(stored, raw.size());
    if (!again) return Unreadable(again.error().message());
    uint64_t memory = UINT64_MAX;
    Delta delta;
    bool is_last = false;
    const Status read = GetChunk(*again, memory, delta, is_last);
    if (!read) return Unreadable(read.error().message());
    return {};
  }

  static std::unexpected<Error> Unreadable(const std::string& why) {
    return Fail(ErrorCode::kInvalidArgument,
                "metadata that could not be read again: " + why);
  }

  WireWriter chunk_;
  WireWriter stream_;
};

}  // namespace

Result<std::string> EncodeDelta(const Delta& delta) {
  ChunkWriter writer;
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kObjects, delta.objects));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kFrames, delta.frames));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kInodes, delta.inodes));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kDentries, delta.dentries));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kExtents, ExtentItems(delta.extents)));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kCheckpoints, delta.checkpoints));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kDeadObjects, delta.dead_objects));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kBootTrace, delta.boot_trace));
  DRIVEROOT_RETURN_IF_ERROR(writer.Items(kFrameCopies, delta.frame_copies));
  return writer.Finish(delta);
}

uint64_t DecodeMemory() {
  static const uint64_t memory =
      std::max(MachineMemory() / 2, kMinDecodeMemory);
  return memory;
}

Result<Delta> DecodeDelta(std::string_view bytes, uint64_t max_memory) {
  WireReader in(bytes);
  Delta delta;
  bool is_last = false;
  while (true) {
    const uint64_t raw_length = in.Varint();
    if (raw_length == 0) break;
    const std::string_view stored = in.Bytes(raw_length);
    if (!in.ok() || is_last) return BadEncoding();
    if (raw_length > std::min(limits::kReadChunkBytes, max_memory)) {
      return Fail(ErrorCode::kNotSupported,
                  "a chunk of metadata of " + std::to_string(raw_length) +
                      " bytes is more than this driveroot reads here");
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string chunk,
                               DecompressFrame(stored, raw_length));
    DRIVEROOT_RETURN_IF_ERROR(GetChunk(chunk, max_memory, delta, is_last));
  }
  if (!in.done() || !is_last) return BadEncoding();
  return delta;
}

}  // namespace driveroot
