// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/request_counts.h"

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>

#include "driveroot/fuse/current_operation.h"
#include "driveroot/fuse/operations.h"

namespace driveroot {
namespace {

struct Operation {
  std::string_view name;
  void (*wrap)(std::string_view name, fuse_lowlevel_ops&);
  const std::atomic<uint64_t>* count;
};

// An argument of an operation, kept for a repetition of it.
template <typename T>
struct Kept {
  explicit Kept(const T& value) : kept(value) {}
  T Get() { return kept; }
  T kept;
};
template <>
struct Kept<const char*> {
  explicit Kept(const char* value) : kept(value) {}
  const char* Get() { return kept.c_str(); }
  std::string kept;
};
template <typename T>
  requires std::is_same_v<T, struct stat*> || std::is_same_v<T, fuse_file_info*>
struct Kept<T> {
  explicit Kept(T value) {
    if (value != nullptr) kept = *value;
  }
  T Get() { return kept ? &*kept : nullptr; }
  std::optional<std::remove_pointer_t<T>> kept;
};
template <typename T>
constexpr bool kCanBeKept =
    !std::is_pointer_v<T> || std::is_same_v<T, fuse_req_t> ||
    std::is_same_v<T, const char*> || std::is_same_v<T, struct stat*> ||
    std::is_same_v<T, fuse_file_info*>;

// Their bytes are no strings. A write is repeated with a part of them
// (ParkedRequests::Write).
using SetXattrFunction = void(fuse_req_t, fuse_ino_t, const char*, const char*,
                              size_t, int);
using WriteFunction = void(fuse_req_t, fuse_ino_t, const char*, size_t, off_t,
                           fuse_file_info*);

// Stands in the table for the operation `Member`, counts its calls and names it
// to them.
template <auto Member>
struct Counted;

template <typename... Arguments,
          void (*fuse_lowlevel_ops::*Member)(Arguments...)>
struct Counted<Member> {
  using Function = void(Arguments...);

  static inline std::atomic<uint64_t> count = 0;
  static inline void (*operation)(Arguments...) = nullptr;
  static inline std::string_view name;

  static void Call(Arguments... arguments) {
    count.fetch_add(1, std::memory_order_relaxed);
    const std::tuple<Arguments...> all(arguments...);
    const OperationScope scope(name, MakeRepetition, &all);
    operation(arguments...);
  }

  // What libfuse passes by pointer lives as long as the call only.
  static std::function<void()> MakeRepetition(const void* arguments) {
    const auto& all = *static_cast<const std::tuple<Arguments...>*>(arguments);
    if constexpr (std::is_same_v<Function, SetXattrFunction>) {
      const auto& [request, number, key, value, size, flags] = all;
      return [request, number, kept_key = std::string(key),
              kept_value = std::string(value, size), flags] {
        operation(request, number, kept_key.c_str(), kept_value.data(),
                  kept_value.size(), flags);
      };
    } else if constexpr ((kCanBeKept<Arguments> && ...) &&
                         !std::is_same_v<Function, WriteFunction>) {
      return std::apply(
          [](const Arguments&... each) -> std::function<void()> {
            return [... kept = Kept<Arguments>(each)]() mutable {
              operation(kept.Get()...);
            };
          },
          all);
    } else {
      return nullptr;
    }
  }

  static void Wrap(std::string_view its_name, fuse_lowlevel_ops& operations) {
    if (operations.*Member == nullptr) return;
    name = its_name;
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
  for (const Operation& operation : kOperations) {
    operation.wrap(operation.name, operations);
  }
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
