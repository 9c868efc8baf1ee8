// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/request_counts.h"

#include <fuse_lowlevel.h>

#include <atomic>

#include "driveroot/fuse/operations.h"

namespace driveroot {
namespace {

struct Operation {
  std::string_view name;
  void (*wrap)(fuse_lowlevel_ops&);
  const std::atomic<uint64_t>* count;
};

// Stands in the table for the operation `Member` and counts its calls.
template <auto Member>
struct Counted;

template <typename... Arguments,
          void (*fuse_lowlevel_ops::*Member)(Arguments...)>
struct Counted<Member> {
  static inline std::atomic<uint64_t> count = 0;
  static inline void (*operation)(Arguments...) = nullptr;

  static void Call(Arguments... arguments) {
    count.fetch_add(1, std::memory_order_relaxed);
    operation(arguments...);
  }

  static void Wrap(fuse_lowlevel_ops& operations) {
    if (operations.*Member == nullptr) return;
    operation = operations.*Member;
    operations.*Member = Call;
  }
};

#define DRIVEROOT_OPERATION(name)                   \
  Operation {                                       \
    #name, Counted<&fuse_lowlevel_ops::name>::Wrap, \
        &Counted<&fuse_lowlevel_ops::name>::count   \
  }

constexpr Operation kOperations[] = {
    DRIVEROOT_OPERATION(lookup),
    DRIVEROOT_OPERATION(forget),
    DRIVEROOT_OPERATION(forget_multi),
    DRIVEROOT_OPERATION(getattr),
    DRIVEROOT_OPERATION(setattr),
    DRIVEROOT_OPERATION(readlink),
    DRIVEROOT_OPERATION(mknod),
    DRIVEROOT_OPERATION(mkdir),
    DRIVEROOT_OPERATION(unlink),
    DRIVEROOT_OPERATION(rmdir),
    DRIVEROOT_OPERATION(symlink),
    DRIVEROOT_OPERATION(rename),
    DRIVEROOT_OPERATION(link),
    DRIVEROOT_OPERATION(create),
    DRIVEROOT_OPERATION(tmpfile),
    DRIVEROOT_OPERATION(release),
    DRIVEROOT_OPERATION(read),
    DRIVEROOT_OPERATION(write),
    DRIVEROOT_OPERATION(write_buf),
    DRIVEROOT_OPERATION(fsync),
    DRIVEROOT_OPERATION(fsyncdir),
    DRIVEROOT_OPERATION(readdir),
    DRIVEROOT_OPERATION(readdirplus),
    DRIVEROOT_OPERATION(statfs),
    DRIVEROOT_OPERATION(getxattr),
    DRIVEROOT_OPERATION(setxattr),
    DRIVEROOT_OPERATION(listxattr),
    DRIVEROOT_OPERATION(removexattr),
    DRIVEROOT_OPERATION(fallocate),
    DRIVEROOT_OPERATION(lseek),
    DRIVEROOT_OPERATION(copy_file_range),
};

#undef DRIVEROOT_OPERATION

}  // namespace

void CountRequests(fuse_lowlevel_ops& operations) {
  for (const Operation& operation : kOperations) operation.wrap(operations);
}

std::vector<std::pair<std::string_view, uint64_t>> RequestCounts() {
  std::vector<std::pair<std::string_view, uint64_t>> counts;
  for (const Operation& operation : kOperations) {
    const uint64_t count = operation.count->load(std::memory_order_relaxed);
    if (count > 0) counts.emplace_back(operation.name, count);
  }
  return counts;
}

}  // namespace driveroot
