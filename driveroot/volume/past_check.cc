// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/past_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/recovery.h"

namespace driveroot {
namespace {

class PastChecker {
 public:
  PastChecker(ObjectStore& store, const KeptPast& past, bool read_all)
      : store_(store), past_(past), read_all_(read_all) {}

  Result<std::vector<PastProblem>> Run() {
    DRIVEROOT_RETURN_IF_ERROR(CheckCheckpoints());
    DRIVEROOT_RETURN_IF_ERROR(CheckLog());
    return std::move(problems_);
  }

 private:
  // Where the log goes on after each kept checkpoint that was read.
  Status CheckCheckpoints() {
    std::map<ObjectId, uint64_t> sizes;
    if (!read_all_) {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> list,
                                 store_.List(ObjectKind::kCheckpoint));
      for (const ObjectInfo& info : list) sizes[info.id] = info.size;
    }
    for (const auto& [sequence, kept] : past_.checkpoints) {
      const auto listed = sizes.find(kept.id);
      if (listed != sizes.end() && listed->second == kept.size) continue;
      const Result<LogPosition> position = ReadPosition(store_, kept);
      if (position) continue;
      if (position.error().code() != ErrorCode::kDataLoss) {
        return std::unexpected(position.error());
      }
      lost_.insert(sequence);
      problems_.push_back(
          {.text = WithoutRemedy(position.error()) + ": the checkpoint of " +
                   "record " + std::to_string(sequence) +
                   ", so what was then can be gone back to no longer",
           .lost_checkpoint = sequence});
    }
    return {};
  }

  // The oldest checkpoint at or after a record from which the log can be
  // followed, and the newest of all; null when there is none.
  const KeptCheckpoint* FirstFrom(uint64_t sequence) const {
    const auto& kept = past_.checkpoints;
    for (auto entry = kept.lower_bound(sequence); entry != kept.end();
         ++entry) {
      if (!lost_.contains(entry->first)) return &entry->second;
    }
    return nullptr;
  }
  const KeptCheckpoint* Newest() const {
    const auto& kept = past_.checkpoints;
    for (auto entry = kept.rbegin(); entry != kept.rend(); ++entry) {
      if (!lost_.contains(entry->first)) return &entry->second;
    }
    return nullptr;
  }

  Status CheckLog() {
    const KeptCheckpoint* const newest = Newest();
    const KeptCheckpoint* from = FirstFrom(past_.records_from);
    if (newest == nullptr || from == nullptr) return {};
    std::set<uint64_t> listed;
    if (!read_all_) {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> list,
                                 store_.List(ObjectKind::kLogRecord));
      for (const ObjectInfo& info : list) {
        listed.insert(ParseObjectName(info.name).value_or(0));
      }
    }
    std::optional<uint64_t> reachable_from;
    std::string text;
    while (from != nullptr && from->sequence < newest->sequence) {
      uint64_t first = from->sequence + 1;
      while (first <= newest->sequence && listed.contains(first)) ++first;
      if (first > newest->sequence) break;
      DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<Hole> hole,
                                 Follow(*from, newest->sequence));
      if (!hole) break;
      if (text.empty()) text = hole->text;
      from = FirstFrom(hole->sequence);
      if (from == nullptr) break;
      reachable_from = from->sequence;
    }
    if (text.empty()) return {};
    text += "; the states before record " +
            std::to_string(reachable_from.value_or(newest->sequence)) +
            " can be gone back to no longer, but those of kept checkpoints";
    problems_.push_back(
        {.text = std::move(text),
         .records_from = reachable_from.value_or(newest->sequence)});
    return {};
  }

  struct Hole {
    uint64_t sequence = 0;  // of the record that is missing or damaged
    std::string text;
  };

  // Reads the log from a checkpoint to record `to`.
  Result<std::optional<Hole>> Follow(const KeptCheckpoint& from, uint64_t to) {
    DRIVEROOT_ASSIGN_OR_RETURN(LogPosition position,
                               ReadPosition(store_, from));
    const Status read = LogReader(store_).Read(
        position,
        [to](const LogRecord& record, uint64_t) -> Result<Visit> {
          return record.header.sequence <= to ? Visit::kGoOn
                                              : Visit::kStopBefore;
        },
        to);
    if (read) return std::nullopt;
    if (read.error().code() != ErrorCode::kDataLoss) {
      return std::unexpected(read.error());
    }
    return Hole{.sequence = position.last.sequence + 1,
                .text = WithoutRemedy(read.error())};
  }

  ObjectStore& store_;
  const KeptPast& past_;
  const bool read_all_;
  std::set<uint64_t> lost_;  // checkpoints
  std::vector<PastProblem> problems_;
};

}  // namespace

Result<std::vector<PastProblem>> CheckPast(ObjectStore& store,
                                           const KeptPast& past,
                                           bool read_all) {
  return PastChecker(store, past, read_all).Run();
}

void GiveUpLostPast(Metadata& metadata,
                    const std::vector<PastProblem>& problems) {
  for (const PastProblem& problem : problems) {
    if (problem.lost_checkpoint &&
        metadata.checkpoints().contains(*problem.lost_checkpoint)) {
      metadata.DropCheckpoint(*problem.lost_checkpoint);
    }
    if (problem.records_from &&
        *problem.records_from > metadata.records_from()) {
      metadata.set_records_from(*problem.records_from);
    }
  }
}

}  // namespace driveroot
