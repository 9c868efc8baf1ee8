// SPDX-License-Identifier: Apache-2.0
//
// For tests: a volume's life under a random workload, every state that a crash
// at any moment of it leaves, and whether these are right.
#ifndef DRIVEROOT_VOLUME_CRASH_STORY_H_
#define DRIVEROOT_VOLUME_CRASH_STORY_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "driveroot/store/fake/store_history.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/random_changes.h"
#include "driveroot/volume/state_model.h"
#include "driveroot/volume/volume_test_util.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {

struct CrashSetting {
  std::string name;
  VolumeOptions options;
  int mounts = 1;
  int changes = 0;           // in each mount
  uint64_t sync_one_in = 1;  // of so many changes, one is followed by a sync
  uint64_t fail_one_in = 0;  // of so many requests, one fails; 0: none does
  // Of so many changes, one is followed by garbage collection; 0: none is.
  uint64_t collect_one_in = 0;
};

// Everything that happened to a volume, in the store and before it.
class CrashStory {
 public:
  CrashStory(CrashSetting setting, uint64_t seed)
      : setting_(std::move(setting)), changes_(seed, &model_), faults_(seed) {}

  // Makes a volume and changes it in several mounts.
  void Run() {
    Format();
    for (int mount = 0; mount < setting_.mounts; ++mount) {
      const bool last = mount + 1 == setting_.mounts;
      Mount("host" + std::to_string(mount), /*close=*/last || mount % 2 == 0);
      if (testing::Test::HasFatalFailure()) return;
    }
    cuts_ = history_->Cuts();
  }

  const std::vector<StoreCut>& cuts() const { return cuts_; }
  const std::string& name() const { return setting_.name; }
  size_t states() const { return begun_.size(); }
  uint64_t deleted() const { return deleted_; }

  // What is wrong with the volume that the crash left; empty: nothing.
  std::string Check(size_t index) const {
    const StoreCut& cut = cuts_[index];
    const auto store = std::make_shared<StoreHistory>(history_, cut);
    const size_t least = Promised(cut.time);
    const auto found = Mounted(store, std::nullopt, least, cut.time);
    if (!found) return found.error().message();
    if (index % kCopyEvery == 0) {
      // A listing may bring any superblock along that there was.
      const auto superblocks = store->Superblocks();
      if (superblocks.empty()) return "";
      const auto copy = superblocks[index / kCopyEvery % superblocks.size()];
      const auto by_copy = Mounted(store, copy, least, cut.time);
      if (!by_copy) return "by a copy: " + by_copy.error().message();
      if (*by_copy != *found) return "by a copy: another state";
    }
    if (index % kWriteEvery != 0 || *found == kNoVolume) return "";
    return GoOn(store, states_[*found], index % kCutAgainEvery == 0);
  }

 private:
  static constexpr TimeNs kHour = TimeNs{3600} * 1'000'000'000;
  // Going on after a crash costs more than looking, so only each so-many-th cut
  // is mounted for writing, and each so-many-th of these is cut again.
  static constexpr size_t kWriteEvery = 16;
  static constexpr size_t kCutAgainEvery = 64;
  static constexpr size_t kCopyEvery = 8;
  // The state before there is a volume. The next one is that of an empty one.
  static constexpr size_t kNoVolume = 0;

  // That a sync, which returned at `time`, made everything up to `state`
  // durable.
  struct Promise {
    uint64_t time;
    size_t state;
  };

  void Format() {
    AddState(0);
    begun_.push_back(history_->Now());
    HistoryStore store(history_);
    ASSERT_TRUE(Volume::Format(store, {}));
    promises_.push_back({history_->Now(), 1});
    VolumeOptions options = setting_.options;
    options.read_only = true;
    const auto volume =
        Volume::Open(std::make_unique<HistoryStore>(history_), options);
    ASSERT_TRUE(volume) << volume.error();
    model_.CreateInode(kRootInode,
                       (*volume)->Read()->Find(kRootInode)->attributes);
    AddState(model_.fingerprint());
  }

  void AddState(uint64_t fingerprint) {
    index_[fingerprint] = states_.size();
    states_.push_back(fingerprint);
  }

  void Mount(const std::string& host, bool close) {
    VolumeOptions options = setting_.options;
    options.host_name = host;
    options.steal = true;
    options.now = [this] { return clock_.load(); };
    opened_ = false;
    const auto volume = Volume::Open(
        std::make_unique<HistoryStore>(
            history_, [this](const StoreCall& call) { return Rule(call); }),
        options);
    ASSERT_TRUE(volume) << volume.error();
    opened_ = true;
    model_.RemoveOrphans();
    {
      std::jthread syncer(
          [&](const std::stop_token& stop) { SyncWhenAsked(**volume, stop); });
      for (int i = 0; i < setting_.changes; ++i) {
        begun_.push_back(history_->Now());
        ASSERT_TRUE(changes_.Make(**volume));
        AddState(model_.fingerprint());
        accepted_ = states_.size() - 1;
        if (setting_.collect_one_in > 0 &&
            changes_.Below(setting_.collect_one_in) == 0) {
          CollectGarbage(**volume, 3 * kHour);
        }
        if (changes_.Below(setting_.sync_one_in) > 0) continue;
        if (changes_.Below(3) > 0) {
          Sync(**volume);
        } else {
          // While this one goes on making changes.
          ++syncs_wanted_;
        }
      }
    }
    if (close) {
      ASSERT_TRUE((*volume)->Close());
      promises_.push_back({history_->Now(), accepted_});
    } else {
      Sync(**volume);
    }
    const auto fingerprint = Fingerprint(**volume);
    ASSERT_TRUE(fingerprint) << fingerprint.error();
    ASSERT_EQ(*fingerprint, model_.fingerprint()) << "without any crash";
    opened_ = false;
  }

  // Collects what is garbage after a time of rest, with nothing of the past
  // kept.
  void CollectGarbage(Volume& volume, TimeNs rest) {
    clock_ += rest;
    clock_changes_.emplace_back(history_->Now(), clock_);
    const auto collected = volume.CollectGarbage(
        {.retention = {.records = std::chrono::seconds(0), .days = 0}});
    ASSERT_TRUE(collected) << collected.error();
    deleted_ += collected->objects_deleted;
  }

  void Sync(Volume& volume) {
    const size_t state = accepted_;
    ASSERT_TRUE(volume.Sync());
    const std::lock_guard lock(promises_mutex_);
    promises_.push_back({history_->Now(), state});
  }

  void SyncWhenAsked(Volume& volume, const std::stop_token& stop) {
    int done = syncs_wanted_;
    while (!stop.stop_requested()) {
      if (done == syncs_wanted_) {
        usleep(50);
        continue;
      }
      done = syncs_wanted_;
      Sync(volume);
    }
  }

  std::optional<Fault> Rule(const StoreCall& call) {
    const uint64_t chance = Chance();
    // Requests that begin together are under way together, as on a network.
    usleep(call.kind == ObjectKind::kLogRecord ? chance % 300 : 500);
    if (!opened_ || setting_.fail_one_in == 0) return std::nullopt;
    if (chance % setting_.fail_one_in > 0) return std::nullopt;
    return Fault{.lost_response = Chance() % 2 == 0};
  }

  uint64_t Chance() {
    const std::lock_guard lock(promises_mutex_);
    return faults_();
  }

  // The last state that was promised by `time`.
  size_t Promised(uint64_t time) const {
    size_t state = kNoVolume;
    for (const Promise& promise : promises_) {
      if (promise.time < time) state = std::max(state, promise.state);
    }
    return state;
  }

  TimeNs ClockAt(uint64_t time) const {
    TimeNs clock = clock_changes_.front().second;
    for (const auto& [since, reads] : clock_changes_) {
      if (since < time) clock = reads;
    }
    return clock;
  }

  // The number of the state in which a volume is found, which has to be at
  // least `least` and begun by `time`. An error says what is wrong.
  // Opened by a copy of `superblock`, if there is one.
  Result<size_t> Mounted(const std::shared_ptr<StoreHistory>& store,
                         std::optional<std::string> superblock, size_t least,
                         uint64_t time) const {
    VolumeOptions options = setting_.options;
    options.read_only = true;
    options.now = [now = ClockAt(time)] { return now; };
    const auto volume = Volume::Open(
        std::make_unique<HistoryStore>(store, nullptr, std::move(superblock)),
        options);
    size_t found = kNoVolume;
    if (volume) {
      DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t fingerprint,
                                 Fingerprint(**volume));
      const auto state = index_.find(fingerprint);
      if (state == index_.end()) {
        return Fail(ErrorCode::kDataLoss, "a state that never was");
      }
      found = state->second;
    } else if (volume.error().code() != ErrorCode::kNotFound) {
      return std::unexpected(volume.error());
    }
    if (found < least) {
      return Fail(ErrorCode::kDataLoss,
                  "state " + std::to_string(found) + " though state " +
                      std::to_string(least) + " was durable");
    }
    if (found > kNoVolume && begun_[found - 1] > time) {
      return Fail(ErrorCode::kDataLoss, "a state of the future");
    }
    return found;
  }

  // Mounts for writing, changes something and looks again.
  std::string GoOn(const std::shared_ptr<StoreHistory>& store, uint64_t before,
                   bool cut_again) const {
    uint64_t after = 0;
    {
      VolumeOptions options = setting_.options;
      options.steal = true;
      const auto volume =
          Volume::Open(std::make_unique<HistoryStore>(store), options);
      if (!volume) return "for writing: " + volume.error().message();
      if (Fingerprint(**volume).value_or(0) != before) {
        return "another state when mounted for writing";
      }
      if (!PutFile(**volume, "written afterwards", Noise(3000, 1))) {
        return "cannot be written to";
      }
      const auto fingerprint = Fingerprint(**volume);
      if (!fingerprint) return fingerprint.error().message();
      after = *fingerprint;
      if (const Status synced = (*volume)->Sync(); !synced) {
        return "cannot be synced: " + synced.error().message();
      }
    }
    HistoryStore left(store);
    const auto report = CheckVolume(left, CheckOptions());
    if (!report) return "fsck: " + report.error().message();
    if (!report->problems.empty()) return "fsck: " + report->problems.front();
    if (!cut_again) return Expect(store, after, after);
    for (const StoreCut& cut : store->Cuts()) {
      std::string problem =
          Expect(std::make_shared<StoreHistory>(store, cut), before, after);
      if (!problem.empty()) return "a second crash: " + problem;
    }
    return "";
  }

  std::string Expect(const std::shared_ptr<StoreHistory>& store, uint64_t state,
                     uint64_t or_state) const {
    VolumeOptions options = setting_.options;
    options.read_only = true;
    const auto volume =
        Volume::Open(std::make_unique<HistoryStore>(store), options);
    if (!volume) return volume.error().message();
    const auto fingerprint = Fingerprint(**volume);
    if (!fingerprint) return fingerprint.error().message();
    if (*fingerprint == state || *fingerprint == or_state) return "";
    return "what was written after the crash is not there";
  }

  const CrashSetting setting_;
  const std::shared_ptr<StoreHistory> history_ =
      std::make_shared<StoreHistory>();
  StateModel model_;
  RandomChanges changes_;
  std::vector<StoreCut> cuts_;

  std::vector<uint64_t> states_;                // fingerprints
  std::unordered_map<uint64_t, size_t> index_;  // of a fingerprint
  // When the change to the state after each one began.
  std::vector<uint64_t> begun_;
  std::atomic<size_t> accepted_ = kNoVolume + 1;  // the last state that is done
  std::atomic<int> syncs_wanted_ = 0;
  std::atomic<bool> opened_ = false;
  std::atomic<TimeNs> clock_ = NowNs();
  // What it read from each moment on.
  std::vector<std::pair<uint64_t, TimeNs>> clock_changes_ = {{0, clock_}};
  uint64_t deleted_ = 0;  // objects, as garbage

  std::mutex promises_mutex_;  // guards what is below
  std::vector<Promise> promises_;
  std::mt19937_64 faults_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CRASH_STORY_H_
