// SPDX-License-Identifier: Apache-2.0
//
// PrefetchStore is a store that begins to read ranges before anybody asks for
// them: those that a boot is known to read first, while the volume is still
// being opened.
//
//   PrefetchStore store(std::move(drive));
//   store.Begin(ranges);      // they are on their way, one after the other
//   …                         // it becomes known what is really wanted
//   store.KeepOnly(wanted);   // the rest is given up
//   store.ReadTo(…);          // out of a range under way, while it arrives
//
// Only ReadTo() is answered out of such ranges: Read() asks for bytes anew,
// which is what whoever does not trust those that came first wants. Bytes are
// not checked here, and a range that cannot be read is left to whoever asks for
// it. Each byte is handed out once.
//
// Memory is that of the ranges given, at most kMaxPrefetchBytes; each stays
// until all that is wanted of it was handed out, or nobody asked for any of it
// for a while. All other calls go through.
//
// Thread-safe, as ObjectStore is. A thread for each range reads it.
#ifndef DRIVEROOT_CACHE_PREFETCH_STORE_H_
#define DRIVEROOT_CACHE_PREFETCH_STORE_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// Twice what a Debian reads until login.
inline constexpr uint64_t kMaxPrefetchBytes = 32 << 20;
inline constexpr size_t kMaxPrefetchRanges = 8;

class PrefetchStore : public ObjectStore {
 public:
  struct Options {
    // A range begins when of those before it so many bytes are still to come.
    uint64_t overlap_bytes = 3 << 20;
    // How long a range that is there waits for somebody to ask.
    std::chrono::milliseconds patience{30'000};
  };

  PrefetchStore(std::unique_ptr<ObjectStore> store, const Options& options)
      : store_(std::move(store)), options_(options) {}
  ~PrefetchStore() override;

  // Begins to read ranges, of the first ones as many as the limits allow. Only
  // the first call counts.
  void Begin(std::span<const ObjectRange> ranges);

  // What is going to be asked for by ReadTo(), in any order. Of all else, and
  // of ranges that have not begun, nothing is read any more.
  void KeepOnly(std::span<const ObjectRange> wanted);

  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override;

  Result<std::vector<ObjectId>> NewIds(int count) override {
    return store_->NewIds(count);
  }
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override {
    return store_->Create(id, kind, name, bytes);
  }
  void PrepareCreate(const ObjectId& id, ObjectKind kind,
                     std::string_view name) override {
    store_->PrepareCreate(id, kind, name);
  }
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override {
    return store_->Read(id, offset, length);
  }
  Status Remove(const ObjectId& id) override { return store_->Remove(id); }
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override {
    return store_->List(kind);
  }
  Result<std::string> ReadSuperblock() override {
    return store_->ReadSuperblock();
  }
  Status WriteSuperblock(std::string_view bytes) override {
    return store_->WriteSuperblock(bytes);
  }
  Status CreateSuperblock(std::string_view bytes) override {
    return store_->CreateSuperblock(bytes);
  }
  std::optional<std::string> TakeSuperblockCopy() override {
    return store_->TakeSuperblockCopy();
  }
  // Of the store itself: what came ahead is no evidence.
  Result<bool> Holds(const ObjectId& id, std::string_view bytes) override {
    return store_->Holds(id, bytes);
  }
  Result<StoreSpace> Space() override { return store_->Space(); }

 private:
  struct Held {
    ObjectRange range;
    uint64_t wanted = 0;  // bytes of it that somebody will ask for
    uint64_t handed_out = 0;
    bool begun = false;
    bool ended = false;     // nothing more comes
    bool unwanted = false;  // by anybody
    std::string bytes;      // that have come

    uint64_t come_to() const { return range.offset + bytes.size(); }
    uint64_t end() const { return range.offset + range.length; }
  };
  using HeldPtr = std::shared_ptr<Held>;

  // All of these want mutex_ held.

  // Whether those before it have come far enough.
  bool MayBegin(const HeldPtr& held) const;
  // The range under way that holds byte `offset`, or brings it; null: none.
  HeldPtr Find(const ObjectId& id, uint64_t offset) const;
  // How much of [offset, offset + length) lies before the next such range.
  uint64_t UpToNext(const ObjectId& id, uint64_t offset, uint64_t length) const;
  void Drop(const HeldPtr& held);

  // Take the lock themselves.
  void Fetch(const HeldPtr& held);
  Result<uint64_t> HandOut(const HeldPtr& held, uint64_t offset,
                           uint64_t length, const ByteSink& sink);

  const std::unique_ptr<ObjectStore> store_;
  const Options options_;

  mutable std::mutex mutex_;  // guards what is below
  std::condition_variable changed_;
  std::list<HeldPtr> held_;

  std::vector<std::jthread> threads_;  // last: they use all the rest
};

}  // namespace driveroot

#endif  // DRIVEROOT_CACHE_PREFETCH_STORE_H_
