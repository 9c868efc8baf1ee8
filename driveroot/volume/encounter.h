// SPDX-License-Identifier: Apache-2.0
//
// For tests: two writers of one volume, whose requests are made in an order
// that the test chooses. Each writer runs its program in a thread of its own
// and stops at each request that changes the store, until the test lets it make
// that request and go on to the next one.
#ifndef DRIVEROOT_VOLUME_ENCOUNTER_H_
#define DRIVEROOT_VOLUME_ENCOUNTER_H_

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/volume/volume_test_util.h"

namespace driveroot {

enum WriterIndex : size_t { kFirst = 0, kSecond = 1 };

// Where the writers' requests wait for their turn.
class Gate {
 public:
  // Returns when it is the turn of a request of `writer`.
  void Enter(WriterIndex writer) {
    std::unique_lock lock(mutex_);
    Side& side = sides_[writer];
    ++side.waiting;
    changed_.notify_all();
    changed_.wait(lock, [&] { return side.turns > 0; });
    --side.turns;
    --side.waiting;
    ++side.running;
  }

  void Leave(WriterIndex writer) {
    const std::lock_guard lock(mutex_);
    --sides_[writer].running;
    changed_.notify_all();
  }

  // The writer makes no more requests.
  void Finish(WriterIndex writer) {
    const std::lock_guard lock(mutex_);
    sides_[writer].finished = true;
    changed_.notify_all();
  }

  // Lets `writer` make one request and whatever it does up to the next one.
  // False when it has finished.
  bool Step(WriterIndex writer) {
    std::unique_lock lock(mutex_);
    Side& side = sides_[writer];
    const auto stopped = [&] {
      return side.turns == 0 && side.running == 0 &&
             (side.waiting > 0 || side.finished);
    };
    changed_.wait(lock, stopped);
    if (side.waiting == 0) return false;
    ++side.turns;
    changed_.notify_all();
    changed_.wait(lock, stopped);
    return true;
  }

 private:
  struct Side {
    int waiting = 0;
    int turns = 0;
    int running = 0;
    bool finished = false;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  Side sides_[2];
};

// One encounter: a volume, its two writers and what they were told.
class Encounter {
 public:
  // `lose`: the answer to this request of that writer is lost.
  struct Loss {
    WriterIndex writer = kFirst;
    int request = 0;  // from 1 on; 0: none is lost
  };

  explicit Encounter(Loss loss) : loss_(loss) {}

  // What a writer does, between its requests.
  class Writer {
   public:
    Writer(Encounter* run, WriterIndex index)
        : run_(*run),
          index_(index),
          name_(index == kFirst ? "first" : "second") {}

    const std::string& name() const { return name_; }
    bool fenced() const { return fenced_; }

    // Opens the volume and takes it over, as often as needed.
    void Open() {
      for (int attempt = 0; attempt < 10; ++attempt) {
        VolumeOptions options = TestOptions();
        options.host_name = name_;
        options.boot_id = "boot of " + name_;
        options.max_inline_bytes = 1000;
        options.steal = true;
        volume_.reset();
        fenced_ = false;
        auto volume = Volume::Open(run_.MakeStore(index_), options);
        if (volume) {
          volume_ = *std::move(volume);
          return;
        }
        // Another writer was faster, or the answer was lost.
        EXPECT_TRUE(volume.error().code() == ErrorCode::kBusy ||
                    volume.error().code() == ErrorCode::kUnavailable)
            << volume.error();
      }
      ADD_FAILURE() << name_ << " never gets in";
    }

    // Writes a file and syncs it.
    void Put(const std::string& name, size_t size) {
      const std::string bytes = Noise(size, 1 + static_cast<uint32_t>(index_));
      Status status = PutFile(*volume_, name, bytes);
      if (status) status = volume_->Sync();
      Note(status, name, bytes);
    }

    void Close() { Note(volume_->Close(), "", ""); }

    // Before its first request, so that all it does waits for a turn.
    void WaitForTurn() {
      run_.gate_.Enter(index_);
      run_.gate_.Leave(index_);
    }

   private:
    void Note(const Status& status, const std::string& name,
              const std::string& bytes) {
      if (status) {
        EXPECT_FALSE(fenced_) << name_ << " goes on after it was fenced";
        if (!name.empty()) run_.AddDurable(name, bytes);
        return;
      }
      EXPECT_EQ(status.error().code(), ErrorCode::kFenced) << status.error();
      EXPECT_TRUE(volume_->GetStatus().fenced);
      EXPECT_EQ(volume_->Write().error().code(), ErrorCode::kFenced);
      fenced_ = true;
    }

    Encounter& run_;
    const WriterIndex index_;
    const std::string name_;
    std::unique_ptr<Volume> volume_;
    bool fenced_ = false;
  };

  // Runs two programs in the order that `schedule` says, each true for a step
  // of the second, and then to their ends. Returns how many steps each took.
  std::pair<int, int> Play(const std::vector<bool>& schedule,
                           const std::function<void(Writer&)>& first,
                           const std::function<void(Writer&)>& second) {
    std::pair<int, int> steps;
    {
      const std::jthread first_thread([&] { Perform(kFirst, first); });
      const std::jthread second_thread([&] { Perform(kSecond, second); });
      for (const bool is_second : schedule) {
        if (gate_.Step(is_second ? kSecond : kFirst)) {
          ++(is_second ? steps.second : steps.first);
        }
      }
      while (gate_.Step(kFirst)) ++steps.first;
      while (gate_.Step(kSecond)) ++steps.second;
    }
    return steps;
  }

  // How often the log goes on with a record of the other writer.
  size_t Takeovers() const {
    const std::lock_guard lock(mutex_);
    size_t takeovers = 0;
    for (size_t i = 1; i < order_.size(); ++i) {
      if (order_[i] != order_[i - 1]) ++takeovers;
    }
    return takeovers;
  }

  // Expects exactly what was promised.
  void ExpectDurable() {
    VolumeOptions options = TestOptions();
    options.read_only = true;
    const auto volume = OpenOn(account_, options);
    ASSERT_TRUE(volume) << volume.error();
    const auto files = GetFiles(**volume);
    ASSERT_TRUE(files) << files.error();
    std::string names;
    for (const auto& [name, bytes] : *files) names += name + " ";
    const std::lock_guard lock(mutex_);
    std::string durable;
    for (const auto& [name, bytes] : durable_) durable += name + " ";
    EXPECT_EQ(names, durable);
    EXPECT_TRUE(*files == durable_);
  }

 private:
  class GatedStore : public FaultyObjectStore {
   public:
    GatedStore(Encounter* run, WriterIndex writer,
               std::unique_ptr<ObjectStore> store)
        : FaultyObjectStore(std::move(store),
                            [run, writer](const StoreCall& call) {
                              return run->Rule(writer, call);
                            }),
          run_(*run),
          writer_(writer) {}

    Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                  std::string_view bytes) override {
      return InTurn([&] {
        const bool was_there = run_.Exists(id);
        Status status = FaultyObjectStore::Create(id, kind, name, bytes);
        if (kind == ObjectKind::kLogRecord && !was_there && run_.Exists(id)) {
          run_.NoteRecord(writer_);
        }
        return status;
      });
    }
    Status Remove(const ObjectId& id) override {
      return InTurn([&] { return FaultyObjectStore::Remove(id); });
    }
    Status WriteSuperblock(std::string_view bytes) override {
      return InTurn([&] { return FaultyObjectStore::WriteSuperblock(bytes); });
    }
    Status CreateSuperblock(std::string_view bytes) override {
      return InTurn([&] { return FaultyObjectStore::CreateSuperblock(bytes); });
    }

   private:
    template <typename Call>
    Status InTurn(const Call& call) {
      run_.gate_.Enter(writer_);
      Status status = call();
      run_.gate_.Leave(writer_);
      return status;
    }

    Encounter& run_;
    const WriterIndex writer_;
  };

  std::unique_ptr<ObjectStore> MakeStore(WriterIndex writer) {
    return std::make_unique<GatedStore>(
        this, writer, std::make_unique<FakeObjectStore>(account_));
  }

  void Perform(WriterIndex index, const std::function<void(Writer&)>& program) {
    {
      Writer writer(this, index);
      writer.WaitForTurn();
      program(writer);
    }
    gate_.Finish(index);
  }

  std::optional<Fault> Rule(WriterIndex writer, const StoreCall& call) {
    if (!call.IsWrite() || writer != loss_.writer) return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (++requests_ != loss_.request) return std::nullopt;
    return Fault{.lost_response = true};
  }

  bool Exists(const ObjectId& id) const {
    const std::lock_guard lock(account_->mutex);
    return account_->objects.contains(id);
  }

  void NoteRecord(WriterIndex writer) {
    const std::lock_guard lock(mutex_);
    order_.push_back(writer);
  }

  void AddDurable(const std::string& name, const std::string& bytes) {
    const std::lock_guard lock(mutex_);
    durable_[name] = bytes;
  }

  const Loss loss_;
  const std::shared_ptr<FakeAccount> account_ = FormattedAccount();
  Gate gate_;

  mutable std::mutex mutex_;        // guards what is below
  int requests_ = 0;                // of loss_.writer, so far
  std::vector<WriterIndex> order_;  // of who appended each record
  Files durable_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_ENCOUNTER_H_
