// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/check.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/metadata.h"
#include "driveroot/volume/past_check.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/segment.h"
#include "driveroot/volume/tree_check.h"

namespace driveroot {
namespace {

// Whoever has more than this many problems needs no list of all of them.
constexpr size_t kMaxProblems = 1000;

// What is read at once.
constexpr uint64_t kReadBytes = 8 << 20;

std::string Named(std::string_view what, uint64_t number) {
  return std::string(what) + " " + std::to_string(number);
}

// Whether an object is not there, perhaps as a store says that knows it was.
bool IsGone(const Error& error) {
  return error.code() == ErrorCode::kNotFound ||
         error.code() == ErrorCode::kDataLoss;
}

std::string GoneText(const ObjectId& id, const Error& error) {
  return "object " + id +
         (error.code() == ErrorCode::kNotFound ? " is missing"
                                               : ": " + error.message());
}

class Checker {
 public:
  Checker(ObjectStore& store, const CheckOptions& options)
      : store_(store), options_(options) {}

  Result<CheckReport> Run() {
    const Result<RecoveredLog> log = Recover(store_, metadata_);
    if (!log && log.error().code() != ErrorCode::kDataLoss) {
      return std::unexpected(log.error());
    }
    if (!log) {
      // Without metadata there is nothing more to look at.
      Report(log.error().message());
      return report_;
    }
    report_.records = log->records;
    for (const std::string& note : log->notes) {
      if (log->is_detour && &note == &log->notes.back()) {
        Report(note);
      } else {
        Note(note);
      }
    }
    report_.data_bytes = metadata_.data_bytes();
    tree_ = CheckTree(metadata_);
    report_.inodes = tree_.inodes;
    report_.directories = tree_.directories;
    report_.orphans = tree_.orphans;
    for (const TreeProblem& problem : tree_.problems) Report(problem.text);
    // Whatever else keeps it from being opened.
    if (const Status names = metadata_.CheckNames();
        !names && tree_.problems.empty()) {
      Report(names.error().message());
    }
    DRIVEROOT_RETURN_IF_ERROR(CheckListed());
    DRIVEROOT_RETURN_IF_ERROR(CheckObjects());
    DRIVEROOT_RETURN_IF_ERROR(CheckPastData());
    DRIVEROOT_ASSIGN_OR_RETURN(
        const std::vector<PastProblem> past,
        CheckPast(store_, KeptPast(metadata_), options_.verify_data));
    for (const PastProblem& problem : past) {
      Report(problem.text);
      if (!problem.lost_checkpoint) continue;
      absent_.insert(metadata_.checkpoints().at(*problem.lost_checkpoint).id);
    }
    NameDamagedFiles();
    NoteWhatIsElsewhere();
    DRIVEROOT_RETURN_IF_ERROR(CheckReadme());
    return report_;
  }

 private:
  void Note(std::string note) {
    if (report_.notes.size() < kMaxProblems) {
      report_.notes.push_back(std::move(note));
    }
  }

  void Report(std::string problem) {
    if (report_.problems.size() < kMaxProblems) {
      report_.problems.push_back(std::move(problem));
    } else {
      ++report_.more_problems;
    }
  }

  // What lies on the store, and what of it nothing refers to.
  Status CheckListed() {
    std::unordered_set<ObjectId> known;
    for (const ObjectNumber number : metadata_.AllObjects()) {
      known.insert(metadata_.FindObject(number)->id);
    }
    for (const auto& [number, object] : metadata_.dead_objects()) {
      known.insert(object.id);
    }
    for (const auto& [sequence, checkpoint] : metadata_.checkpoints()) {
      known.insert(checkpoint.id);
    }
    for (const ObjectKind kind : {ObjectKind::kLogRecord, ObjectKind::kSegment,
                                  ObjectKind::kCheckpoint}) {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> list,
                                 store_.List(kind));
      for (const ObjectInfo& info : list) {
        listed_[info.id] = info.size;
        const auto number = ParseObjectName(info.name);
        const bool is_log = kind == ObjectKind::kLogRecord && number &&
                            *number > metadata_.records_from();
        if (is_log || known.contains(info.id)) continue;
        ++report_.unreferenced_objects;
        report_.unreferenced_bytes += info.size;
      }
    }
    return {};
  }

  Status CheckObjects() {
    uint64_t total = 0;
    for (const ObjectNumber number : metadata_.AllObjects()) {
      total += metadata_.FindObject(number)->live_bytes;
    }
    uint64_t done = 0;
    for (const ObjectNumber number : metadata_.AllObjects()) {
      const StoredObject& object = *metadata_.FindObject(number);
      if (object.frames == 0) continue;
      ++report_.objects;
      report_.frames += object.frames;
      DRIVEROOT_RETURN_IF_ERROR(options_.verify_data
                                    ? CheckFrames(number, object)
                                    : CheckPresence(number, object));
      done += object.live_bytes;
      if (options_.progress != nullptr) {
        options_.progress(
            {.what = "checking data", .done = done, .total = total});
      }
    }
    return {};
  }

  // Why an object that should have `size` bytes has not; empty when it has.
  // The list may lag behind, so what is not in it is looked at.
  Result<std::string> WhyAbsent(const ObjectId& id, uint64_t size) {
    const auto listed = listed_.find(id);
    if (listed != listed_.end() && listed->second >= size) return "";
    const Result<std::string> last = store_.Read(id, size - 1, 1);
    if (last) {
      return last->empty() ? "object " + id + " is shorter than it was" : "";
    }
    absent_.insert(id);
    if (IsGone(last.error())) return GoneText(id, last.error());
    return std::unexpected(
        last.error().WithContext("cannot read object " + id));
  }

  Status CheckPresence(ObjectNumber number, const StoredObject& object) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string why,
                               WhyAbsent(object.id, object.size));
    if (why.empty()) return {};
    for (const StoredFrame& frame : metadata_.FramesOf(number)) {
      damaged_[frame.number] = why;
    }
    return {};
  }

  // Data that only past states need.
  Status CheckPastData() {
    for (const auto& [number, object] : metadata_.dead_objects()) {
      DRIVEROOT_ASSIGN_OR_RETURN(const std::string why,
                                 WhyAbsent(object.id, object.size));
      // Deleted already, but not yet forgotten, when nothing needs it.
      if (why.empty() || object.since <= metadata_.records_from()) continue;
      Report(why + ", which past states need");
    }
    return {};
  }

  Status CheckFrames(ObjectNumber number, const StoredObject& object) {
    const std::vector<StoredFrame> frames = metadata_.FramesOf(number);
    for (size_t first = 0; first < frames.size();) {
      const uint64_t begin = frames[first].object_offset;
      uint64_t end = begin;
      size_t last = first;
      while (
          last < frames.size() &&
          (last == first || frames[last].object_offset - begin < kReadBytes)) {
        end = std::max(end,
                       frames[last].object_offset + frames[last].stored_length);
        ++last;
      }
      const Result<std::string> bytes =
          store_.Read(object.id, begin, end - begin);
      if (!bytes && !IsGone(bytes.error())) {
        return std::unexpected(
            bytes.error().WithContext("cannot read object " + object.id));
      }
      if (bytes) report_.bytes_read += bytes->size();
      for (; first < last; ++first) {
        if (bytes) {
          CheckFrame(object, frames[first], *bytes,
                     frames[first].object_offset - begin);
        } else {
          absent_.insert(object.id);
          damaged_[frames[first].number] = GoneText(object.id, bytes.error());
        }
      }
    }
    return {};
  }

  void CheckFrame(const StoredObject& object, const StoredFrame& frame,
                  std::string_view bytes, uint64_t offset) {
    const std::string_view stored =
        offset > bytes.size() ? std::string_view()
                              : bytes.substr(offset, frame.stored_length);
    Result<std::string> raw = DecodeFrame(stored, frame.raw_length, frame.hash);
    if (raw) return;
    // Perhaps only the way here damaged it.
    const Result<std::string> again =
        store_.Read(object.id, frame.object_offset, frame.stored_length);
    if (again) raw = DecodeFrame(*again, frame.raw_length, frame.hash);
    if (raw) return;
    damaged_[frame.number] =
        "object " + object.id + ", " + Named("frame", frame.number) + " at " +
        Named("byte", frame.object_offset) + ": " + raw.error().message();
  }

  // What is readable and in none of the volume's folders. Google empties the
  // trash after 30 days.
  void NoteWhatIsElsewhere() {
    std::set<ObjectId> wanted;
    for (const ObjectNumber number : metadata_.AllObjects()) {
      const StoredObject& object = *metadata_.FindObject(number);
      if (object.frames > 0) wanted.insert(object.id);
    }
    for (const auto& [sequence, kept] : metadata_.checkpoints()) {
      wanted.insert(kept.id);
    }
    for (const ObjectId& id : wanted) {
      if (listed_.contains(id) || absent_.contains(id)) continue;
      Note("object " + id +
           " is there, but not listed in the volume's folder: perhaps it was "
           "moved, or lies in Drive's trash, which is emptied after 30 days; "
           "move it back");
    }
  }

  // For people only.
  Status CheckReadme() {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> readme,
                               store_.List(ObjectKind::kReadme));
    if (readme.empty()) Note("README.txt is missing; --repair writes it anew");
    return {};
  }

  // One problem for each file and reason.
  void NameDamagedFiles() {
    if (damaged_.empty()) return;
    for (const InodeNumber number : metadata_.AllInodes()) {
      const Inode& inode = *metadata_.Find(number);
      if (!S_ISREG(inode.attributes.mode)) continue;
      std::string_view last;
      for (const Extent& extent : inode.extents().all()) {
        const auto damaged = damaged_.find(extent.frame);
        if (damaged == damaged_.end() || damaged->second == last) continue;
        last = damaged->second;
        Report(PathOf(tree_, number) + " from " + Named("byte", extent.offset) +
               " on: " + damaged->second);
      }
    }
  }

  ObjectStore& store_;
  const CheckOptions& options_;
  Metadata metadata_;
  CheckReport report_;
  TreeReport tree_;
  std::map<ObjectId, uint64_t> listed_;         // sizes
  std::set<ObjectId> absent_;                   // not there, or damaged
  std::map<FrameNumber, std::string> damaged_;  // why
};

}  // namespace

Result<CheckReport> CheckVolume(ObjectStore& store,
                                const CheckOptions& options) {
  return Checker(store, options).Run();
}

}  // namespace driveroot
