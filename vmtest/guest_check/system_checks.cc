// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <format>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/control/control_session.h"
#include "rapidjson/document.h"
#include "vmtest/guest_check/checks.h"
#include "vmtest/process/process.h"

namespace driveroot::vmtest {
namespace {

constexpr uint64_t kMaxBytes = 1 << 20;

std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Status RootIsDriveroot() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string mounts,
                             ReadFile("/proc/self/mounts", kMaxBytes));
  return Expect(
      mounts.find("driveroot / fuse.driveroot rw") != std::string::npos,
      "no \"driveroot / fuse.driveroot rw\" among\n" + mounts);
}

Status SystemdIsContent() {
  // Waits until the start is over; its code is not 0 when a unit failed.
  const Result<std::string> state =
      Run({"/usr/bin/systemctl", "is-system-running", "--wait"});
  const std::string failed =
      Run({"/usr/bin/systemctl", "--failed", "--no-legend", "--plain"})
          .value_or("(systemctl --failed does not work)");
  return Expect(state && Trimmed(*state) == "running",
                "state " + (state ? *state : state.error().message()) +
                    ", failed units:\n" + failed);
}

Status DefaultTargetIsReached() {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string state,
      Run({"/usr/bin/systemctl", "is-active", "default.target"}));
  return Expect(Trimmed(state) == "active", "default.target is " + state);
}

Status UserNamespaces() {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string uid,
      Run({"/usr/bin/unshare", "-U", "--map-root-user", "/usr/bin/id", "-u"}));
  DRIVEROOT_RETURN_IF_ERROR(
      Expect(Trimmed(uid) == "0", "unshare -U printed " + uid));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string unprivileged,
      Run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534",
           "--clear-groups", "/usr/bin/unshare", "-U", "/usr/bin/id", "-u"}));
  return Expect(!Trimmed(unprivileged).empty(), "no user id as nobody");
}

Status NamesResolve() {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string found,
      Run({"/usr/bin/getent", "ahostsv4", "www.googleapis.com"}));
  return Expect(found.starts_with("10.0.2.2 "), "getent printed " + found);
}

// How many requests of a kind, as "getxattr", the kernel sent so far.
Result<uint64_t> KernelRequests(const char* kind) {
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::ConnectTo("/"));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string answer,
                             session.Request("status", std::chrono::seconds(60),
                                             [](const std::string&) {}));
  rapidjson::Document document;
  document.Parse(answer.data(), answer.size());
  const rapidjson::Value* value = &document;
  for (const char* key : {"status", "kernel_requests", kind}) {
    if (!value->IsObject() || !value->HasMember(key)) {
      return Fail(ErrorCode::kDataLoss,
                  std::string("no ") + key + " in " + answer);
    }
    value = &(*value)[key];
  }
  return value->GetUint64();
}

// Whoever owns nothing of a path is checked against access lists, which the
// kernel keeps; the root's, too.
Status NobodyWalksWithoutRequests() {
  constexpr uid_t kNobody = 65534;
  constexpr uint64_t kWalks = 1000;
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t before, KernelRequests("getxattr"));
  setfsuid(kNobody);
  struct stat info = {};
  int result = 0;
  for (uint64_t i = 0; i < kWalks; ++i) {
    result |= stat("/etc/hostname", &info);
  }
  setfsuid(0);
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t after, KernelRequests("getxattr"));
  // Others may do something meanwhile.
  return Expect(result == 0 && after - before < kWalks / 2,
                std::to_string(after - before) + " requests for " +
                    std::to_string(kWalks) + " walks, result " +
                    std::to_string(result));
}

Status FileSystemIsAskedForRarely() {
  constexpr uint64_t kCalls = 1000;
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t before, KernelRequests("statfs"));
  struct statfs info = {};
  int result = 0;
  for (uint64_t i = 0; i < kCalls; ++i) result |= statfs("/etc", &info);
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t after, KernelRequests("statfs"));
  return Expect(
      result == 0 && info.f_bsize == 4096 && after - before < kCalls / 2,
      std::to_string(after - before) + " requests, blocks of " +
          std::to_string(info.f_bsize) + " bytes");
}

// A read that changes no access time leaves the attributes known.
Status ReadsLeaveAttributesKnown() {
  constexpr uint64_t kReads = 100;
  constexpr char kPath[] = "/var/tmp/guest_check.read";
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(kPath, "read", 0644));
  sync();  // what is dirty stays in the cache
  struct stat info = {};
  uint64_t before = 0;
  for (uint64_t i = 0; i <= kReads; ++i) {
    DRIVEROOT_RETURN_IF_ERROR(ReadFile(kPath, kMaxBytes));
    if (stat(kPath, &info) != 0) {
      return std::unexpected(Error::FromErrno(errno, kPath));
    }
    // The first read changes it.
    if (i == 0) {
      DRIVEROOT_ASSIGN_OR_RETURN(before, KernelRequests("getattr"));
    }
    // So that the next one asks the daemon.
    const UniqueFd file(open(kPath, O_RDONLY | O_CLOEXEC));
    posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t after, KernelRequests("getattr"));
  unlink(kPath);
  return Expect(
      info.st_atim.tv_sec >= info.st_mtim.tv_sec && after - before < kReads / 2,
      std::to_string(after - before) + " requests for " +
          std::to_string(kReads) + " reads, read at " +
          std::to_string(info.st_atim.tv_sec) + ", changed at " +
          std::to_string(info.st_mtim.tv_sec));
}

// A request brings some two hundred names, not twenty.
Status FoldersAreListedInFewRequests() {
  constexpr uint64_t kFiles = 400;
  const std::filesystem::path folder = "/var/tmp/guest_check.list";
  std::filesystem::create_directory(folder);
  for (uint64_t i = 0; i < kFiles; ++i) {
    DRIVEROOT_RETURN_IF_ERROR(
        ReplaceFile(folder / std::format("file-{:07}", i), "", 0644));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t before,
                             KernelRequests("readdirplus"));
  uint64_t listed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    listed += entry.path().filename().string().starts_with("file-") ? 1 : 0;
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t after,
                             KernelRequests("readdirplus"));
  std::filesystem::remove_all(folder);
  return Expect(listed == kFiles && after - before < kFiles / 40,
                std::to_string(after - before) + " requests for " +
                    std::to_string(listed) + " names");
}

// The boot does not wait for it, but it happens.
Status JournalIsKept() {
  DRIVEROOT_RETURN_IF_ERROR(Run({"/usr/bin/journalctl", "--flush"}));
  int kept = 0;
  for (const auto& folder :
       std::filesystem::directory_iterator("/var/log/journal")) {
    kept += std::filesystem::exists(folder.path() / "system.journal") ? 1 : 0;
  }
  int volatile_ones = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator("/run/log/journal")) {
    volatile_ones += entry.is_regular_file() ? 1 : 0;
  }
  return Expect(kept == 1 && volatile_ones == 0,
                std::to_string(kept) + " in /var/log/journal, " +
                    std::to_string(volatile_ones) + " in /run/log/journal");
}

// What the machine was given for its Drive is nothing that it is given on.
Status TokenIsNotHandedOn() {
  constexpr std::string_view kName = "driveroot.credentials";
  DRIVEROOT_RETURN_IF_ERROR(
      Expect(!std::filesystem::exists("/run/credentials/@system/" +
                                      std::string(kName)),
             "systemd has it in /run/credentials"));
  std::vector<std::string> tables = {"/sys/firmware/dmi/tables/DMI"};
  for (const char* folder :
       {"/sys/firmware/dmi/entries", "/sys/firmware/qemu_fw_cfg/by_key"}) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end;
         !error && entry != end; entry.increment(error)) {
      tables.push_back(entry->path().string() + "/raw");
    }
  }
  for (const std::string& table : tables) {
    const Result<std::string> bytes = ReadFile(table, kMaxBytes);
    DRIVEROOT_RETURN_IF_ERROR(
        Expect(!bytes || !bytes->contains(kName), table + " holds it"));
  }
  return {};
}

Status PackagesAreWhole() {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string audit,
                             Run({"/usr/bin/dpkg", "--audit"}));
  return Expect(audit.empty(), audit);
}

}  // namespace

Result<std::string> Run(const std::vector<std::string>& command) {
  ProcessOptions options;
  options.arguments = command;
  return RunToEnd(options);
}

Status Expect(bool condition, const std::string& message) {
  if (condition) return {};
  return Fail(ErrorCode::kInternal, message);
}

std::vector<Check> SystemChecks() {
  return {{"root is fuse.driveroot", RootIsDriveroot},
          {"systemd runs with no failed unit", SystemdIsContent},
          {"default target is reached", DefaultTargetIsReached},
          {"user namespaces", UserNamespaces},
          {"names resolve", NamesResolve},
          {"nobody's walks cost no requests", NobodyWalksWithoutRequests},
          {"the file system is asked for rarely", FileSystemIsAskedForRarely},
          {"reads leave attributes known", ReadsLeaveAttributesKnown},
          {"folders are listed in few requests", FoldersAreListedInFewRequests},
          {"the journal is kept", JournalIsKept},
          {"the token is not handed on", TokenIsNotHandedOn},
          {"dpkg finds nothing amiss", PackagesAreWhole}};
}

}  // namespace driveroot::vmtest
