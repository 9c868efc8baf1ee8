// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/system.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <format>
#include <string>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

constexpr char kClockFloorPath[] = "/etc/driveroot/clock-floor";
constexpr uint64_t kMaxDayBytes = 64;

struct KernelFileSystem {
  const char* type;
  const char* target;
  unsigned long flags;
  const char* options;
};

// As systemd mounts them (src/shared/mount-setup.c), which then finds them
// there. /run is not noexec: the shutdown helper is started from it.
constexpr std::array<KernelFileSystem, 4> kKernelFileSystems = {{
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    {"devtmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=0755"},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=0755"},
}};

bool ReadNumber(std::string_view text, int& ret_number) {
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), ret_number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Status MountKernelFileSystems() {
  for (const KernelFileSystem& system : kKernelFileSystems) {
    // EBUSY: the kernel has mounted it itself (CONFIG_DEVTMPFS_MOUNT).
    if (mount(system.type, system.target, system.type, system.flags,
              system.options) < 0 &&
        errno != EBUSY) {
      return std::unexpected(Error::FromErrno(
          errno, std::format("cannot mount {}", system.target)));
    }
  }
  return {};
}

Result<time_t> ParseDay(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  int year = 0;
  int month = 0;
  int day = 0;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' ||
      !ReadNumber(text.substr(0, 4), year) ||
      !ReadNumber(text.substr(5, 2), month) ||
      !ReadNumber(text.substr(8, 2), day)) {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("{} is no day: YYYY-MM-DD", text));
  }
  const std::chrono::year_month_day date{
      std::chrono::year(year),
      std::chrono::month(static_cast<unsigned int>(month)),
      std::chrono::day(static_cast<unsigned int>(day))};
  if (!date.ok()) {
    return Fail(ErrorCode::kInvalidArgument,
                std::format("there is no day {}", text));
  }
  return std::chrono::system_clock::to_time_t(std::chrono::sys_days(date));
}

Result<bool> RaiseClock() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(kClockFloorPath, kMaxDayBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(const time_t floor, ParseDay(text));
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec >= floor) return false;
  const timespec earliest = {.tv_sec = floor, .tv_nsec = 0};
  if (clock_settime(CLOCK_REALTIME, &earliest) < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot set the clock"));
  }
  return true;
}

}  // namespace driveroot
