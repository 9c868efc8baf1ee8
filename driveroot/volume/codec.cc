// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/codec.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "driveroot/volume/compression.h"
#include "driveroot/volume/wire.h"

namespace driveroot {
namespace {

// A chunk ends with the item that makes it this long.
constexpr size_t kChunkBytes = 1 << 20;

// Chunks longer than this are refused. One item may make a chunk long: the
// extents of a 4 TB file that was never written in one piece take about this.
constexpr uint64_t kMaxChunkBytes = 256 << 20;

// Linux's limits: PATH_MAX, XATTR_NAME_MAX and XATTR_SIZE_MAX; NAME_MAX.
constexpr uint64_t kMaxSymlinkBytes = 4096;
constexpr uint64_t kMaxXattrNameBytes = 255;
constexpr uint64_t kMaxXattrBytes = 65536;
constexpr uint64_t kMaxNameBytes = 255;
constexpr uint64_t kMaxIdBytes = 128;

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

InodeDelta GetItem(WireReader& in, const InodeDelta* previous) {
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
    inode.symlink_target = in.Bytes(kMaxSymlinkBytes);
  }
  if ((flags & kHasXattrs) != 0) {
    Xattrs& xattrs = inode.xattrs.emplace();
    const uint64_t count = in.Varint(in.remaining());
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
      const std::string_view name = in.Bytes(kMaxXattrNameBytes);
      const std::string_view value = in.Bytes(kMaxXattrBytes);
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

DentryDelta GetItem(WireReader& in, const DentryDelta* previous) {
  DentryDelta dentry;
  dentry.directory =
      (previous == nullptr ? 0 : previous->directory) + in.Varint();
  dentry.inode = in.Varint();
  dentry.name = in.Bytes(kMaxNameBytes);
  return dentry;
}

void Put(WireWriter& out, const ExtentDelta& delta,
         const ExtentDelta* previous) {
  out.Varint(delta.inode - (previous == nullptr ? 0 : previous->inode));
  out.Varint(delta.offset);
  out.Varint(delta.length);
  out.Varint(delta.extents.size());
  uint64_t position = delta.offset;
  FrameNumber frame = 0;
  for (const Extent& extent : delta.extents) {
    out.Varint(extent.offset - position);
    out.Signed(static_cast<int64_t>(extent.frame - frame));
    out.Varint(extent.frame_offset);
    out.Varint(extent.length);
    position = extent.offset + extent.length;
    frame = extent.frame;
  }
}

ExtentDelta GetItem(WireReader& in, const ExtentDelta* previous) {
  ExtentDelta delta;
  delta.inode = (previous == nullptr ? 0 : previous->inode) + in.Varint();
  delta.offset = in.Varint();
  delta.length = in.Varint();
  const uint64_t count = in.Varint(in.remaining());
  uint64_t position = delta.offset;
  FrameNumber frame = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
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

ObjectKind GetKind(WireReader& in) {
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

ObjectDelta GetItem(WireReader& in, const ObjectDelta* previous) {
  ObjectDelta object;
  object.number = NumberOf(previous) + in.Varint();
  object.id = in.Bytes(kMaxIdBytes);
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

FrameDelta GetItem(WireReader& in, const FrameDelta* previous) {
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

KeptCheckpoint GetItem(WireReader& in, const KeptCheckpoint* previous) {
  KeptCheckpoint checkpoint;
  checkpoint.sequence =
      (previous == nullptr ? 0 : previous->sequence) + in.Varint();
  checkpoint.id = in.Bytes(kMaxIdBytes);
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

DeadObject GetItem(WireReader& in, const DeadObject* previous) {
  DeadObject object;
  object.number = NumberOf(previous) + in.Varint();
  object.id = in.Bytes(kMaxIdBytes);
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

TraceDelta GetItem(WireReader& in, const TraceDelta* previous) {
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

FrameCopy GetItem(WireReader& in, const FrameCopy* previous) {
  FrameCopy copy;
  copy.number = NumberOf(previous) + in.Varint();
  copy.bytes = in.Bytes(kMaxFrameBytes);
  return copy;
}

// ---- Chunks

class ChunkWriter {
 public:
  template <typename T>
  void Items(Section section, const std::vector<T>& items) {
    WireWriter body;
    uint64_t count = 0;
    const T* previous = nullptr;
    for (const T& item : items) {
      Put(body, item, previous);
      ++count;
      previous = &item;
      if (chunk_.size() + body.size() < kChunkBytes) continue;
      EndSection(section, count, body);
      EndChunk();
      previous = nullptr;
    }
    EndSection(section, count, body);
  }

  std::string Finish(const Delta& delta) {
    if (delta.records_from != 0) {
      chunk_.Byte(kRecordsFrom);
      chunk_.Varint(delta.records_from);
    }
    chunk_.Byte(kNextNumbers);
    chunk_.Varint(delta.next_inode);
    chunk_.Varint(delta.next_frame);
    chunk_.Varint(delta.next_object);
    EndChunk();
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

  void EndChunk() {
    const std::string raw = chunk_.Take();
    chunk_ = WireWriter();
    stream_.Varint(raw.size());
    stream_.Bytes(CompressFrame(raw));
  }

  WireWriter chunk_;
  WireWriter stream_;
};

template <typename T>
void GetItems(WireReader& in, std::vector<T>& items) {
  const uint64_t count = in.Varint(in.remaining());
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    T item = GetItem(in, i == 0 ? nullptr : &items.back());
    items.push_back(std::move(item));
  }
}

// Returns whether the chunk is in order.
bool GetChunk(std::string_view chunk, Delta& delta, bool& is_last) {
  WireReader in(chunk);
  while (in.remaining() > 0 && !is_last) {
    switch (in.Byte()) {
      case kInodes:
        GetItems(in, delta.inodes);
        break;
      case kDentries:
        GetItems(in, delta.dentries);
        break;
      case kExtents:
        GetItems(in, delta.extents);
        break;
      case kObjects:
        GetItems(in, delta.objects);
        break;
      case kFrames:
        GetItems(in, delta.frames);
        break;
      case kCheckpoints:
        GetItems(in, delta.checkpoints);
        break;
      case kDeadObjects:
        GetItems(in, delta.dead_objects);
        break;
      case kRecordsFrom:
        delta.records_from = in.Varint();
        break;
      case kBootTrace:
        GetItems(in, delta.boot_trace);
        break;
      case kFrameCopies:
        GetItems(in, delta.frame_copies);
        break;
      case kNextNumbers:
        delta.next_inode = in.Varint();
        delta.next_frame = in.Varint();
        delta.next_object = in.Varint();
        is_last = true;
        break;
      default:
        in.Refuse();
    }
  }
  return in.done();
}

}  // namespace

std::string EncodeDelta(const Delta& delta) {
  ChunkWriter writer;
  writer.Items(kObjects, delta.objects);
  writer.Items(kFrames, delta.frames);
  writer.Items(kInodes, delta.inodes);
  writer.Items(kDentries, delta.dentries);
  writer.Items(kExtents, delta.extents);
  writer.Items(kCheckpoints, delta.checkpoints);
  writer.Items(kDeadObjects, delta.dead_objects);
  writer.Items(kBootTrace, delta.boot_trace);
  writer.Items(kFrameCopies, delta.frame_copies);
  return writer.Finish(delta);
}

Result<Delta> DecodeDelta(std::string_view bytes) {
  WireReader in(bytes);
  Delta delta;
  bool is_last = false;
  while (true) {
    const uint64_t raw_length = in.Varint(kMaxChunkBytes);
    if (raw_length == 0) break;
    const std::string_view stored = in.Bytes(raw_length);
    if (!in.ok() || is_last) break;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string chunk,
                               DecompressFrame(stored, raw_length));
    if (!GetChunk(chunk, delta, is_last)) in.Refuse();
  }
  if (!in.done() || !is_last) {
    return Fail(ErrorCode::kDataLoss, "damaged metadata: bad encoding");
  }
  return delta;
}

}  // namespace driveroot
