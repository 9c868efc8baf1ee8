// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/writer_identity.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/volume/hash.h"
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
// its number it names one process. Empty when there is none that runs: a zombie
// has ended and waits for its parent.
std::string StartTime(const std::string& pid) {
  const std::string text = FirstLine("/proc/" + pid + "/stat");
  // The second field is the program's name in parentheses and may hold any
  // byte. The third is the state, the 22nd the start time; proc(5).
  size_t position = text.rfind(')');
  if (position == text.npos || text.size() < position + 3) return "";
  if (const char state = text[position + 2]; state == 'Z' || state == 'X') {
    return "";
  }
  for (int field = 2; field < 22 && position != text.npos; ++field) {
    position = text.find(' ', position + 1);
  }
  if (position == text.npos) return "";
  const size_t end = text.find(' ', position + 1);
  return text.substr(position + 1, end - position - 1);
}

// The number of this process's pid namespace: "4026531836".
std::string PidNamespace() {
  std::array<char, 64> target = {};
  if (readlink("/proc/self/ns/pid", target.data(), target.size() - 1) <= 0) {
    return "";
  }
  std::string number = target.data();
  std::erase_if(number, [](char c) { return c < '0' || c > '9'; });
  return number;
}

// What tells copies of a machine apart, as far as this process may see it.
// Hashed, since the machine's id is not to be shown; machine-id(5).
std::string MachineMark() {
  const std::string id = FirstLine("/etc/machine-id") +
                         FirstLine("/sys/class/dmi/id/product_uuid");
  if (id.empty()) return "";
  constexpr size_t kDigits = 16;
  return HexOf(Sha256("driveroot writer" + id)).substr(0, kDigits);
}

// Where driveroot keeps what it knows for this user; empty: nowhere.
std::string StateFolder() {
  constexpr std::string_view kName = "/driveroot";
  if (geteuid() == 0) return std::string("/var/lib").append(kName);
  const char* const state = getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') {
    return std::string(state).append(kName);
  }
  const char* const home = getenv("HOME");
  if (home == nullptr || *home != '/') return "";
  return std::string(home).append("/.local/state").append(kName);
}

// As a line of text in a record: no more than that, and nothing that ends it.
std::string CleanId(std::string id) {
  constexpr size_t kMaxIdBytes = 64;
  std::erase_if(id, [](char c) { return c <= ' ' || c == ';' || c >= 0x7f; });
  return id.substr(0, kMaxIdBytes);
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

// Written whole under another name first, and never over one that is there:
// whoever comes second takes what the first one made.
std::string KeptWriterId(const std::string& folder) {
  const std::string file = folder + "/writer_id";
  if (std::string id = CleanId(FirstLine(file)); !id.empty()) return id;
  for (size_t end = 1; end != std::string::npos;) {
    end = folder.find('/', end + 1);
    mkdir(folder.substr(0, end).c_str(), 0755);
  }
  const std::string fresh = NewUuid();
  const std::string draft = file + "." + fresh;
  bool written = false;
  {
    const UniqueFd fd(
        open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    written = fd.valid() && WriteFully(fd.get(), fresh + "\n", draft) &&
              fsync(fd.get()) == 0;
  }
  // An empty one, which is of no use to anybody, as after a power cut.
  if (written && access(file.c_str(), F_OK) == 0 &&
      CleanId(FirstLine(file)).empty()) {
    unlink(file.c_str());
  }
  if (written) (void)!link(draft.c_str(), file.c_str());
  unlink(draft.c_str());
  std::string id = CleanId(FirstLine(file));
  if (id.empty()) {
    LOG(WARNING) << "cannot keep this machine's writer id in " << file
                 << ": after a crash, --steal may be needed to go on";
  }
  return id;
}

WriterIdentity MakeWriterIdentity(const std::string& host_name,
                                  const std::string& boot_id,
                                  const std::string& writer_id) {
  WriterIdentity identity;
  identity.host_name = host_name;
  identity.boot_id = boot_id;
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
  identity.pid_namespace = PidNamespace();
  if (!writer_id.empty()) {
    identity.writer_id = CleanId(writer_id);
  } else if (!host_name.empty()) {
    // Whoever plays another machine.
    identity.writer_id = CleanId("host:" + host_name);
  } else {
    const std::string folder = StateFolder();
    if (!folder.empty()) identity.writer_id = KeptWriterId(folder);
    identity.machine = MachineMark();
  }
  return identity;
}

std::string HardwareWriterId() {
  std::string id = CleanId(FirstLine("/sys/class/dmi/id/product_uuid"));
  // Firmware without an identity says so with all bits alike.
  const bool says_nothing = id.find_first_not_of("0-") == id.npos ||
                            id.find_first_not_of("fF-") == id.npos;
  if (!says_nothing) return "smbios:" + id;
  std::array<char, 256> name = {};
  gethostname(name.data(), name.size() - 1);
  return CleanId(std::string("host:") + name.data());
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
  const auto same = [](const std::string& a, const std::string& b) {
    return !a.empty() && a == b;
  };
  const bool same_boot = same(other.boot_id, self.boot_id);
  const bool same_writer = same(other.writer_id, self.writer_id);
  if (same_boot && same(other.pid_namespace, self.pid_namespace) &&
      other.host_name == self.host_name) {
    if (other.process == self.process || !IsRunning(other.process)) return {};
    return Fail(ErrorCode::kBusy,
                "the volume is in use by process " +
                    other.process.substr(0, other.process.find(':')) +
                    " of this machine; unmount it there, or take it over with "
                    "--steal");
  }
  // Copies of a machine have its file with the id as well.
  const bool is_copy = !other.machine.empty() && !self.machine.empty() &&
                       other.machine != self.machine;
  if (same_writer && !same_boot && !is_copy) return {};
  if (now > last.sealed_at && now - last.sealed_at > kSilence) return {};
  const std::string take_over =
      ", which wrote to it less than an hour ago; unmount it there, or take it "
      "over with --steal, which makes it read-only there";
  if (other.host_name != self.host_name && !same_writer) {
    return Fail(ErrorCode::kBusy,
                "the volume is in use on host " + other.host_name + take_over);
  }
  return Fail(ErrorCode::kBusy,
              "the volume is in use on " +
                  std::string(same_boot ? "this machine in another container"
                                        : "a machine that looks like this one "
                                          "and may be another") +
                  " (host " + other.host_name + ")" + take_over);
}

}  // namespace driveroot
