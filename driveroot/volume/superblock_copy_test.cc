// SPDX-License-Identifier: Apache-2.0
//
// Opening a volume by a copy of its superblock that a listing brought along,
// perhaps an old one: the state is the newest, whatever the copy says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "driveroot/volume/check.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/volume_test_util.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {
namespace {

using Method = StoreCall::Method;

constexpr TimeNs kHour = TimeNs{3600} * 1'000'000'000;

// A volume with a life behind it, and all superblocks that it had.
struct Life {
  std::shared_ptr<FakeAccount> account = FormattedAccount();
  TimeNs now = NowNs();
  std::vector<std::string> superblocks = {*account->superblock};
  Files files;

  VolumeOptions Options() const {
    VolumeOptions options = TestOptions();
    options.now = [now = now] { return now; };
    return options;
  }

  // Writes and closes the volume; and begins again, to be cut off, if not
  // `closed`.
  void Mount(int number, bool closed) {
    const auto volume = OpenOn(account, Options());
    ASSERT_TRUE(volume) << volume.error();
    for (int i = 0; i < 3; ++i) {
      const std::string name = "f" + std::to_string((number + i) % 5);
      files[name] = Noise(2000, static_cast<uint32_t>(number * 10 + i));
      ASSERT_TRUE(PutFile(**volume, name, files[name]));
      ASSERT_TRUE((*volume)->Sync());
    }
    if (closed) {
      ASSERT_TRUE((*volume)->Close());
    }
    superblocks.push_back(*account->superblock);
  }

  void Live() {
    for (int i = 0; i < 6; ++i) Mount(i, /*closed=*/i % 3 != 2);
    // The last mount was not closed, so the log goes on behind them all.
  }
};

// How often each of a store's methods was called.
using Calls = std::array<std::atomic<int>, 16>;

Result<std::unique_ptr<Volume>> OpenBy(const Life& life,
                                       const std::optional<std::string>& copy,
                                       const VolumeOptions& options,
                                       Calls* calls = nullptr,
                                       FaultyObjectStore::Rule rule = nullptr) {
  return Volume::Open(
      std::make_unique<FaultyObjectStore>(
          std::make_unique<FakeObjectStore>(life.account, copy),
          [calls, rule](const StoreCall& call) -> std::optional<Fault> {
            if (calls != nullptr) {
              ++(*calls)[static_cast<size_t>(call.method)];
            }
            return rule == nullptr ? std::nullopt : rule(call);
          }),
      options);
}

int Count(const Calls& calls, Method method) {
  return calls[static_cast<size_t>(method)];
}

VolumeOptions ReadOnly(VolumeOptions options) {
  options.read_only = true;
  return options;
}

TEST(SuperblockCopyTest, ANewOneSavesARequest) {
  Life life;
  life.Live();
  Calls calls = {};
  const auto volume =
      OpenBy(life, life.superblocks.back(), ReadOnly(life.Options()), &calls);
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
  EXPECT_EQ(Count(calls, Method::kReadSuperblock), 0);
}

TEST(SuperblockCopyTest, AnyLeadsToTheNewestState) {
  Life life;
  life.Live();
  const auto expected = OpenBy(life, std::nullopt, ReadOnly(life.Options()));
  ASSERT_TRUE(expected) << expected.error();
  const TimeNs then = life.now;
  for (const std::string& copy : life.superblocks) {
    for (const TimeNs later : {-2 * kHour, -kHour / 3, kHour / 3, 2 * kHour}) {
      life.now = then + later;
      Calls calls = {};
      const auto volume = OpenBy(life, copy, ReadOnly(life.Options()), &calls);
      ASSERT_TRUE(volume) << volume.error();
      EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
      EXPECT_EQ((*volume)->GetStatus().last_durable_record,
                (*expected)->GetStatus().last_durable_record);
      EXPECT_EQ(Count(calls, Method::kReadSuperblock),
                std::abs(later) < kHour / 2 ? 0 : 1);
    }
  }
}

TEST(SuperblockCopyTest, AWriterGoesOnFromAnOldOne) {
  Life life;
  life.Live();
  for (size_t i = 0; i < life.superblocks.size(); ++i) {
    const auto volume = OpenBy(life, life.superblocks[i], life.Options());
    ASSERT_TRUE(volume) << volume.error();
    const std::string name = "by " + std::to_string(i);
    ASSERT_TRUE(PutFile(**volume, name, name));
    life.files[name] = name;
    ASSERT_TRUE(i % 2 == 0 ? (*volume)->Close() : (*volume)->Sync());
  }
  FakeObjectStore store(life.account);
  const auto report = CheckVolume(store, CheckOptions());
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->problems, std::vector<std::string>());
  const auto volume = OpenBy(life, std::nullopt, ReadOnly(life.Options()));
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
}

// A checkpoint of each day stays when the records after it are deleted: what
// follows from it looks like the end of the log.
TEST(SuperblockCopyTest, OneFromBeforeWhatWasDeletedRollsNothingBack) {
  Life life;
  for (int i = 0; i < 4; ++i) {
    life.Mount(i, /*closed=*/true);
    life.now += 24 * kHour;
  }
  {
    const auto volume = OpenOn(life.account, life.Options());
    ASSERT_TRUE(volume) << volume.error();
    for (int i = 0; i < 2; ++i) {
      const auto collected = (*volume)->CollectGarbage(
          {.retention = {.records = std::chrono::seconds(0), .days = 30}});
      ASSERT_TRUE(collected) << collected.error();
    }
    ASSERT_TRUE((*volume)->Close());
  }
  const std::vector<ObjectId> records =
      life.account->Ids(ObjectKind::kLogRecord);
  int kept = 0;
  for (const std::string& copy : life.superblocks) {
    const Superblock superblock = ParseSuperblock(copy).value();
    kept += static_cast<int>(
        life.account->objects.contains(superblock.checkpoint.id) &&
        !superblock.log.next.empty() &&
        std::ranges::find(records, superblock.log.next.front()) ==
            records.end());
    const auto volume = OpenBy(life, copy, ReadOnly(life.Options()));
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
  }
  // Or else this test shows nothing.
  EXPECT_GE(kept, 3);
}

TEST(SuperblockCopyTest, WhatItNamesMayBeMissingOrDamaged) {
  Life life;
  life.Live();
  std::set<std::string> copies(life.superblocks.begin(),
                               life.superblocks.end());
  copies.erase(life.superblocks.back());
  ASSERT_GE(copies.size(), 3u);
  bool missing = false;
  for (const std::string& copy : copies) {
    const ObjectId id = ParseSuperblock(copy)->checkpoint.id;
    missing = !missing;
    if (missing) {
      life.account->objects.erase(id);
    } else {
      life.account->objects[id].bytes[50] ^= 1;
    }
    Calls calls = {};
    const auto volume = OpenBy(life, copy, ReadOnly(life.Options()), &calls);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
    EXPECT_EQ(Count(calls, Method::kReadSuperblock), 1);
    // Nothing else than the superblock's own checkpoint was looked for: the
    // list is of records, since the log was not closed.
    EXPECT_EQ(Count(calls, Method::kList), 1);
  }
}

TEST(SuperblockCopyTest, ARecordAfterItMayBeDamaged) {
  Life life;
  for (int i = 0; i < 2; ++i) life.Mount(i, /*closed=*/true);
  const Superblock first = ParseSuperblock(life.superblocks[1]).value();
  life.account->objects[first.log.next.front()].bytes[100] ^= 1;
  const auto volume =
      OpenBy(life, life.superblocks[1], ReadOnly(life.Options()));
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
}

TEST(SuperblockCopyTest, NonsenseIsNoCopy) {
  Life life;
  life.Live();
  for (const std::string copy :
       {"", "nonsense", R"({"format":"driveroot volume","version":42})"}) {
    Calls calls = {};
    const auto volume = OpenBy(life, copy, ReadOnly(life.Options()), &calls);
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_TRUE(GetFiles(**volume).value_or(Files()) == life.files);
    EXPECT_EQ(Count(calls, Method::kReadSuperblock), 1);
  }
}

TEST(SuperblockCopyTest, ItDoesNotHideThatTheVolumeIsGone) {
  Life life;
  life.Live();
  life.account->superblock.reset();
  life.account->objects.clear();
  const auto volume =
      OpenBy(life, life.superblocks.back(), ReadOnly(life.Options()));
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kNotFound) << volume.error();
}

TEST(SuperblockCopyTest, ItDoesNotHideDamageFromACheck) {
  Life life;
  life.Mount(0, /*closed=*/true);
  life.account->objects[ParseSuperblock(life.superblocks[1])->checkpoint.id]
      .bytes[50] ^= 1;
  life.account->objects.erase(
      ParseSuperblock(life.superblocks[0])->log.next.front());
  FakeObjectStore store(life.account, life.superblocks[0]);
  const auto report = CheckVolume(store, CheckOptions());
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->problems.size(), 1u);
}

TEST(SuperblockCopyTest, ANetworkThatFailsIsNotTakenForAnOldCopy) {
  Life life;
  life.Live();
  Calls calls = {};
  const auto no_checkpoints = [&](const StoreCall& call) {
    return call.method == Method::kRead ? std::optional(Fault()) : std::nullopt;
  };
  const auto volume = OpenBy(life, life.superblocks.back(),
                             ReadOnly(life.Options()), &calls, no_checkpoints);
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(Count(calls, Method::kReadSuperblock), 0);
  // An old one needs superblock.json.
  life.now += 2 * kHour;
  const auto no_superblock = [&](const StoreCall& call) {
    return call.method == Method::kReadSuperblock ? std::optional(Fault())
                                                  : std::nullopt;
  };
  const auto other = OpenBy(life, life.superblocks.back(),
                            ReadOnly(life.Options()), nullptr, no_superblock);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace driveroot
