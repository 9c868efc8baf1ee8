// SPDX-License-Identifier: Apache-2.0
//
// What a volume of many inodes costs: time to open it, memory, checkpoints, and
// how long a writer is held up by one. On a store in memory, so that nothing
// but this program's own work counts:
//
//   ./bazelw run //driveroot/volume:scale -- 100000 1000000
//
// It prints one JSON object for each number of inodes.
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <format>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/volume.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kFilesPerDirectory = 100;
constexpr int kRecords = 60;  // replayed, one below where a checkpoint is due
constexpr int kChangesPerRecord = 1000;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Resident memory of this process, bytes; proc(5).
uint64_t Memory() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::unique_ptr<Volume> Open(const std::shared_ptr<FakeAccount>& account,
                             bool read_only) {
  VolumeOptions options;
  options.read_only = read_only;
  options.commit_interval = std::chrono::hours(1);
  auto volume =
      Volume::Open(std::make_unique<FakeObjectStore>(account), options);
  CHECK(volume) << volume.error();
  return *std::move(volume);
}

// Directories of a hundred files with names of about twelve bytes and a hundred
// bytes of data each, as in a source tree.
void MakeFiles(Volume& volume, uint64_t count) {
  for (uint64_t made = 0; made < count;) {
    auto lock = volume.Write();
    CHECK(lock) << lock.error();
    const InodeNumber directory =
        (*lock)->CreateInode({.mode = S_IFDIR | 0755,
                              .nlink = 2,
                              .mtime = 1'700'000'000'000'000'000},
                             kRootInode);
    (*lock)->PutDentry(kRootInode, std::format("directory{}", made), directory);
    Attributes root = (*lock)->Find(kRootInode)->attributes;
    ++root.nlink;
    (*lock)->SetAttributes(kRootInode, root);
    ++made;
    for (uint64_t i = 0; i < kFilesPerDirectory && made < count; ++i, ++made) {
      const std::string bytes = std::format("{:0100}", made);
      const InodeNumber file =
          (*lock)->CreateInode({.mode = S_IFREG | 0644,
                                .uid = 1000,
                                .gid = 1000,
                                .nlink = 1,
                                .size = bytes.size(),
                                .mtime = 1'700'000'000'000'000'000});
      (*lock)->PutDentry(directory, std::format("file-{:05}.cc", made % 99991),
                         file);
      (*lock)->WriteData(file, 0, bytes);
    }
  }
}

// The longest time that anybody waited for Volume's lock while `work` ran.
template <typename Work>
double LongestStall(Volume& volume, const Work& work) {
  double longest = 0;
  std::jthread waiter([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Clock::time_point begin = Clock::now();
      {
        const auto lock = volume.Write();
      }
      longest = std::max(longest, SecondsSince(begin));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  work();
  waiter.request_stop();
  waiter.join();
  return longest;
}

void ChangeFiles(Volume& volume, int round) {
  auto lock = volume.Write();
  CHECK(lock) << lock.error();
  for (int i = 0; i < kChangesPerRecord; ++i) {
    const InodeNumber number =
        2 + static_cast<InodeNumber>((round * kChangesPerRecord + i) * 7);
    const Inode* inode = (*lock)->Find(number);
    if (inode == nullptr) return;
    Attributes attributes = inode->attributes;
    attributes.mtime += round + 1;
    (*lock)->SetAttributes(number, attributes);
  }
}

void Measure(uint64_t count) {
  const auto account = std::make_shared<FakeAccount>();
  {
    FakeObjectStore store(account);
    CHECK(Volume::Format(store, {}));
    const auto volume = Open(account, /*read_only=*/false);
    MakeFiles(*volume, count);
    CHECK(volume->Close());
  }
  const ObjectId newest = account->Ids(ObjectKind::kCheckpoint).back();
  std::cout << std::format("{{\"inodes\":{},\"checkpoint_bytes\":{}", count,
                           account->objects[newest].bytes.size());

  uint64_t before = Memory();
  Clock::time_point begin = Clock::now();
  auto volume = Open(account, /*read_only=*/true);
  std::cout << std::format(",\"open_seconds\":{:.2f}", SecondsSince(begin));
  const uint64_t memory = Memory() - before;
  std::cout << std::format(",\"memory_bytes\":{},\"bytes_per_inode\":{}",
                           memory, memory / count);

  volume = nullptr;
  volume = Open(account, /*read_only=*/false);
  ChangeFiles(*volume, 0);
  begin = Clock::now();
  const double stall = LongestStall(*volume, [&] {
    CHECK(volume->CollectGarbage(
        {.compact = false, .sweep = false, .checkpoint = true}));
  });
  std::cout << std::format(
      ",\"checkpoint_seconds\":{:.2f},\"writers_held_up_seconds\":{:.2f}",
      SecondsSince(begin), stall);

  for (int i = 1; i <= kRecords; ++i) {
    ChangeFiles(*volume, i);
    CHECK(volume->Sync());
  }
  volume = nullptr;
  begin = Clock::now();
  volume = Open(account, /*read_only=*/true);
  std::cout << std::format(
      ",\"open_seconds_with_{}_records_of_{}_changes\":{:.2f}}}\n", kRecords,
      kChangesPerRecord, SecondsSince(begin));
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  google::InitGoogleLogging(argv[0]);
  for (int i = 1; i < argc; ++i) {
    driveroot::Measure(std::strtoull(argv[i], nullptr, 10));
  }
}
