// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/system.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <format>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"

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

Result<time_t> ClockFloor() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text,
                             ReadFile(kClockFloorPath, kMaxDayBytes));
  return ParseDay(text);
}

Status SetClock(time_t time) {
  const timespec now = {.tv_sec = time, .tv_nsec = 0};
  if (clock_settime(CLOCK_REALTIME, &now) < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot set the clock"));
  }
  return {};
}

Result<bool> RaiseClock() {
  DRIVEROOT_ASSIGN_OR_RETURN(const time_t floor, ClockFloor());
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec >= floor) return false;
  DRIVEROOT_RETURN_IF_ERROR(SetClock(floor));
  return true;
}

std::string ReadMachineUuid() {
  std::string uuid =
      ReadFile("/sys/class/dmi/id/product_uuid", kMaxDayBytes).value_or("");
  while (uuid.ends_with('\n')) uuid.pop_back();
  for (char& c : uuid) c = static_cast<char>(std::tolower(c));
  return uuid;
}

void PrepareNetworkStack() {
  // Best effort: without it a path that drops large packets silently stalls.
  const UniqueFd file(
      open("/proc/sys/net/ipv4/tcp_mtu_probing", O_WRONLY | O_CLOEXEC));
  static_cast<void>(WriteFully(file.get(), "1", "tcp_mtu_probing"));
}

}  // namespace driveroot
