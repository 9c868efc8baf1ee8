// SPDX-License-Identifier: Apache-2.0
//
// Garbage collection: it gives space back, and nothing that anybody may still
// need, wherever it is cut off.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "driveroot/volume/check.h"
#include "driveroot/volume/history.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

constexpr TimeNs kSecond = 1'000'000'000;
constexpr TimeNs kHour = 3600 * kSecond;

// A volume whose clock the test sets.
class GarbageTest : public testing::Test {
 protected:
  VolumeOptions Options() {
    VolumeOptions options = TestOptions();
    options.max_inline_bytes = 20'000;
    options.segment_bytes = 400'000;
    options.commit_bytes = 2 << 20;
    options.wait_for_network = false;
    options.now = [this] { return now_.load(); };
    return options;
  }

  std::unique_ptr<Volume> Open(const std::shared_ptr<FakeAccount>& account,
                               const FaultyObjectStore::Rule& rule = nullptr) {
    auto volume = OpenOn(account, Options(), rule);
    EXPECT_TRUE(volume) << volume.error();
    return *std::move(volume);
  }

  static GarbageOptions KeepNothing() {
    return {.retention = {.records = std::chrono::seconds(0), .days = 0}};
  }

  // Files of which most are overwritten or deleted again, some records with
  // their data, and the state after each record.
  void MakeGarbage(Volume& volume, int rounds) {
    std::mt19937 random(7);
    for (int i = 0; i < rounds; ++i) {
      const std::string name = "f" + std::to_string(random() % 8);
      if (random() % 6 == 0 && files_.erase(name) > 0) {
        ASSERT_TRUE(RemoveFile(volume, name));
      } else {
        files_[name] = Noise(random() % 3 == 0 ? 300'000 : 5000, random());
        ASSERT_TRUE(PutFile(volume, name, files_[name]));
      }
      if (i % 3 == 0) {
        ASSERT_TRUE(volume.Sync());
        states_[volume.GetStatus().last_durable_record] = files_;
      }
    }
    ASSERT_TRUE(volume.Sync());
    states_[volume.GetStatus().last_durable_record] = files_;
  }

  static uint64_t BytesOn(const FakeAccount& account) {
    uint64_t bytes = 0;
    for (const auto& [id, object] : account.objects) {
      bytes += object.bytes.size();
    }
    return bytes;
  }

  static void ExpectInOrder(const std::shared_ptr<FakeAccount>& account,
                            const std::string& where) {
    FakeObjectStore store(account);
    const auto report =
        CheckVolume(store, {.verify_data = true, .progress = nullptr});
    ASSERT_TRUE(report) << where << ": " << report.error();
    EXPECT_TRUE(report->problems.empty())
        << where << ": " << report->problems.front();
  }

  std::atomic<TimeNs> now_ = 1000 * 24 * kHour;
  Files files_;
  std::map<uint64_t, Files> states_;
};

TEST_F(GarbageTest, WithoutHistoryOnlyTheLiveRestStays) {
  const auto account = FormattedAccount();
  auto volume = Open(account);
  MakeGarbage(*volume, 120);
  const uint64_t before = BytesOn(*account);
  now_ += 3 * kHour;
  const auto report = volume->CollectGarbage(KeepNothing());
  ASSERT_TRUE(report) << report.error();
  EXPECT_GT(report->objects_deleted, 10u);
  EXPECT_EQ(report->past_bytes, 0u);
  EXPECT_LE(static_cast<double>(report->present_bytes),
            1.3 * static_cast<double>(report->live_bytes));
  EXPECT_TRUE(GetFiles(*volume).value_or(Files()) == files_);
  ASSERT_TRUE(volume->Close());
  ExpectInOrder(account, "after gc");
  // The records of the first collection are an hour old by now, as is the time
  // that a writer may have been away.
  now_ += 3 * kHour;
  volume = Open(account);
  ASSERT_TRUE(volume->CollectGarbage(KeepNothing()));
  ASSERT_TRUE(volume->Close());
  ExpectInOrder(account, "after the second gc");
  uint64_t live = 0;
  for (const auto& [name, bytes] : files_) live += bytes.size();
  EXPECT_LT(before, BytesOn(*account) * 100);
  EXPECT_LE(static_cast<double>(BytesOn(*account)),
            1.3 * static_cast<double>(live) + 30'000);
  volume = Open(account);
  EXPECT_TRUE(GetFiles(*volume).value_or(Files()) == files_);
}

TEST_F(GarbageTest, NothingThatAKeptStateNeedsIsTouched) {
  const auto account = FormattedAccount();
  auto volume = Open(account);
  MakeGarbage(*volume, 90);
  const auto report = volume->CollectGarbage({});
  ASSERT_TRUE(report) << report.error();
  EXPECT_GT(report->frames_moved + report->bytes_rewritten, 0u);
  EXPECT_GT(report->past_bytes, 0u);
  ASSERT_TRUE(volume->Close());
  for (const auto& [record, files] : states_) {
    VolumeOptions options = Options();
    options.at = AtRecord{record};
    const auto past = OpenOn(account, options);
    ASSERT_TRUE(past) << past.error();
    EXPECT_TRUE(GetFiles(**past).value_or(Files()) == files) << record;
  }
}

TEST_F(GarbageTest, OldCheckpointsStayWithoutWhatCameBetween) {
  const auto account = FormattedAccount();
  std::map<uint64_t, Files> closed;
  // Twenty days, with two checkpoints each.
  for (int i = 0; i < 40; ++i) {
    auto volume = Open(account);
    MakeGarbage(*volume, 12);
    const auto report = volume->CollectGarbage({});
    ASSERT_TRUE(report) << report.error();
    ASSERT_TRUE(volume->Close());
    closed[volume->GetStatus().checkpoint_record] = files_;
    now_ += 12 * kHour;
  }
  FakeObjectStore store(account);
  const auto history = ReadHistory(store, /*all=*/true, 0);
  ASSERT_TRUE(history) << history.error();
  // The last day's, and one of each day of the week before.
  EXPECT_GE(history->checkpoints.size(), 8u);
  EXPECT_LE(history->checkpoints.size(), 14u);
  int opened = 0;
  for (const KeptCheckpoint& checkpoint : history->checkpoints) {
    VolumeOptions options = Options();
    options.at = AtRecord{checkpoint.sequence};
    const auto past = OpenOn(account, options);
    ASSERT_TRUE(past) << past.error();
    const auto files = GetFiles(**past);
    ASSERT_TRUE(files) << files.error();
    if (!closed.contains(checkpoint.sequence)) continue;
    EXPECT_TRUE(*files == closed[checkpoint.sequence]);
    ++opened;
  }
  EXPECT_GE(opened, 7);
  VolumeOptions options = Options();
  options.at = AtRecord{history->checkpoints.front().sequence + 1};
  const auto between = OpenOn(account, options);
  ASSERT_FALSE(between);
  EXPECT_EQ(between.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(between.error().message().find("not kept"), std::string::npos);
  ExpectInOrder(account, "after twenty days");
}

TEST_F(GarbageTest, EveryCrashLeavesTheFilesAndNoLitter) {
  const auto start = FormattedAccount();
  {
    const auto volume = Open(start);
    MakeGarbage(*volume, 60);
    ASSERT_TRUE(volume->Close());
  }
  now_ += 3 * kHour;
  const auto finish = [&](const std::shared_ptr<FakeAccount>& account) {
    // Two rounds: what one makes superfluous, its own record among it, the next
    // one deletes.
    for (int i = 0; i < 2; ++i) {
      auto volume = Open(account);
      EXPECT_TRUE(GetFiles(*volume).value_or(Files()) == files_);
      EXPECT_TRUE(volume->CollectGarbage(KeepNothing()));
      EXPECT_TRUE(volume->Close());
      now_ += 3 * kHour;
    }
    return BytesOn(*account);
  };
  const uint64_t clean = finish(std::make_shared<FakeAccount>(*start)) + 20'000;
  int points = 0;
  for (const bool lost_response : {false, true}) {
    bool cut = true;
    for (size_t last = 0; cut; ++last) {
      const auto account = std::make_shared<FakeAccount>(*start);
      cut = false;
      {
        std::atomic<size_t> seen = 0;
        std::atomic<bool> down = false;
        const auto volume =
            OpenOn(account, Options(),
                   [&](const StoreCall& call) -> std::optional<Fault> {
                     if (down) return Fault();
                     if (!call.IsWrite() || ++seen <= last) return std::nullopt;
                     down = true;
                     return Fault{.lost_response = lost_response};
                   });
        if (volume) (void)(*volume)->CollectGarbage(KeepNothing());
        cut = down;
      }
      if (!cut) break;
      ++points;
      const std::string where = "write " + std::to_string(last);
      ExpectInOrder(account, where);
      EXPECT_LE(finish(account), clean) << where;
      ExpectInOrder(account, where);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(points, 60);
}

TEST_F(GarbageTest, AReaderFromBeforeFindsItsData) {
  const auto account = FormattedAccount();
  auto volume = Open(account);
  MakeGarbage(*volume, 60);
  VolumeOptions options = Options();
  options.read_only = true;
  const auto reader = OpenOn(account, options);
  ASSERT_TRUE(reader) << reader.error();
  // In the same process, too: what was looked up before the move.
  std::vector<StoredPiece> pieces;
  std::string bytes;
  {
    const Volume::ReadLock lock = volume->Read();
    const Directory& root = lock->Find(kRootInode)->directory();
    for (const auto* entry = root.After(0); entry != nullptr;
         entry = root.After(entry->cookie)) {
      std::string part(lock->Find(entry->inode)->attributes.size, '\0');
      for (StoredPiece piece : lock->ReadData(entry->inode, 0, part)) {
        piece.destination += bytes.size();
        pieces.push_back(piece);
      }
      bytes += part;
    }
  }
  ASSERT_FALSE(pieces.empty());
  GarbageOptions garbage;
  garbage.max_size_to_live = 1;
  garbage.compact_above = 1;
  const auto report = volume->CollectGarbage(garbage);
  ASSERT_TRUE(report) << report.error();
  EXPECT_GT(report->frames_moved, 0u);
  EXPECT_TRUE(GetFiles(**reader).value_or(Files()) == files_);
  EXPECT_TRUE(volume->ReadStored(pieces, bytes));
}

TEST_F(GarbageTest, AWriterThatWasOvertakenDeletesNothing) {
  const auto account = FormattedAccount();
  // Listed, but another writer takes over before anything is deleted.
  std::atomic<bool> armed = false;
  std::unique_ptr<Volume> other;
  std::atomic<int> removed = 0;
  const auto volume = OpenOn(
      account, Options(), [&](const StoreCall& call) -> std::optional<Fault> {
        if (call.method == StoreCall::Method::kRemove) ++removed;
        if (armed && call.method == StoreCall::Method::kList &&
            call.kind == ObjectKind::kCheckpoint) {
          VolumeOptions options = Options();
          options.steal = true;
          other = OpenOn(account, options).value();
          EXPECT_TRUE(PutFile(*other, "other", Noise(500'000, 99)));
          EXPECT_TRUE(other->Sync());
          armed = false;
        }
        return std::nullopt;
      });
  ASSERT_TRUE(volume) << volume.error();
  MakeGarbage(**volume, 60);
  now_ += 3 * kHour;
  armed = true;
  GarbageOptions options = KeepNothing();
  options.compact = false;
  options.checkpoint = false;
  const auto report = (*volume)->CollectGarbage(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(removed, 0);
  files_["other"] = Noise(500'000, 99);
  EXPECT_TRUE(GetFiles(*other).value_or(Files()) == files_);
}

TEST_F(GarbageTest, CompactionMovesInTheOrderAskedFor) {
  const auto account = FormattedAccount();
  const auto volume = Open(account);
  for (int i = 0; i < 6; ++i) {
    files_["f" + std::to_string(i)] = Noise(100'000, i);
    ASSERT_TRUE(PutFile(*volume, "f" + std::to_string(i), Noise(100'000, i)));
    ASSERT_TRUE(volume->Sync());
  }
  // Two files with the same bytes share them afterwards, too.
  files_["same"] = Noise(100'000, 3);
  ASSERT_TRUE(PutFile(*volume, "same", files_["same"]));
  ASSERT_TRUE(volume->Sync());
  std::vector<FrameNumber> order;
  const auto frame_of = [&](const std::string& name) {
    const Volume::ReadLock lock = volume->Read();
    const InodeNumber file = lock->Lookup(kRootInode, name);
    return lock->Find(file)->extents().all().front().frame;
  };
  for (const int i : {3, 0, 5}) {
    order.push_back(frame_of("f" + std::to_string(i)));
  }
  const auto moved = volume->Compact(order);
  ASSERT_TRUE(moved) << moved.error();
  EXPECT_EQ(moved->segments, 1u);
  EXPECT_EQ(moved->frames, 4u);
  {
    const Volume::ReadLock lock = volume->Read();
    const auto first = lock->FindFrame(order[0]);
    EXPECT_EQ(lock->FindFrame(frame_of("same"))->object, first->object);
    uint64_t offset = 0;
    for (const FrameNumber number : order) {
      EXPECT_EQ(lock->FindFrame(number)->object, first->object);
      EXPECT_GT(lock->FindFrame(number)->object_offset, offset);
      offset = lock->FindFrame(number)->object_offset;
    }
  }
  ASSERT_TRUE(volume->Close());
  const auto again = Open(account);
  EXPECT_TRUE(GetFiles(*again).value_or(Files()) == files_);
}

TEST_F(GarbageTest, DamagedDataStaysWhereItIs) {
  const auto account = FormattedAccount();
  const auto volume = Open(account);
  MakeGarbage(*volume, 60);
  const ObjectId id = account->Ids(ObjectKind::kSegment).back();
  account->objects[id].bytes[100'000] ^= 1;
  now_ += 3 * kHour;
  GarbageOptions options = KeepNothing();
  options.max_size_to_live = 1;
  options.compact_above = 1;
  ASSERT_TRUE(volume->CollectGarbage(options));
  size_t readable = 0;
  for (const auto& [name, bytes] : files_) {
    const auto read = GetFile(*volume, name);
    if (read) EXPECT_TRUE(*read == bytes);
    readable += read.has_value() ? 1 : 0;
  }
  EXPECT_GE(readable, files_.size() - 1);
  EXPECT_TRUE(account->objects.contains(id) || readable == files_.size());
}

TEST_F(GarbageTest, AnIdleVolumeCollectsByItself) {
  const auto account = FormattedAccount();
  {
    const auto volume = Open(account);
    files_["f"] = Noise(20 << 20, 1);
    ASSERT_TRUE(PutFile(*volume, "f", files_["f"]));
    ASSERT_TRUE(volume->Sync());
    // Every second piece is overwritten.
    for (uint64_t offset = 0; offset < files_["f"].size(); offset += 262'144) {
      auto lock = volume->Write();
      ASSERT_TRUE(lock);
      const std::string piece = Noise(131'072, offset + 1);
      (*lock)->WriteData((*lock)->Lookup(kRootInode, "f"), offset, piece);
      files_["f"].replace(offset, piece.size(), piece);
    }
    ASSERT_TRUE(volume->Close());
  }
  VolumeOptions options = Options();
  options.garbage_interval = std::chrono::milliseconds(1);
  const auto volume = OpenOn(account, options);
  ASSERT_TRUE(volume) << volume.error();
  while ((*volume)->GetStatus().garbage_bytes_written == 0) {
    std::this_thread::yield();
  }
  ASSERT_TRUE((*volume)->Close());
  const VolumeStatus status = (*volume)->GetStatus();
  EXPECT_LE(static_cast<double>(status.present_bytes),
            1.31 * static_cast<double>(status.live_bytes));
  EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == files_);
  ExpectInOrder(account, "after idle gc");
}

// The worst for a log: small pieces of a large file are overwritten here and
// there, as a database does it, so that every frame has a live rest.
TEST_F(GarbageTest, RandomOverwritesStayWithinTheirSpace) {
  const auto account = FormattedAccount();
  VolumeOptions options = Options();
  options.segment_bytes = 1 << 20;
  options.retention = {.records = std::chrono::hours(1), .days = 0};
  const auto opened = OpenOn(account, options);
  ASSERT_TRUE(opened) << opened.error();
  Volume& volume = **opened;
  std::string& file = files_["database"];
  file = Noise(16 << 20, 1);
  ASSERT_TRUE(PutFile(volume, "database", file));
  ASSERT_TRUE(volume.Sync());
  constexpr uint64_t kPiece = 16'384;
  std::mt19937 random(3);
  uint64_t garbage_bytes = 0;
  for (int hour = 0; hour < 12; ++hour) {
    for (int step = 0; step < 30; ++step) {
      for (int i = 0; i < 8; ++i) {
        const std::string piece = Noise(kPiece, random());
        const uint64_t offset = random() % (file.size() / kPiece) * kPiece;
        file.replace(offset, kPiece, piece);
        auto lock = volume.Write();
        ASSERT_TRUE(lock);
        (*lock)->WriteData((*lock)->Lookup(kRootInode, "database"), offset,
                           piece);
      }
      ASSERT_TRUE(volume.Sync());
      now_ += 120 * kSecond;
    }
    const auto report = volume.CollectGarbage({.retention = options.retention});
    ASSERT_TRUE(report) << report.error();
    garbage_bytes += report->bytes_written;
    EXPECT_LE(static_cast<double>(report->present_bytes),
              1.5 * static_cast<double>(file.size()))
        << "hour " << hour;
  }
  const double written = 12.0 * 30 * 8 * kPiece;
  const double amplification =
      (written + static_cast<double>(garbage_bytes)) / written;
  std::cout << "random overwrites: " << written << " bytes written, "
            << garbage_bytes << " more by gc, write amplification "
            << amplification << std::endl;
  EXPECT_GT(garbage_bytes, 0u);
  EXPECT_LT(amplification, 4);
  EXPECT_TRUE(GetFiles(volume).value_or(Files()) == files_);
  ASSERT_TRUE(volume.Close());
  ExpectInOrder(account, "after random overwrites");
}

// A day of work on a root file system: large files that stay, logs that grow,
// small files rewritten, packages upgraded; with garbage collected each hour.
TEST_F(GarbageTest, ADayOfChurnStaysWithinItsSpace) {
  const auto account = FormattedAccount();
  VolumeOptions options = Options();
  options.segment_bytes = 1 << 20;
  options.retention = {.records = std::chrono::hours(1), .days = 0};
  const auto opened = OpenOn(account, options);
  ASSERT_TRUE(opened) << opened.error();
  Volume& volume = **opened;
  std::mt19937 random(11);
  for (int i = 0; i < 40; ++i) {
    files_["keep" + std::to_string(i)] = Noise(500'000, i);
  }
  for (const auto& [name, bytes] : files_) {
    ASSERT_TRUE(PutFile(volume, name, bytes));
  }
  ASSERT_TRUE(volume.Sync());
  uint64_t garbage_bytes = 0;
  double highest = 0;
  for (int hour = 0; hour < 24; ++hour) {
    for (int step = 0; step < 60; ++step) {
      for (int i = static_cast<int>(random() % 12); i >= 0; --i) {
        const bool upgrade = random() % 60 == 0;
        const std::string name = upgrade
                                     ? "keep" + std::to_string(random() % 40)
                                     : "small" + std::to_string(random() % 300);
        files_[name] =
            Noise(upgrade ? 500'000 : 1000 + random() % 30'000, random());
        ASSERT_TRUE(PutFile(volume, name, files_[name]));
      }
      ASSERT_TRUE(volume.Sync());
      now_ += 60 * kSecond;
    }
    const auto report = volume.CollectGarbage({.retention = options.retention});
    ASSERT_TRUE(report) << report.error();
    garbage_bytes += report->bytes_written;
    // What is on the store is: live data with its dead neighbours, what died
    // within the last hour, and records and checkpoints of that time.
    FakeObjectStore store(account);
    const auto history = ReadHistory(store, /*all=*/true, 0);
    ASSERT_TRUE(history) << history.error();
    uint64_t kept = history->past_bytes;
    for (const KeptCheckpoint& checkpoint : history->checkpoints) {
      kept += checkpoint.size;
    }
    for (const HistoryRecord& record : history->records) kept += record.bytes;
    const double allowed = 1.5 * static_cast<double>(report->live_bytes) +
                           static_cast<double>(kept);
    highest =
        std::max(highest, static_cast<double>(BytesOn(*account)) / allowed);
    EXPECT_LE(static_cast<double>(BytesOn(*account)), allowed)
        << "hour " << hour;
    EXPECT_LE(history->checkpoints.size(), 6u);
    EXPECT_LE(history->records.size(), 400u);
  }
  const VolumeStatus status = volume.GetStatus();
  const auto written = static_cast<double>(status.bytes_written);
  const double amplification =
      written / (written - static_cast<double>(garbage_bytes));
  std::cout << "a day: " << status.bytes_written << " bytes written, "
            << garbage_bytes << " of them by gc, write amplification "
            << amplification << "; " << BytesOn(*account)
            << " bytes on the store for " << status.live_bytes
            << " live ones; at most " << highest << " of what is allowed"
            << std::endl;
  EXPECT_LT(amplification, 2);
  EXPECT_TRUE(GetFiles(volume).value_or(Files()) == files_);
  ASSERT_TRUE(volume.Close());
  ExpectInOrder(account, "after a day");
}

TEST_F(GarbageTest, AReaderOfThePastIsToldWhenItIsGone) {
  const auto account = FormattedAccount();
  auto volume = Open(account);
  MakeGarbage(*volume, 60);
  ASSERT_TRUE(volume->Close());
  VolumeOptions options = Options();
  options.at = AtRecord{std::prev(states_.end(), 5)->first};
  const auto past = OpenOn(account, options);
  ASSERT_TRUE(past) << past.error();
  now_ += 3 * kHour;
  volume = Open(account);
  ASSERT_TRUE(volume->CollectGarbage(KeepNothing()));
  const auto files = GetFiles(**past);
  ASSERT_FALSE(files);
  EXPECT_NE(files.error().message().find("is kept no longer"),
            std::string::npos)
      << files.error();
  EXPECT_EQ((*past)->GetStatus().last_error, files.error().message());
}

}  // namespace
}  // namespace driveroot
