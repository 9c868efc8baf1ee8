// SPDX-License-Identifier: Apache-2.0
//
// FileSystem: the contents of regular files.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/fs/checks.h"
#include "driveroot/fs/file_system.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

Status CheckRange(uint64_t offset, uint64_t length) {
  if (offset > kMaxFileBytes || length > kMaxFileBytes - offset) {
    return Fail(ErrorCode::kFileTooLarge, "a file ends at 2^63 - 1 bytes");
  }
  return {};
}

// How many extents a write of `length` bytes adds to a file at most, of which
// it may cut one in two.
uint64_t PiecesOf(uint64_t length) { return length / kMaxFrameBytes + 3; }

// A part of a read: `length` bytes of `bytes` from `begin` on.
struct ReadPart {
  FrameBytes bytes;  // null: those of the next stored frame
  uint64_t begin = 0;
  uint64_t length = 0;
};

// Holes, and what is not on the store yet.
ReadPart CopyFromMemory(const Metadata& metadata, InodeNumber number,
                        uint64_t offset, uint64_t length) {
  auto bytes = std::make_shared<std::string>();
  bytes->resize_and_overwrite(length, [](char*, size_t size) { return size; });
  const auto stored = metadata.ReadData(number, offset, *bytes);
  CHECK(stored.empty()) << "a frame is stored and is not";
  return {.bytes = std::move(bytes), .begin = 0, .length = length};
}

// All parts of a read, in order; adds the stored frames among them to
// `ret_frames`.
std::vector<ReadPart> PlanRead(const Metadata& metadata, InodeNumber number,
                               uint64_t offset, uint64_t length,
                               std::vector<StoredFrame>& ret_frames) {
  std::vector<ReadPart> parts;
  uint64_t position = offset;
  const auto copy_until = [&](uint64_t end) {
    if (end == position) return;
    parts.push_back(CopyFromMemory(metadata, number, position, end - position));
    position = end;
  };
  const ExtentMap& extents = metadata.Find(number)->extents();
  for (const Extent& extent : extents.Slice(offset, length)) {
    const std::optional<StoredFrame> frame =
        metadata.FindDurableFrame(extent.frame);
    if (!frame) continue;
    copy_until(extent.offset);
    parts.push_back({.bytes = nullptr,
                     .begin = extent.frame_offset,
                     .length = extent.length});
    ret_frames.push_back(*frame);
    position += extent.length;
  }
  copy_until(offset + length);
  return parts;
}

// The bytes of a read whose stored frames have come; uses `parts` up.
FileBytes Assemble(std::vector<ReadPart>& parts,
                   const std::vector<FrameBytes>& stored) {
  FileBytes bytes;
  auto next = stored.begin();
  for (ReadPart& part : parts) {
    if (part.bytes == nullptr) part.bytes = *next++;
    const std::string_view all = *part.bytes;
    bytes.Add(std::move(part.bytes), all.substr(part.begin, part.length));
  }
  return bytes;
}

// What every change of contents does to the attributes, besides TakeSetId.
void NoteChange(Metadata& metadata, InodeNumber number, uint64_t size,
                TimeNs now) {
  Attributes attributes = metadata.Find(number)->attributes;
  attributes.size = size;
  attributes.mtime = attributes.ctime = now;
  metadata.SetAttributes(number, attributes);
}

}  // namespace

// The bits are gone, and the kernel knows it, before the contents change: what
// somebody wrote never runs as somebody else, not even for a moment.
Status FileSystem::TakeSetId(InodeNumber number, const Caller& caller) {
  if (caller.privileged()) return {};
  const auto has_some = [&caller](const Attributes& attributes) {
    return WithoutSetId(attributes, caller) != attributes.mode;
  };
  {
    const Volume::ReadLock metadata = volume_->Read();
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindFile(*metadata, number));
    if (!has_some(inode->attributes)) return {};
  }
  {
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
    Metadata& metadata = *lock;
    DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindFile(metadata, number));
    Attributes attributes = inode->attributes;
    attributes.mode = WithoutSetId(attributes, caller);
    attributes.ctime = now_();
    metadata.SetAttributes(number, attributes);
  }
  if (mode_listener_) mode_listener_(number);
  return {};
}

Result<FileBytes> FileSystem::Read(InodeNumber number, uint64_t offset,
                                   uint64_t length, AccessNote access) {
  auto done = std::make_shared<std::promise<Result<FileBytes>>>();
  std::future<Result<FileBytes>> later = done->get_future();
  auto now = StartRead(
      number, offset, length, access,
      [done](Result<FileBytes> bytes) { done->set_value(std::move(bytes)); },
      nullptr);
  return now ? *std::move(now) : later.get();
}

std::optional<Result<FileBytes>> FileSystem::StartRead(
    InodeNumber number, uint64_t offset, uint64_t length, AccessNote access,
    ReadDone done, Fetcher::Ticket* ret_ticket) {
  std::vector<ReadPart> parts;
  std::vector<StoredFrame> frames;
  {
    const Volume::ReadLock metadata = volume_->Read();
    const Result<const Inode*> inode = FindFile(*metadata, number);
    if (!inode) return std::unexpected(inode.error());
    const uint64_t size = (*inode)->attributes.size;
    if (offset >= size || length == 0) return FileBytes();
    length = std::min(length, size - offset);
    if (access != AccessNote::kNone) NoteAccess(number, (*inode)->attributes);
    parts = PlanRead(*metadata, number, offset, length, frames);
  }
  if (frames.empty()) return Assemble(parts, {});
  const std::vector<StoredFrame> ahead = Ahead(number, offset, length);
  const auto shared = std::make_shared<std::vector<ReadPart>>(std::move(parts));
  auto now = volume_->ReadFramesThen(
      frames, ahead, number,
      [shared, done = std::move(done)](Result<std::vector<FrameBytes>> stored) {
        if (!stored) return done(std::unexpected(std::move(stored).error()));
        done(Assemble(*shared, *stored));
      },
      ret_ticket);
  if (!now) return std::nullopt;
  if (!*now) return std::unexpected(now->error());
  return Assemble(*shared, **now);
}

void FileSystem::CancelRead(Fetcher::Ticket ticket) {
  volume_->CancelRead(ticket);
}

std::vector<StoredFrame> FileSystem::Ahead(InodeNumber number, uint64_t offset,
                                           uint64_t length) {
  const ReadAheadPolicy::Advice advice =
      read_ahead_.OnRead(number, offset, length);
  if (advice.jumped) volume_->CancelReadAhead(number);
  if (!advice.fetch) return {};
  std::vector<StoredFrame> frames;
  const Volume::ReadLock metadata = volume_->Read();
  const Inode* inode = metadata->Find(number);
  if (inode == nullptr || !S_ISREG(inode->attributes.mode)) return {};
  for (const Extent& extent :
       inode->extents().Slice(advice.fetch->offset, advice.fetch->length)) {
    const std::optional<StoredFrame> frame = metadata->FindFrame(extent.frame);
    if (frame) frames.push_back(*frame);
  }
  return frames;
}

Status FileSystem::Write(InodeNumber number, uint64_t offset,
                         std::string_view bytes, const Caller& caller) {
  DRIVEROOT_RETURN_IF_ERROR(CheckRange(offset, bytes.size()));
  if (!bytes.empty() && !caller.privileged()) {
    // Without room nothing changes, set-id bits neither.
    const Result<Volume::WriteLock> room = BeginChange(ChangeKind::kData);
    if (!room) return std::unexpected(room.error());
  }
  if (!bytes.empty()) DRIVEROOT_RETURN_IF_ERROR(TakeSetId(number, caller));
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock,
                             BeginChange(ChangeKind::kData));
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindFile(metadata, number));
  if (bytes.empty()) return {};
  DRIVEROOT_RETURN_IF_ERROR(volume_->CheckRoom(
      metadata, Metadata::WriteMemory(bytes.size()), caller.privileged()));
  DRIVEROOT_RETURN_IF_ERROR(volume_->CheckExtents(
      inode->extents().all().size() + PiecesOf(bytes.size())));
  const uint64_t size = std::max(inode->attributes.size, offset + bytes.size());
  // The size first: data lies within the file at any moment.
  NoteChange(metadata, number, size, now_());
  metadata.WriteData(number, offset, bytes);
  return {};
}

Status FileSystem::Allocate(InodeNumber number, uint32_t mode, uint64_t offset,
                            uint64_t length, const Caller& caller) {
  constexpr uint32_t kKnown =
      FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  const bool punch = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
  const bool zero = (mode & FALLOC_FL_ZERO_RANGE) != 0;
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  if (length == 0) {
    return Fail(ErrorCode::kInvalidArgument, "nothing to allocate");
  }
  if ((mode & ~kKnown) != 0 || (punch && zero) || (punch && !keep_size)) {
    return Fail(ErrorCode::kNotSupported, "this mode of fallocate");
  }
  DRIVEROOT_RETURN_IF_ERROR(CheckRange(offset, length));
  DRIVEROOT_RETURN_IF_ERROR(TakeSetId(number, caller));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const Volume::WriteLock lock,
      BeginChange(punch || zero ? ChangeKind::kRemoval : ChangeKind::kTree));
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindFile(metadata, number));
  const uint64_t old_size = inode->attributes.size;
  const uint64_t size =
      keep_size ? old_size : std::max(old_size, offset + length);
  if (punch || zero) metadata.PunchHole(number, offset, length);
  // Room is not set aside: a log-structured volume would not write into it.
  NoteChange(metadata, number, size, now_());
  return {};
}

Result<uint64_t> FileSystem::Seek(InodeNumber number, uint64_t offset,
                                  int whence) {
  const Volume::ReadLock metadata = volume_->Read();
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindFile(*metadata, number));
  const uint64_t size = inode->attributes.size;
  if (whence != SEEK_DATA && whence != SEEK_HOLE) {
    return Fail(ErrorCode::kInvalidArgument, "unknown whence of lseek");
  }
  const auto past_end = [] {
    return Fail(ErrorCode::kNoSuchDeviceAddress, "past the end or in a hole");
  };
  if (offset >= size) return past_end();
  if (whence == SEEK_HOLE) return inode->extents().NextHole(offset, size);
  const uint64_t data = inode->extents().NextData(offset, size);
  if (data >= size) return past_end();
  return data;
}

Result<uint64_t> FileSystem::CopyRange(InodeNumber source,
                                       uint64_t source_offset,
                                       InodeNumber destination,
                                       uint64_t destination_offset,
                                       uint64_t length, const Caller& caller) {
  DRIVEROOT_RETURN_IF_ERROR(TakeSetId(destination, caller));
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, BeginChange());
  Metadata& metadata = *lock;
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* from, FindFile(metadata, source));
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* to, FindFile(metadata, destination));
  const uint64_t source_size = from->attributes.size;
  if (source_offset >= source_size) return uint64_t{0};
  length = std::min(length, source_size - source_offset);
  if (length == 0) return uint64_t{0};
  DRIVEROOT_RETURN_IF_ERROR(CheckRange(destination_offset, length));
  if (source == destination && source_offset < destination_offset + length &&
      destination_offset < source_offset + length) {
    return Fail(ErrorCode::kInvalidArgument, "the ranges overlap");
  }
  const uint64_t copied = from->extents().CountIn(source_offset, length);
  DRIVEROOT_RETURN_IF_ERROR(volume_->CheckRoom(
      metadata,
      Metadata::ExtentMemory(copied) + copied * MetadataChanges::kExtentBytes,
      caller.privileged()));
  DRIVEROOT_RETURN_IF_ERROR(volume_->CheckExtents(
      to->extents().all().size() -
      to->extents().CountIn(destination_offset, length) + copied + 2));
  const uint64_t size =
      std::max(to->attributes.size, destination_offset + length);
  NoteChange(metadata, destination, size, now_());
  metadata.ShareData(source, source_offset, destination, destination_offset,
                     length);
  return length;
}

}  // namespace driveroot
