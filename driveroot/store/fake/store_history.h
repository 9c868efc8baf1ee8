// SPDX-License-Identifier: Apache-2.0
//
// For tests: a store in memory that remembers every change, and when each began
// and was answered, so that afterwards the store can be had as a crash at any
// moment would have left it.
//
//   auto history = std::make_shared<StoreHistory>();
//   Use(HistoryStore(history));
//   for (const StoreCut& cut : history->Cuts()) {
//     HistoryStore left(std::make_shared<StoreHistory>(history, cut));
//     …
//   }
//
// A change whose answer had not arrived may have happened or not, and requests
// under way at the same time may have happened in any order. So a crash can
// leave each set of changes that, with a change, has all those that were
// answered before it began; Cuts() returns each of them once.
//
// A store after a cut shares all bytes with the history and takes changes of
// its own, so it costs next to nothing. Thread-safe, but for what is said
// below.
#ifndef DRIVEROOT_STORE_FAKE_STORE_HISTORY_H_
#define DRIVEROOT_STORE_FAKE_STORE_HISTORY_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// The changes that are there: the first `limit` of a history, in the order in
// which they began, without `missing`.
struct StoreCut {
  size_t limit = 0;
  std::vector<size_t> missing = {};  // ascending
  // The last moment at which the store can have been like this.
  uint64_t time = 0;

  bool Has(size_t change) const;
  // For messages: "the first 12 changes without 9 and 10".
  std::string ToString() const;
};

class StoreHistory {
 public:
  // Of an empty store.
  StoreHistory() = default;
  // Of a store that begins as `cut` left `base`, which does not change any
  // more.
  StoreHistory(std::shared_ptr<const StoreHistory> base, StoreCut cut)
      : base_(std::move(base)), cut_(std::move(cut)) {}

  // A moment: later ones are greater.
  uint64_t Now();

  // All states that crashes can leave, of this history alone. Where more than
  // ten requests are under way, the ones that began first count as done. To be
  // called when no request is under way.
  std::vector<StoreCut> Cuts() const;

  // All superblocks that there were, the present one last.
  std::vector<std::string> Superblocks() const;

 private:
  friend class HistoryStore;

  enum class ChangeKind { kCreate, kRemove, kSuperblock };

  struct Change {
    ChangeKind change = ChangeKind::kCreate;
    ObjectId id = {};  // of kCreate and kRemove
    ObjectKind kind = ObjectKind::kSegment;
    std::string name = {};
    std::string bytes = {};
    bool is_first = false;  // a superblock that must not replace another one
    uint64_t began = 0;
    uint64_t answered = UINT64_MAX;  // when its maker first knew of it
    bool done = false;               // false: under way, or refused
  };

  // What happened to an object, as indices of changes.
  struct Trace {
    std::optional<size_t> created = {};
    std::optional<size_t> removed = {};
  };

  // Whether a change counts: `cut` null stands for all that are done.
  bool Has(size_t change, const StoreCut* cut) const;
  // As it is, or was at `cut`; null when it is not there. `mutex_` is held.
  const Change* Find(const ObjectId& id, const StoreCut* cut) const;
  bool IsTaken(const ObjectId& id, const StoreCut* cut) const;
  bool IsRemoved(const ObjectId& id, const StoreCut* cut) const;
  const Change* Superblock(const StoreCut* cut) const;
  void AddSuperblocks(const StoreCut* cut, std::vector<std::string>& to) const;
  void ForEach(const StoreCut* cut,
               const std::function<void(const Change&)>& visit) const;

  // The steps of a change.
  size_t Begin(Change change);
  Status Accept(size_t index);
  void Answer(size_t index);
  void Lose(size_t index);
  uint64_t Later() { return ++now_; }

  const std::shared_ptr<const StoreHistory> base_;
  const StoreCut cut_;  // of base_

  mutable std::mutex mutex_;  // guards what is below; before that of base_
  uint64_t now_ = 0;
  uint64_t next_id_ = 1;
  std::deque<Change> changes_;  // in the order in which they began
  std::unordered_map<ObjectId, Trace> traces_;
  std::vector<size_t> lost_;  // changes whose maker never hears of them
};

class HistoryStore : public ObjectStore {
 public:
  // Decides what becomes of a call. May wait: the request is under way then.
  // Called from many threads at once.
  using Rule = std::function<std::optional<Fault>(const StoreCall&)>;

  // `superblock_copy` comes along, as if a listing had brought it.
  explicit HistoryStore(std::shared_ptr<StoreHistory> history,
                        Rule rule = nullptr,
                        std::optional<std::string> superblock_copy = {})
      : history_(std::move(history)),
        rule_(std::move(rule)),
        superblock_copy_(std::move(superblock_copy)) {}

  Result<std::vector<ObjectId>> NewIds(int count) override;
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override;
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override;
  Status Remove(const ObjectId& id) override;
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override;
  Result<std::string> ReadSuperblock() override;
  Status WriteSuperblock(std::string_view bytes) override;
  Status CreateSuperblock(std::string_view bytes) override;
  std::optional<std::string> TakeSuperblockCopy() override;
  Result<StoreSpace> Space() override;

 private:
  Status Make(StoreHistory::Change change, const StoreCall& call);

  const std::shared_ptr<StoreHistory> history_;
  const Rule rule_;
  std::optional<std::string> superblock_copy_;  // guarded by history_->mutex_
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_FAKE_STORE_HISTORY_H_
