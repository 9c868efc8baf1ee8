// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/writer_identity.h"

#include <signal.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "driveroot/base/files.h"
#include "glog/logging.h"

namespace driveroot {
namespace {

// A root file system writes logs and times more often than this. One that does
// not has nothing to lose by being fenced at that moment.
constexpr TimeNs kSilence = TimeNs{3600} * 1'000'000'000;

// The first line of a small file of the system; empty when it cannot be read.
std::string FirstLine(const std::string& path) {
  constexpr uint64_t kMaxBytes = 4096;
  const Result<std::string> text = ReadFile(path, kMaxBytes);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

// When process `pid` started, in the kernel's clock ticks after the boot: with
// its number it names one process. Empty when there is none.
std::string StartTime(const std::string& pid) {
  const std::string text = FirstLine("/proc/" + pid + "/stat");
  // The second field is the program's name in parentheses and may hold any
  // byte. The start time is the 22nd field; proc(5).
  size_t position = text.rfind(')');
  for (int field = 2; field < 22 && position != text.npos; ++field) {
    position = text.find(' ', position + 1);
  }
  if (position == text.npos) return "";
  const size_t end = text.find(' ', position + 1);
  return text.substr(position + 1, end - position - 1);
}

bool IsRunning(const std::string& process) {
  const size_t colon = process.find(':');
  if (colon == process.npos) return false;
  const std::string pid = process.substr(0, colon);
  if (pid.empty() || pid.find_first_not_of("0123456789") != pid.npos) {
    return false;
  }
  return StartTime(pid) == process.substr(colon + 1);
}

}  // namespace

WriterIdentity MakeWriterIdentity(const std::string& host_name,
                                  const std::string& boot_id) {
  WriterIdentity identity{
      .host_name = host_name, .boot_id = boot_id, .process = {}};
  if (identity.host_name.empty()) {
    std::array<char, 256> name = {};
    gethostname(name.data(), name.size() - 1);
    identity.host_name = name.data();
  }
  if (identity.boot_id.empty()) {
    identity.boot_id = FirstLine("/proc/sys/kernel/random/boot_id");
  }
  const std::string pid = std::to_string(getpid());
  identity.process = pid + ":" + StartTime(pid);
  return identity;
}

std::string NewUuid() {
  std::array<uint8_t, 16> bytes;
  // Cannot fail for so few bytes once the system is up; getentropy(3).
  PCHECK(getentropy(bytes.data(), bytes.size()) == 0);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;  // version 4, RFC 9562
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string uuid;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    uuid += kDigits[bytes[i] >> 4];
    uuid += kDigits[bytes[i] & 15];
  }
  return uuid;
}

TimeNs NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::chrono::nanoseconds TimeSinceBoot() {
  timespec now;
  PCHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return std::chrono::seconds(now.tv_sec) +
         std::chrono::nanoseconds(now.tv_nsec);
}

Status CheckNotInUse(const RecordHeader& last, const WriterIdentity& self,
                     TimeNs now) {
  const WriterIdentity& other = last.writer;
  if (last.type == RecordType::kClose) return {};
  if (other.host_name == self.host_name) {
    if (other.boot_id != self.boot_id || other.process == self.process ||
        !IsRunning(other.process)) {
      return {};
    }
    return Fail(ErrorCode::kBusy,
                "the volume is in use by process " +
                    other.process.substr(0, other.process.find(':')) +
                    " of this machine; unmount it there, or take it over with "
                    "--steal");
  }
  if (now > last.sealed_at && now - last.sealed_at > kSilence) return {};
  return Fail(ErrorCode::kBusy,
              "the volume is in use on host " + other.host_name +
                  ", which wrote to it less than an hour ago; unmount it "
                  "there, or take it over with --steal, which makes it "
                  "read-only there");
}

}  // namespace driveroot
