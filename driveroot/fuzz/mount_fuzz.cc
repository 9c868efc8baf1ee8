// SPDX-License-Identifier: Apache-2.0
//
// A volume whose checkpoint says anything at all is refused, or can be walked,
// exported, changed and opened again.
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/fs/file_system.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/transfer/export.h"
#include "driveroot/transfer/tree.h"
#include "driveroot/volume/check.h"
#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/limits.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/volume.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

constexpr std::string_view kSegment = "segment";
constexpr uint64_t kSegmentBytes = 100;

// The input, as choices from short lists: so most of them make sense.
class Choices {
 public:
  explicit Choices(std::span<const uint8_t> bytes) : rest_(bytes) {}

  uint64_t Below(uint64_t limit) {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte % limit;
  }
  template <size_t kSize>
  uint64_t Of(const std::array<uint64_t, kSize>& values) {
    return values[Below(kSize)];
  }

 private:
  std::span<const uint8_t> rest_;
};

InodeNumber Number(Choices& choices) { return choices.Below(8); }

std::string Name(Choices& choices) {
  return std::string(1, static_cast<char>('a' + choices.Below(5)));
}

Attributes MakeAttributes(Choices& choices) {
  return {
      .mode = static_cast<uint32_t>(choices.Of(std::array<uint64_t, 8>{
          S_IFDIR | 0755, S_IFDIR | 0755, S_IFREG | 0644, S_IFREG | 0644,
          S_IFLNK | 0777, S_IFIFO | 0600, S_IFCHR | 0600, 0644})),
      .nlink = static_cast<uint32_t>(
          choices.Of(std::array<uint64_t, 7>{4, 3, 2, 1, 0, 5, UINT32_MAX})),
      .size = choices.Of(std::array<uint64_t, 6>{0, 1, 10'000, 10'000'000,
                                                 INT64_MAX, UINT64_MAX}),
  };
}

// A root, most often one in order, and some more inodes.
void AddInodes(Choices& choices, Delta& delta) {
  const uint64_t count = 1 + choices.Below(8);
  for (uint64_t i = 0; i < count; ++i) {
    InodeDelta& inode = delta.inodes.emplace_back();
    inode.number = choices.Below(16) > 0 ? i + 1 : Number(choices);
    if (choices.Below(16) == 1) continue;
    inode.attributes = MakeAttributes(choices);
    if (i == 0 && choices.Below(16) > 0) {
      inode.attributes->mode = S_IFDIR | 0755;
      inode.attributes->nlink = 10;
    }
    inode.parent = choices.Below(8) > 0 ? kRootInode : Number(choices);
    if (S_ISLNK(inode.attributes->mode)) {
      inode.symlink_target = std::string(choices.Below(250) * 20, 't');
    }
    if (choices.Below(4) == 0) {
      inode.xattrs = {{"user.a", "1"}, {"user.b", std::string(100, 'v')}};
    }
  }
}

void AddNames(Choices& choices, Delta& delta) {
  const uint64_t count = choices.Below(10);
  for (uint64_t i = 0; i < count; ++i) {
    delta.dentries.push_back(
        {choices.Below(2) == 0 ? kRootInode : Number(choices), Name(choices),
         choices.Below(2) == 0 ? i + 2 : Number(choices)});
  }
}

void AddData(Choices& choices, Delta& delta) {
  delta.objects.push_back(
      {1, std::string(kSegment), ObjectKind::kSegment, kSegmentBytes});
  const uint64_t frames = choices.Below(4);
  for (uint64_t i = 1; i <= frames; ++i) {
    const auto length = static_cast<uint32_t>(
        choices.Of(std::array<uint64_t, 4>{10, 1, 100, 1000}));
    delta.frames.push_back({i, 1, choices.Below(101), length, length,
                            Sha256(std::string(length, 's'))});
  }
  const uint64_t count = choices.Below(5);
  for (uint64_t i = 0; i < count; ++i) {
    ExtentDelta& extents = delta.extents.emplace_back();
    extents.inode = Number(choices);
    extents.offset =
        choices.Of(std::array<uint64_t, 4>{0, 5, 1'000'000, INT64_MAX - 5});
    extents.length =
        choices.Of(std::array<uint64_t, 4>{10, 100, 1, UINT64_MAX / 2});
    extents.extents.push_back(
        {.offset = extents.offset + choices.Below(4),
         .frame = choices.Below(5),
         .frame_offset = static_cast<uint32_t>(choices.Below(12)),
         .length = static_cast<uint32_t>(choices.Below(12))});
  }
}

void AddHistory(Choices& choices, Delta& delta) {
  const std::array<uint64_t, 5> numbers = {0, 1, 7, uint64_t{1} << 62,
                                           UINT64_MAX};
  if (choices.Below(4) == 0) {
    delta.checkpoints.push_back({.sequence = choices.Of(numbers),
                                 .id = "gone",
                                 .hash = {},
                                 .size = choices.Of(numbers)});
  }
  if (choices.Below(4) == 0) {
    delta.dead_objects.push_back({.number = choices.Of(numbers),
                                  .id = "dead",
                                  .kind = ObjectKind::kSegment,
                                  .size = choices.Of(numbers),
                                  .since = choices.Of(numbers)});
  }
  if (choices.Below(4) == 0) delta.records_from = choices.Of(numbers);
  const uint64_t steps = choices.Below(4);
  for (uint64_t i = 0; i < steps; ++i) {
    delta.boot_trace.push_back({i, choices.Below(5)});
  }
}

Delta MakeDelta(Choices& choices) {
  Delta delta;
  AddInodes(choices, delta);
  AddNames(choices, delta);
  AddData(choices, delta);
  AddHistory(choices, delta);
  const std::array<uint64_t, 8> next = {
      20, 20, 20, 20, 20, limits::kNumber, limits::kNumber + 1, UINT64_MAX};
  delta.next_inode = choices.Of(next);
  delta.next_frame = choices.Of(next);
  delta.next_object = choices.Of(next);
  return delta;
}

// Null when the delta is one that no checkpoint can hold.
std::shared_ptr<FakeAccount> AccountWith(const Delta& delta) {
  auto account = std::make_shared<FakeAccount>();
  LogPosition position;
  position.last.volume_uuid = "uuid";
  position.last.type = RecordType::kClose;
  position.last.sequence = 7;
  position.last.epoch = 1;
  position.last.next_ids = {"record"};
  const Result<std::string> bytes = EncodeCheckpoint(position, delta);
  if (!bytes) return nullptr;
  Superblock superblock;
  superblock.uuid = "uuid";
  superblock.checkpoint = {.id = "checkpoint",
                           .hash = Unseal(*bytes)->hash,
                           .size = bytes->size(),
                           .sequence = 7};
  superblock.log.sequence = 7;
  account->objects["checkpoint"] = {ObjectKind::kCheckpoint, ObjectName(7),
                                    *bytes};
  account->objects[std::string(kSegment)] = {
      ObjectKind::kSegment, ObjectName(1), std::string(kSegmentBytes, 's')};
  account->superblock = EncodeSuperblock(superblock).value();
  return account;
}

VolumeOptions Options() {
  VolumeOptions options;
  options.commit_interval = std::chrono::hours(1);
  options.retry_delay = std::chrono::milliseconds(1);
  options.wait_for_network = false;
  options.steal = true;
  options.metadata_bytes = 16 << 20;
  return options;
}

Result<std::unique_ptr<Volume>> Open(
    const std::shared_ptr<FakeAccount>& account) {
  return Volume::Open(std::make_unique<FakeObjectStore>(account), Options());
}

// Takes what it gets, up to a bound.
class Sink final : public TreeSink {
 public:
  Status WriteEntry(const TarEntry&) override {
    CHECK_LT(++entries_, 1000) << "the export does not end";
    return {};
  }
  Status WriteData(std::string_view) override {
    // A file of holes may be as long as it likes.
    if (++writes_ < 100) return {};
    return Fail(ErrorCode::kOutOfSpace, "enough");
  }
  Status Finish() override { return {}; }

 private:
  int entries_ = 0;
  int writes_ = 0;
};

struct Entry {
  InodeNumber parent;
  std::string name;
  InodeNumber number;
};

// All that the root leads to.
std::vector<Entry> Walk(FileSystem& fs) {
  std::vector<Entry> entries;
  std::vector<InodeNumber> pending = {kRootInode};
  while (!pending.empty()) {
    CHECK_LT(entries.size(), 1000U) << "the walk does not end";
    const InodeNumber number = pending.back();
    pending.pop_back();
    const Status read = fs.ReadDirectory(
        number, 0, /*with_attributes=*/false, AccessNote::kNone,
        [&](const DirectoryEntry& entry) {
          if (entry.name == "." || entry.name == "..") return true;
          entries.push_back({number, std::string(entry.name), entry.number});
          if (S_ISDIR(entry.mode)) pending.push_back(entry.number);
          return true;
        });
    CHECK(read) << read.error();
  }
  return entries;
}

void Look(FileSystem& fs, const Entry& entry) {
  CHECK(fs.Lookup(entry.parent, entry.name));
  fs.Forget(entry.number, 1);
  CHECK(fs.GetAttributes(entry.number));
  (void)fs.ReadLink(entry.number).has_value();
  (void)fs.ListXattrs(entry.number, Caller()).has_value();
  (void)fs.GetXattr(entry.number, "user.a").has_value();
  for (const uint64_t offset : {uint64_t{0}, uint64_t{INT64_MAX - 4}}) {
    (void)fs.Read(entry.number, offset, 5000).has_value();
    (void)fs.Seek(entry.number, offset, SEEK_DATA).has_value();
    (void)fs.Seek(entry.number, offset, SEEK_HOLE).has_value();
  }
}

// Each may be refused; none may break anything.
void Change(FileSystem& fs, Choices& choices, const Entry& entry,
            const Entry& other) {
  const Caller caller;
  AttributeChange change;
  switch (choices.Below(10)) {
    case 0:
      (void)fs.Unlink(entry.parent, entry.name).has_value();
      break;
    case 1:
      (void)fs.RemoveDirectory(entry.parent, entry.name).has_value();
      break;
    case 2:
      (void)fs
          .Rename(entry.parent, entry.name, other.number, Name(choices),
                  static_cast<uint32_t>(choices.Below(3)), caller)
          .has_value();
      break;
    case 3:
      (void)fs.Link(entry.number, other.number, Name(choices)).has_value();
      break;
    case 4:
      (void)fs.Create(entry.number, Name(choices), S_IFREG | 0644, 0, caller)
          .has_value();
      break;
    case 5:
      (void)fs.MakeDirectory(entry.number, Name(choices), 0755, caller)
          .has_value();
      break;
    case 6:
      (void)fs.Write(entry.number, choices.Below(200), "bytes", caller)
          .has_value();
      break;
    case 7:
      change.size = choices.Below(200);
      (void)fs.SetAttributes(entry.number, change, caller).has_value();
      break;
    case 8:
      (void)fs
          .CopyRange(entry.number, 0, other.number, choices.Below(100), 200,
                     caller)
          .has_value();
      break;
    case 9:
      (void)fs.SetXattr(entry.number, "user.new", "value", 0, caller)
          .has_value();
      break;
  }
}

void Use(Choices& choices, Volume& volume) {
  FileSystem fs(&volume);
  for (const Entry& entry : Walk(fs)) Look(fs, entry);
  Sink sink;
  (void)ExportTree(volume, sink, nullptr).has_value();
  for (int i = 0; i < 8; ++i) {
    const std::vector<Entry> entries = Walk(fs);
    const Entry root = {kRootInode, "a", kRootInode};
    const auto any = [&] {
      const uint64_t index = choices.Below(entries.size() + 1);
      return index == entries.size() ? root : entries[index];
    };
    Change(fs, choices, any(), any());
  }
  CHECK(fs.Create(kRootInode, "new", S_IFREG | 0644, 0, Caller()));
  const Status synced = fs.Sync();
  CHECK(synced) << synced.error();
  const Status closed = volume.Close();
  CHECK(closed) << closed.error();
}

}  // namespace
}  // namespace driveroot

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  Choices choices(std::span(data, size));
  const auto account = AccountWith(MakeDelta(choices));
  if (account == nullptr) return 0;
  {
    const auto volume = Open(account);
    if (!volume) {
      CHECK(volume.error().code() == ErrorCode::kDataLoss) << volume.error();
      // What cannot be opened is found, too.
      FakeObjectStore store(account);
      const auto report = CheckVolume(store, {.progress = nullptr});
      CHECK(report) << report.error();
      CHECK(!report->problems.empty()) << volume.error();
      return 0;
    }
    Use(choices, **volume);
  }
  const auto again = Open(account);
  CHECK(again) << again.error();
  return 0;
}
