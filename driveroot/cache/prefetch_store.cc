// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cache/prefetch_store.h"

#include <algorithm>
#include <utility>

namespace driveroot {
namespace {

// What is copied while the lock is held.
constexpr uint64_t kPieceBytes = 256 << 10;

uint64_t EndOf(const ObjectRange& range) { return range.offset + range.length; }

}  // namespace

PrefetchStore::~PrefetchStore() { KeepOnly({}); }

void PrefetchStore::Begin(std::span<const ObjectRange> ranges) {
  const std::lock_guard lock(mutex_);
  if (!threads_.empty()) return;
  uint64_t room = kMaxPrefetchBytes;
  for (const ObjectRange& range : ranges) {
    if (held_.size() == kMaxPrefetchRanges || range.length > room) break;
    room -= range.length;
    const auto held = std::make_shared<Held>();
    held->range = range;
    held->wanted = range.length;
    held_.push_back(held);
    threads_.emplace_back([this, held] { Fetch(held); });
  }
}

void PrefetchStore::KeepOnly(std::span<const ObjectRange> wanted) {
  const std::lock_guard lock(mutex_);
  const std::list<HeldPtr> all = held_;
  for (const HeldPtr& held : all) {
    held->wanted = 0;
    for (const ObjectRange& range : wanted) {
      if (range.id != held->range.id) continue;
      const uint64_t begin = std::max(range.offset, held->range.offset);
      const uint64_t end = std::min(EndOf(range), held->end());
      if (begin < end) held->wanted += end - begin;
    }
    if (held->handed_out >= held->wanted || !held->begun) Drop(held);
  }
}

bool PrefetchStore::MayBegin(const HeldPtr& held) const {
  uint64_t to_come = 0;
  for (const HeldPtr& before : held_) {
    if (before == held) break;
    if (!before->ended) to_come += before->range.length - before->bytes.size();
  }
  return to_come <= options_.overlap_bytes;
}

void PrefetchStore::Fetch(const HeldPtr& held) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held->unwanted || MayBegin(held); });
    if (held->unwanted) return;
    held->begun = true;
    held->bytes.reserve(held->range.length);
  }
  // Whether it succeeds or not, what came of it has come.
  (void)store_->ReadTo(held->range.id, held->range.offset, held->range.length,
                       [this, &held](std::string_view piece) {
                         const std::lock_guard lock(mutex_);
                         if (held->unwanted) return false;
                         held->bytes += piece;
                         changed_.notify_all();
                         return true;
                       });
  std::unique_lock lock(mutex_);
  held->ended = true;
  changed_.notify_all();
  uint64_t seen = 0;
  do {
    seen = held->handed_out;
    changed_.wait_for(lock, options_.patience,
                      [&held] { return held->unwanted; });
  } while (!held->unwanted && held->handed_out > seen);
  Drop(held);
}

PrefetchStore::HeldPtr PrefetchStore::Find(const ObjectId& id,
                                           uint64_t offset) const {
  for (const HeldPtr& held : held_) {
    if (held->begun && held->range.id == id && held->range.offset <= offset &&
        offset < (held->ended ? held->come_to() : held->end())) {
      return held;
    }
  }
  return nullptr;
}

uint64_t PrefetchStore::UpToNext(const ObjectId& id, uint64_t offset,
                                 uint64_t length) const {
  for (const HeldPtr& held : held_) {
    if (held->begun && held->range.id == id && offset < held->range.offset) {
      length = std::min(length, held->range.offset - offset);
    }
  }
  return length;
}

void PrefetchStore::Drop(const HeldPtr& held) {
  held->unwanted = true;
  held->bytes = {};
  held_.remove(held);
  changed_.notify_all();
}

Status PrefetchStore::ReadTo(const ObjectId& id, uint64_t offset,
                             uint64_t length, const ByteSink& sink) {
  const uint64_t end = offset + length;
  while (offset < end) {
    std::unique_lock lock(mutex_);
    if (const HeldPtr held = Find(id, offset); held != nullptr) {
      lock.unlock();
      DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t given,
                                 HandOut(held, offset, end - offset, sink));
      offset += given;
      continue;
    }
    const uint64_t wanted = UpToNext(id, offset, end - offset);
    lock.unlock();
    uint64_t come = 0;
    DRIVEROOT_RETURN_IF_ERROR(
        store_->ReadTo(id, offset, wanted, [&](std::string_view piece) {
          come += piece.size();
          return sink(piece);
        }));
    if (come < wanted) break;  // the object ends here
    offset += wanted;
  }
  return {};
}

Result<uint64_t> PrefetchStore::HandOut(const HeldPtr& held, uint64_t offset,
                                        uint64_t length, const ByteSink& sink) {
  std::string piece;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return held->ended || held->unwanted || offset < held->come_to();
    });
    if (held->unwanted || offset >= held->come_to()) return 0;
    piece = held->bytes.substr(offset - held->range.offset,
                               std::min(length, kPieceBytes));
    held->handed_out += piece.size();
    if (held->handed_out >= held->wanted) Drop(held);
  }
  if (!sink(piece)) {
    return Fail(ErrorCode::kCancelled, "the rest is not wanted");
  }
  return piece.size();
}

}  // namespace driveroot
