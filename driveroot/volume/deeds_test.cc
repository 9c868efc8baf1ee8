// SPDX-License-Identifier: Apache-2.0
//
// What a person may do to a volume's files in Drive's web page, to each kind of
// them: the volume shows its newest state, or says what is wrong; never an
// older state, and never another writer. Repair ends with a volume that mounts,
// has all that could be read, and says what is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "driveroot/volume/check.h"
#include "driveroot/volume/repair.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

using Account = std::shared_ptr<FakeAccount>;

VolumeOptions Options() {
  VolumeOptions options = TestOptions();
  options.max_inline_bytes = 1000;
  options.writer_id = "test";
  return options;
}

VolumeOptions ReadOnly() {
  VolumeOptions options = Options();
  options.read_only = true;
  return options;
}

// How the last mounts of a volume ended.
enum class Ending { kClosed, kCutOff, kCutOffTwice };

std::string NameOf(Ending ending) {
  switch (ending) {
    case Ending::kClosed:
      return "Closed";
    case Ending::kCutOff:
      return "CutOff";
    case Ending::kCutOffTwice:
      return "CutOffTwice";
  }
  return "";
}

// A volume of three mounts.
struct World {
  explicit World(Ending ending) {
    for (int mount = 0; mount < 3; ++mount) {
      const auto volume = OpenOn(account, Options()).value();
      for (int i = 0; i < 3; ++i) {
        const std::string number = std::to_string(3 * mount + i);
        Put(*volume, "small" + number, Noise(300, 3 * mount + i));
        Put(*volume, "large" + number, Noise(5000, 30 + 3 * mount + i));
      }
      const bool is_closed = mount == 0 || ending == Ending::kClosed ||
                             (mount == 1 && ending == Ending::kCutOff);
      if (is_closed) EXPECT_TRUE(volume->Close());
      superblocks.push_back(*account->superblock);
    }
  }

  void Put(Volume& volume, const std::string& name, const std::string& bytes) {
    before_last = files;
    files[name] = bytes;
    EXPECT_TRUE(PutFile(volume, name, bytes));
    EXPECT_TRUE(volume.Sync());
  }

  // In the order in which they were made.
  std::vector<ObjectId> Objects(ObjectKind kind) const {
    std::vector<std::pair<std::string, ObjectId>> named;
    for (const auto& [id, object] : account->objects) {
      if (object.kind == kind) named.emplace_back(object.name, id);
    }
    std::ranges::sort(named);
    std::vector<ObjectId> ids;
    for (const auto& [name, id] : named) ids.push_back(id);
    return ids;
  }

  Account account = FormattedAccount();
  std::vector<std::string> superblocks;
  Files files;
  Files before_last;  // without the last record
};

// An object of a world; positions from 0 on, negative ones from the end.
struct Target {
  std::string name;
  std::optional<ObjectKind> kind = {};  // none: the superblock
  int position = 0;
  bool all = false;  // all of that kind, as their folder

  std::vector<ObjectId> In(const World& world) const {
    if (!kind) return {};
    std::vector<ObjectId> ids = world.Objects(*kind);
    if (all) return ids;
    const int count = static_cast<int>(ids.size());
    return {ids.at(position < 0 ? count + position : position)};
  }
};

struct Deed {
  std::string name;
  // To one object; null: nothing to do to one.
  std::function<void(World&, const ObjectId&)> object;
  std::function<void(World&)> superblock = nullptr;
  // Whether nothing is lost by it.
  bool harmless = false;
};

const std::vector<Target>& Targets() {
  using enum ObjectKind;
  static const std::vector<Target> targets = {
      {.name = "Superblock"},
      {.name = "Readme", .kind = kReadme},
      {.name = "FirstCheckpoint", .kind = kCheckpoint},
      {.name = "MiddleCheckpoint", .kind = kCheckpoint, .position = 1},
      {.name = "LastCheckpoint", .kind = kCheckpoint, .position = -1},
      {.name = "FirstRecord", .kind = kLogRecord},
      {.name = "MiddleRecord", .kind = kLogRecord, .position = 10},
      {.name = "OpenRecord", .kind = kLogRecord, .position = 16},
      {.name = "RecordAfterIt", .kind = kLogRecord, .position = 17},
      {.name = "OneBeforeLastRecord", .kind = kLogRecord, .position = -2},
      {.name = "LastRecord", .kind = kLogRecord, .position = -1},
      {.name = "FirstSegment", .kind = kSegment},
      {.name = "LastSegment", .kind = kSegment, .position = -1},
      {.name = "AllCheckpoints", .kind = kCheckpoint, .all = true},
      {.name = "AllRecords", .kind = kLogRecord, .all = true},
      {.name = "AllSegments", .kind = kSegment, .all = true},
  };
  return targets;
}

const std::vector<Deed>& Deeds() {
  static const std::vector<Deed> deeds = {
      {.name = "Removed",
       .object = [](World& world,
                    const ObjectId& id) { world.account->objects.erase(id); },
       .superblock = [](World& world) { world.account->superblock.reset(); }},
      // Of Drive nobody knows whether an id may be used again.
      {.name = "RemovedAndItsIdIsFree",
       .object =
           [](World& world, const ObjectId& id) {
             world.account->objects.erase(id);
             world.account->taken.erase(id);
           }},
      {.name = "Emptied",
       .object =
           [](World& world, const ObjectId& id) {
             world.account->objects[id].bytes.clear();
           },
       .superblock = [](World& world) { world.account->superblock = ""; }},
      {.name = "Truncated",
       .object =
           [](World& world, const ObjectId& id) {
             std::string& bytes = world.account->objects[id].bytes;
             bytes.resize(bytes.size() / 2);
           },
       .superblock =
           [](World& world) {
             std::string& bytes = *world.account->superblock;
             bytes.resize(bytes.size() / 2);
           }},
      {.name = "Exchanged",
       .object =
           [](World& world, const ObjectId& id) {
             auto& object = world.account->objects[id];
             for (const ObjectId& other : world.Objects(object.kind)) {
               if (other == id) continue;
               object.bytes = world.account->objects[other].bytes;
               return;
             }
             object.bytes = "something else";
           },
       .superblock =
           [](World& world) {
             // Of another volume.
             world.account->superblock =
                 *World(Ending::kClosed).account->superblock;
           }},
      {.name = "OlderRevision",
       .object = nullptr,
       .superblock =
           [](World& world) {
             world.account->superblock = world.superblocks.front();
           },
       // A hint, however old.
       .harmless = true},
      {.name = "Duplicated",
       .object =
           [](World& world, const ObjectId& id) {
             world.account->objects["copy-of-" + id] =
                 world.account->objects[id];
           },
       .harmless = true},
      {.name = "Renamed",
       .object =
           [](World& world, const ObjectId& id) {
             world.account->objects[id].name.insert(0, "My ");
           },
       .harmless = true},
      {.name = "MovedOrTrashed",
       .object = [](World& world,
                    const ObjectId& id) { world.account->unlisted.insert(id); },
       .harmless = true},
  };
  return deeds;
}

using Case = std::tuple<Target, Deed, Ending>;

std::string NameOfCase(const Case& one) {
  const auto& [target, deed, ending] = one;
  return target.name + deed.name + NameOf(ending);
}

class DeedsTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& [target, deed, ending] = GetParam();
    if (target.kind) {
      if (deed.object == nullptr) return;
      for (const ObjectId& id : target.In(world_)) deed.object(world_, id);
    } else {
      if (deed.superblock == nullptr) return;
      deed.superblock(world_);
    }
    done_ = true;
  }

  // The end of a log that was not closed, of which nothing else tells.
  bool LeavesNoTrace() const {
    const auto& [target, deed, ending] = GetParam();
    return deed.name.starts_with("Removed") && ending != Ending::kClosed &&
           target.name == "LastRecord";
  }

  // All records of the last mount, after the last checkpoint.
  bool LeavesNoTraceOfAMount() const {
    const auto& [target, deed, ending] = GetParam();
    return deed.name.starts_with("Removed") && ending != Ending::kClosed &&
           target.name == "AllRecords";
  }

  Account Copy() const {
    return std::make_shared<FakeAccount>(*world_.account);
  }

  // Opens the volume; what it shows is right, or an error says what is wrong.
  void ExpectNewestOrReported(const VolumeOptions& options) {
    const Account account = Copy();
    const auto volume = OpenOn(account, options);
    if (!volume) {
      EXPECT_EQ(volume.error().code(), ErrorCode::kDataLoss) << volume.error();
      EXPECT_NE(volume.error().message().find("fsck --repair"),
                std::string::npos)
          << volume.error();
      EXPECT_FALSE(std::get<1>(GetParam()).harmless) << volume.error();
      return;
    }
    const Files& right = LeavesNoTrace() ? world_.before_last : world_.files;
    ExpectFiles(**volume, right, /*may_fail=*/true);
    if (options.read_only) return;
    EXPECT_TRUE(PutFile(**volume, "new", "new"));
    const Status synced = (*volume)->Sync();
    EXPECT_TRUE(synced) << synced.error();
    const Status closed = (*volume)->Close();
    EXPECT_TRUE(closed) << closed.error();
    const auto again = OpenOn(account, options);
    ASSERT_TRUE(again) << again.error();
    EXPECT_EQ(GetFile(**again, "new").value_or(""), "new");
  }

  void ExpectFiles(Volume& volume, const Files& files, bool may_fail) {
    if (LeavesNoTraceOfAMount()) return;
    for (const auto& [name, bytes] : files) {
      const auto file = GetFile(volume, name);
      if (file) {
        EXPECT_TRUE(*file == bytes) << name;
      } else {
        EXPECT_TRUE(may_fail) << name << ": " << file.error();
        EXPECT_NE(file.error().code(), ErrorCode::kNotFound) << name;
      }
    }
  }

  World world_{std::get<2>(GetParam())};
  bool done_ = false;
};

TEST_P(DeedsTest, ReadersSeeTheNewestStateOrAreTold) {
  if (!done_) return;
  ExpectNewestOrReported(ReadOnly());
}

TEST_P(DeedsTest, WritersGoOnOrAreTold) {
  if (!done_) return;
  ExpectNewestOrReported(Options());
}

TEST_P(DeedsTest, FsckTells) {
  if (!done_) return;
  const auto& [target, deed, ending] = GetParam();
  FakeObjectStore store(world_.account);
  for (const bool data : {true, false}) {
    const auto report =
        CheckVolume(store, {.verify_data = data, .progress = nullptr});
    ASSERT_TRUE(report) << report.error();
    if (deed.harmless || target.name == "Readme") {
      EXPECT_EQ(report->problems, std::vector<std::string>());
    } else if (!LeavesNoTrace() && data) {
      EXPECT_FALSE(report->problems.empty());
    }
    if (deed.name == "MovedOrTrashed" && target.name != "LastRecord" &&
        !target.name.ends_with("Record") && target.name != "RecordAfterIt") {
      EXPECT_FALSE(report->notes.empty());
    }
  }
}

TEST_P(DeedsTest, RepairEndsWithAVolumeThatMounts) {
  if (!done_) return;
  const auto& [target, deed, ending] = GetParam();
  const auto repaired = RepairVolume(
      std::make_unique<FakeObjectStore>(world_.account), Options());
  ASSERT_TRUE(repaired) << repaired.error();
  // Of what is in README.txt nothing depends, and data that is gone stays gone.
  const bool says_nothing =
      target.kind == ObjectKind::kSegment ||
      (target.kind == ObjectKind::kReadme && !deed.name.starts_with("Removed"));
  if (!deed.harmless && !LeavesNoTrace() && !says_nothing) {
    EXPECT_FALSE(repaired->empty());
  }
  FakeObjectStore store(world_.account);
  const auto report = CheckVolume(store, CheckOptions());
  ASSERT_TRUE(report) << report.error();
  // What is left to report are files whose data is lost, and states of the
  // past.
  for (const std::string& problem : report->problems) {
    EXPECT_TRUE(problem.starts_with("/") ||
                problem.find("past") != std::string::npos)
        << problem;
  }
  const auto again = RepairVolume(
      std::make_unique<FakeObjectStore>(world_.account), Options());
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(*again, std::vector<std::string>());
  const auto volume = OpenOn(world_.account, Options());
  ASSERT_TRUE(volume) << volume.error();
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : world_.files) {
      const auto file = GetFile(**volume, name);
      if (file) {
        EXPECT_TRUE(*file == bytes) << name;
      } else {
        names.push_back(name);
      }
    }
    return names;
  }();
  if (deed.harmless || !target.kind || target.name == "Readme" ||
      target.kind == ObjectKind::kCheckpoint) {
    EXPECT_EQ(files, std::vector<std::string>());
  }
  EXPECT_TRUE(PutFile(**volume, "new", "new"));
  EXPECT_TRUE((*volume)->Close());
}

INSTANTIATE_TEST_SUITE_P(
    All, DeedsTest,
    testing::Combine(testing::ValuesIn(Targets()), testing::ValuesIn(Deeds()),
                     testing::Values(Ending::kClosed, Ending::kCutOff,
                                     Ending::kCutOffTwice)),
    [](const auto& test) { return NameOfCase(test.param); });

}  // namespace
}  // namespace driveroot
