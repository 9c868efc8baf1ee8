// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/range_reader.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "driveroot/volume/segment.h"

namespace driveroot {
namespace {

// Bytes that are of no use any more are let go when there are so many.
constexpr uint64_t kTrimBytes = 1 << 20;

Result<FrameBytes> Decode(std::string_view stored, const StoredFrame& frame) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::string raw,
                             DecodeFrame(stored, frame.raw_length, frame.hash));
  return std::make_shared<const std::string>(std::move(raw));
}

}  // namespace

RangeReader::RangeReader(ObjectStore& store, const ObjectId& id,
                         const FetchJob& job, const Callbacks& callbacks)
    : store_(store),
      id_(id),
      job_(job),
      callbacks_(callbacks),
      buffer_begin_(job.begin()) {}

void RangeReader::Run() {
  callbacks_.on_request();
  const Status status =
      store_.ReadTo(id_, job_.begin(), job_.end() - job_.begin(),
                    [this](std::string_view piece) { return Take(piece); });
  if (unwanted_) return;
  if (!status) {
    for (; next_ < job_.frames.size(); ++next_) {
      callbacks_.on_frame(job_.frames[next_],
                          std::unexpected(Explain(status.error())));
    }
  }
  // An object that ends too early.
  damaged_.insert(damaged_.end(), job_.frames.begin() + next_,
                  job_.frames.end());
  for (const StoredFrame& frame : damaged_) FetchAgain(frame);
}

bool RangeReader::Take(std::string_view piece) {
  unwanted_ = !callbacks_.on_bytes(piece.size());
  if (unwanted_) return false;
  buffer_ += piece;
  HandOut();
  return true;
}

void RangeReader::HandOut() {
  const uint64_t end = buffer_begin_ + buffer_.size();
  for (; next_ < job_.frames.size(); ++next_) {
    const StoredFrame& frame = job_.frames[next_];
    if (frame.object_offset + frame.stored_length > end) break;
    Result<FrameBytes> bytes =
        Decode(std::string_view(buffer_).substr(
                   frame.object_offset - buffer_begin_, frame.stored_length),
               frame);
    if (bytes) {
      callbacks_.on_frame(frame, std::move(bytes));
    } else {
      damaged_.push_back(frame);
    }
  }
  if (next_ == job_.frames.size()) return;
  const uint64_t used =
      std::min(job_.frames[next_].object_offset, end) - buffer_begin_;
  if (used < kTrimBytes) return;
  buffer_.erase(0, used);
  buffer_begin_ += used;
}

void RangeReader::FetchAgain(const StoredFrame& frame) {
  callbacks_.on_request();
  const Result<std::string> stored =
      store_.Read(id_, frame.object_offset, frame.stored_length);
  if (!stored) {
    callbacks_.on_frame(frame, std::unexpected(Explain(stored.error())));
    return;
  }
  if (!callbacks_.on_bytes(stored->size())) return;
  Result<FrameBytes> bytes = Decode(*stored, frame);
  if (!bytes) {
    bytes = std::unexpected(bytes.error().WithContext(
        "frame " + std::to_string(frame.number) + " at byte " +
        std::to_string(frame.object_offset) + " of object " + id_));
  }
  callbacks_.on_frame(frame, std::move(bytes));
}

Error RangeReader::Explain(const Error& error) const {
  if (error.code() == ErrorCode::kNotFound) {
    return Error(ErrorCode::kDataLoss,
                 "object " + id_ + " with the data of files is missing");
  }
  return error.WithContext("cannot read object " + id_);
}

}  // namespace driveroot
