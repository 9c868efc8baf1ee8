// SPDX-License-Identifier: Apache-2.0
//
// Volume: what is read from the store.
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "driveroot/volume/volume.h"

namespace driveroot {
namespace {

// Fetching at once what one read asks for, however long it is, would need that
// much memory twice.
constexpr uint64_t kMaxFetchBytes = 16 << 20;

}  // namespace

Status Volume::ReadStored(std::span<const StoredPiece> pieces,
                          std::span<char> out,
                          std::span<const StoredFrame> ahead,
                          InodeNumber reader) {
  ++reads_;
  Status read = FetchInto(pieces, out, ahead, reader);
  if (!read) return std::unexpected(Explained(read.error()));
  return read;
}

Result<std::vector<FrameBytes>> Volume::ReadFrames(
    std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
    InodeNumber reader) {
  ++reads_;
  auto fetched = fetcher_->Fetch(frames, ahead, reader);
  if (!fetched) return std::unexpected(Explained(fetched.error()));
  return fetched;
}

std::optional<Result<std::vector<FrameBytes>>> Volume::ReadFramesThen(
    std::span<const StoredFrame> frames, std::span<const StoredFrame> ahead,
    InodeNumber reader, Fetcher::Done done, Fetcher::Ticket* ret_ticket) {
  ++reads_;
  return fetcher_->FetchThen(frames, ahead, reader, std::move(done),
                             ret_ticket);
}

void Volume::CancelRead(Fetcher::Ticket ticket) { fetcher_->Cancel(ticket); }

Status Volume::FetchInto(std::span<const StoredPiece> pieces,
                         std::span<char> out,
                         std::span<const StoredFrame> ahead,
                         InodeNumber reader) {
  while (!pieces.empty()) {
    std::vector<StoredFrame> frames;
    uint64_t bytes = 0;
    for (const StoredPiece& piece : pieces) {
      if (bytes >= kMaxFetchBytes) break;
      frames.push_back(piece.frame);
      bytes += piece.frame.raw_length;
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<FrameBytes> fetched,
                               fetcher_->Fetch(frames, ahead, reader));
    for (size_t i = 0; i < fetched.size(); ++i) {
      const StoredPiece& piece = pieces[i];
      std::memcpy(out.data() + piece.destination,
                  fetched[i]->data() + piece.frame_offset, piece.length);
    }
    pieces = pieces.subspan(fetched.size());
    ahead = {};
  }
  return {};
}

std::vector<std::vector<StoredFrame>> Volume::PlanFetches(
    std::span<const StoredFrame> frames) {
  std::vector<std::vector<StoredFrame>> fetches;
  for (FetchJob& job : Fetcher::PlanStream(frames, FetcherOptions())) {
    fetches.push_back(std::move(job.frames));
  }
  return fetches;
}

void Volume::FetchAhead(std::span<const StoredFrame> frames) {
  fetcher_->FetchAhead(frames);
}

void Volume::CancelReadAhead(InodeNumber reader) {
  fetcher_->CancelReadAhead(reader);
}

}  // namespace driveroot
