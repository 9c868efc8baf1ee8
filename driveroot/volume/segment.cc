// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/segment.h"

#include <utility>

#include "driveroot/volume/compression.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/record.h"
#include "driveroot/volume/wire.h"

namespace driveroot {
namespace {

constexpr std::string_view kMagic = "DRVRTSEG";
constexpr uint64_t kHeaderBytes = 16;
// The length of the index and its hash.
constexpr uint64_t kTrailerBytes = 8 + 32;
// Of the index: how many frames there are, and what it says of each.
constexpr uint64_t kMaxCountBytes = 10;
constexpr uint64_t kMaxEntryBytes = 10 + 10 + 5 + 5 + 32;

static_assert(limits::kSegmentFrames * kMaxEntryBytes + kMaxCountBytes <=
              limits::kSegmentIndexBytes);

std::unexpected<Error> Damaged(const char* what) {
  return Fail(ErrorCode::kDataLoss, std::string("damaged segment: ") + what);
}

}  // namespace

SegmentWriter::SegmentWriter() {
  WireWriter out;
  out.Raw(kMagic);
  out.Fixed32(kFormatVersion);
  out.Fixed32(0);  // Reserved.
  bytes_ = out.Take();
}

void SegmentWriter::Reserve(size_t frames, uint64_t bytes) {
  index_.reserve(frames);
  bytes_.reserve(kHeaderBytes + bytes + frames * kMaxEntryBytes +
                 kMaxCountBytes + kTrailerBytes);
}

uint64_t SegmentWriter::Add(const EncodedFrame& frame) {
  const uint64_t offset = bytes_.size();
  index_.push_back({.number = frame.number,
                    .object = 0,
                    .object_offset = offset,
                    .stored_length = static_cast<uint32_t>(frame.stored.size()),
                    .raw_length = frame.raw_length,
                    .hash = frame.hash});
  bytes_ += frame.stored;
  return offset;
}

Result<std::string> SegmentWriter::Finish() {
  WireWriter out;
  out.Varint(index_.size());
  for (const FrameDelta& frame : index_) {
    out.Varint(frame.number);
    out.Varint(frame.object_offset);
    out.Varint(frame.stored_length);
    out.Varint(frame.raw_length);
    out.Hash32(frame.hash);
  }
  const uint64_t length = out.size();
  out.Fixed64(length);
  std::string index = out.Take();
  Seal(index);
  bytes_ += index;
  const auto again = ReadSegmentIndex(
      bytes_.size(),
      [this](uint64_t offset, uint64_t part) -> Result<std::string> {
        return bytes_.substr(offset, part);
      });
  if (!again) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "a segment that could not be read again: " + again.error().message());
  }
  return std::move(bytes_);
}

Result<std::vector<FrameDelta>> ReadSegmentIndex(uint64_t size,
                                                 const ReadPart& read) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string header, read(0, kHeaderBytes));
  WireReader in(header);
  if (in.Raw(kMagic.size()) != kMagic) return Damaged("it is none");
  const uint32_t version = in.Fixed32();
  if (!in.ok()) return Damaged("too short");
  DRIVEROOT_RETURN_IF_ERROR(CheckFormatVersion(version));
  if (size < kHeaderBytes + kTrailerBytes) return Damaged("too short");

  DRIVEROOT_ASSIGN_OR_RETURN(const std::string trailer,
                             read(size - kTrailerBytes, kTrailerBytes));
  const uint64_t length = WireReader(trailer).Fixed64();
  if (length > limits::kSegmentIndexBytes ||
      length > size - kHeaderBytes - kTrailerBytes) {
    return Damaged("its index has an impossible length");
  }
  const uint64_t begin = size - kTrailerBytes - length;
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                             read(begin, length + kTrailerBytes));
  const std::optional<Sealed> sealed = Unseal(bytes);
  if (!sealed) return Damaged("its index does not match its hash");

  in = WireReader(sealed->body.substr(0, length));
  std::vector<FrameDelta> frames;
  const uint64_t count = in.Varint(in.remaining());
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    FrameDelta& frame = frames.emplace_back();
    frame.number = in.Varint();
    frame.object_offset = in.Varint(begin);
    frame.stored_length =
        static_cast<uint32_t>(in.Varint(begin - frame.object_offset));
    frame.raw_length = static_cast<uint32_t>(in.Varint(kMaxFrameBytes));
    frame.hash = in.Hash32();
    if (frame.stored_length > frame.raw_length) in.Refuse();
  }
  if (!in.done()) return Damaged("its index makes no sense");
  return frames;
}

Result<std::string> DecodeFrame(std::string_view stored, uint32_t raw_length,
                                const Hash& hash) {
  if (raw_length > kMaxFrameBytes) {
    return Fail(ErrorCode::kDataLoss, "damaged data: impossible length");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(std::string raw,
                             DecompressFrame(stored, raw_length));
  if (Sha256(raw) != hash) {
    return Fail(ErrorCode::kDataLoss,
                "damaged data: the bytes do not match their hash");
  }
  return raw;
}

}  // namespace driveroot
