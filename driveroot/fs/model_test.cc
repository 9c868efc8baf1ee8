// SPDX-License-Identifier: Apache-2.0
//
// The same random operations on driveroot's FileSystem, on the model, and,
// where there is one of a kind whose rules are known, on a local file system:
// same results, errno for errno. Names are few, so that operations meet each
// other's files.
//
// DRIVEROOT_TEST_SEED=n in the environment gives other operations.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/fs/file_system_subject.h"
#include "driveroot/fs/model_subject.h"

namespace driveroot {
namespace {

constexpr int kOperations = 100'000;
constexpr int kReopenEvery = 1000;
constexpr int kSyncEvery = 50;

uint64_t Seed() {
  const char* text = std::getenv("DRIVEROOT_TEST_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

// Makes operations up.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Operation Next() {
    const TimeNs now = ++now_;
    Operation op = {
        .action = static_cast<Action>(Below(kActions)),
        .path = Path(),
        .other_path = Path(),
        .name = "user." + std::string(1, static_cast<char>('x' + Below(3))),
        .mode = static_cast<uint32_t>(Below(01000)),
        .slot = Below(4) == 0 ? static_cast<int>(Below(kSlots)) : -1,
        .offset = Below(4) == 0 ? 0 : Below(20'000),
        .other_offset = Below(20'000),
        .length = Below(10) == 0 ? 0 : Below(8000),
        .now = now};
    switch (op.action) {
      case Action::kMakeSymlink:
        op.bytes = "leads/to/nowhere/" + std::to_string(Below(5));
        break;
      case Action::kRename:
        op.flags = Pick<int>({0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE});
        break;
      case Action::kChangeMode:
        op.mode = static_cast<uint32_t>(Below(010000));
        break;
      case Action::kChangeOwner:
        op.uid = static_cast<uint32_t>(Below(3));
        op.gid = static_cast<uint32_t>(Below(3));
        break;
      case Action::kSetXattr:
        op.flags = Pick<int>({0, 0, XATTR_CREATE, XATTR_REPLACE});
        op.bytes = std::string(Below(30), 'v');
        break;
      case Action::kWrite:
        op.bytes = Bytes(Below(6000));
        break;
      case Action::kAllocate:
        op.flags = Pick<int>({0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE,
                              FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              FALLOC_FL_ZERO_RANGE,
                              FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                              FALLOC_FL_ZERO_RANGE | FALLOC_FL_PUNCH_HOLE});
        break;
      case Action::kSeek:
        op.flags = Pick<int>({SEEK_DATA, SEEK_HOLE});
        break;
      case Action::kOpen:
      case Action::kClose:
        op.slot = static_cast<int>(Below(kSlots));
        break;
      default:
        break;
    }
    if (!TakesSlot(op.action)) op.slot = -1;
    return op;
  }

 private:
  static constexpr uint64_t kActions = static_cast<uint64_t>(Action::kSeek) + 1;

  static bool TakesSlot(Action action) {
    switch (action) {
      case Action::kStat:
      case Action::kChangeMode:
      case Action::kChangeOwner:
      case Action::kOpen:
      case Action::kClose:
      case Action::kRead:
      case Action::kWrite:
      case Action::kTruncate:
      case Action::kAllocate:
      case Action::kCopy:
      case Action::kSeek:
        return true;
      default:
        return false;
    }
  }

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return *(values.begin() + Below(values.size()));
  }

  std::string Path() {
    std::string path;
    for (int depth = Pick<int>({1, 1, 1, 1, 1, 2, 2, 3}); depth > 0; --depth) {
      if (!path.empty()) path += '/';
      path += Below(50) == 0
                  ? std::string(254 + Below(3), 'n')
                  : std::string(1, static_cast<char>('a' + Below(4)));
    }
    return path;
  }

  std::string Bytes(size_t length) {
    std::string bytes(length, '\0');
    const bool noise = Below(2) == 0;
    for (char& byte : bytes) {
      byte = static_cast<char>(noise ? random_() : 'a' + now_ % 26);
    }
    return bytes;
  }

  std::mt19937_64 random_;
  TimeNs now_ = 0;
};

// Whether the operation would read or write a fifo, or a slot with nothing in
// it: no matter of a file system.
bool IsPointless(const Operation& op, ModelSubject& model) {
  if (op.action == Action::kClose || op.action == Action::kOpen) {
    // A slot that is in use is closed first.
    if (model.IsOpen(op.slot) != (op.action == Action::kClose)) return true;
  } else if (op.slot >= 0) {
    if (!model.IsOpen(op.slot)) return true;
    return op.action == Action::kCopy && S_ISFIFO(model.TypeOf(op.other_path));
  }
  switch (op.action) {
    case Action::kOpen:
    case Action::kRead:
    case Action::kWrite:
    case Action::kTruncate:
    case Action::kAllocate:
    case Action::kSeek:
      return S_ISFIFO(model.TypeOf(op.path));
    case Action::kCopy:
      return S_ISFIFO(model.TypeOf(op.path)) ||
             S_ISFIFO(model.TypeOf(op.other_path));
    default:
      return false;
  }
}

TEST(ModelTest, FileSystemAndModelAgree) {
  std::cout << "seed " << Seed() << " (DRIVEROOT_TEST_SEED)\n";
  Generator generator(Seed());
  const auto model = MakeModel();
  FileSystemSubject file_system;
  int done = 0;
  int succeeded = 0;
  while (done < kOperations) {
    const Operation op = generator.Next();
    if (IsPointless(op, *model)) continue;
    ++done;
    const Outcome expected = model->Do(op);
    const Outcome outcome = file_system.Do(op);
    ASSERT_EQ(outcome.ToString(), expected.ToString())
        << "seed " << Seed() << ", operation " << done << ": " << op.ToString();
    ASSERT_TRUE(outcome == expected) << op.ToString();
    if (expected.error == 0) ++succeeded;
    if (done % kSyncEvery == 0) file_system.Sync();
    if (done % kReopenEvery > 0) continue;
    for (int slot = 0; slot < kSlots; ++slot) {
      const Operation close = {.action = Action::kClose, .slot = slot};
      model->Do(close);
      file_system.Do(close);
    }
    file_system.Reopen();
  }
  std::cout << done << " operations, of which " << succeeded
            << " succeed, the same on model and file system\n";
  // Neither all errors nor none.
  EXPECT_GT(succeeded, kOperations / 5);
  EXPECT_LT(succeeded, kOperations * 9 / 10);
}

// Whether directories count their sub-directories as links there, and user
// attributes are kept, which not all file systems do.
bool IsOfKnownKind(const std::string& folder) {
  struct statfs status;
  if (statfs(folder.c_str(), &status) != 0) return false;
  return status.f_type == EXT4_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC;
}

TEST(ModelTest, LocalFileSystemAndModelAgree) {
  const std::string folder = testing::TempDir() + "/model_test";
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(std::filesystem::create_directories(folder));
  if (geteuid() != 0 || !IsOfKnownKind(folder)) {
    GTEST_SKIP() << "needs root, and a temporary folder on ext4 or XFS";
  }
  ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
  umask(0);
  Generator generator(Seed());
  const auto model = MakeModel();
  const auto local = MakeLocalSubject(folder);
  int done = 0;
  while (done < kOperations) {
    const Operation op = generator.Next();
    // Holes there come in blocks.
    if (op.action == Action::kSeek || IsPointless(op, *model)) continue;
    ++done;
    Outcome expected = model->Do(op);
    expected.details.clear();
    const Outcome outcome = local->Do(op);
    ASSERT_EQ(outcome.ToString(), expected.ToString())
        << "seed " << Seed() << ", operation " << done << ": " << op.ToString();
    ASSERT_TRUE(outcome == expected) << op.ToString();
  }
  std::cout << done << " operations, the same on model and local folder\n";
}

}  // namespace
}  // namespace driveroot
