// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/machine_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

constexpr uint64_t kMaxFileBytes = 64 * 1024;

uint64_t ResourceLimit(int resource) {
  rlimit limit = {};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return UINT64_MAX;
  }
  return limit.rlim_cur;
}

// "max", or a number.
uint64_t ParseLimit(std::string_view text) {
  uint64_t value = 0;
  const auto parsed =
      std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() ? value : UINT64_MAX;
}

}  // namespace

uint64_t ControlGroupMemory(const std::string& membership,
                            const std::string& root) {
  // "0::/system.slice/driveroot.service"
  constexpr std::string_view kPrefix = "0::/";
  const size_t begin = membership.starts_with(kPrefix)
                           ? 0
                           : membership.find("\n" + std::string(kPrefix));
  if (begin == std::string::npos) return UINT64_MAX;
  const size_t name = membership.find('/', begin);
  std::string path =
      membership.substr(name, membership.find('\n', name) - name);
  uint64_t memory = UINT64_MAX;
  while (!path.empty()) {
    const Result<std::string> limit =
        ReadFile(root + path + "/memory.max", kMaxFileBytes);
    if (limit) memory = std::min(memory, ParseLimit(*limit));
    path.resize(path.rfind('/'));
  }
  return memory;
}

uint64_t MachineMemory() {
  const auto machine = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                       static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t memory =
      std::min({machine, ResourceLimit(RLIMIT_AS), ResourceLimit(RLIMIT_DATA)});
  const Result<std::string> membership =
      ReadFile("/proc/self/cgroup", kMaxFileBytes);
  if (membership) {
    memory =
        std::min(memory, ControlGroupMemory(*membership, "/sys/fs/cgroup"));
  }
  return memory;
}

}  // namespace driveroot
