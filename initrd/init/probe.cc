// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/probe.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <format>
#include <utility>

#include "initrd/init/daemon.h"
#include "initrd/init/system.h"

namespace driveroot {
namespace {

constexpr char kProbePath[] = "/bin/store-probe";
constexpr char kGoogle[] = "https://www.googleapis.com/";

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ',';
    joined += word;
  }
  return joined;
}

}  // namespace

Result<Probe> Probe::Start(const Settings& settings, const Lease& lease,
                           Children& children) {
  std::array<int, 2> ends = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                 ends.data()) < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a socket"));
  }
  Probe probe;
  probe.output_ = UniqueFd(ends[0]);
  const UniqueFd other_end(ends[1]);
  const std::string& endpoint = settings.drive_endpoint;
  DRIVEROOT_ASSIGN_OR_RETURN(
      probe.pid_,
      children.Start(
          {.path = kProbePath,
           .arguments = {"store-probe", "--interface=" + lease.interface,
                         "--url=" + (endpoint.empty() ? kGoogle : endpoint),
                         std::string("--ca=") + kCaPath,
                         "--dns=" + Join(lease.dns_servers)},
           .status_fd = other_end.get()}));
  return probe;
}

std::optional<ProbeReport> Probe::Poll(Children& children) {
  if (pid_ < 0) return std::nullopt;
  const bool has_ended = children.TakeExit(pid_).has_value();
  std::array<char, 4096> bytes;
  ssize_t count = 0;
  while ((count = read(output_.get(), bytes.data(), bytes.size())) > 0) {
    text_.append(bytes.data(), static_cast<size_t>(count));
  }
  if (!has_ended) return std::nullopt;
  pid_ = -1;
  Result<ProbeReport> report = ParseReport(text_);
  if (report) return *std::move(report);
  return ProbeReport{.error = report.error().message()};
}

bool MendClock(const ProbeReport& report, Console& console) {
  const Result<time_t> floor = ClockFloor();
  if (!floor) return false;
  const std::optional<int64_t> time = MendedTime(
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()),
      *floor, report);
  if (!time) return false;
  const Status set = SetClock(*time);
  console.Print(
      set ? std::format("the machine's clock was wrong and was set to what the "
                        "store says: {:%F %R} UTC",
                        std::chrono::sys_seconds(std::chrono::seconds(*time)))
          : "warning: " + set.error().message());
  return set.has_value();
}

}  // namespace driveroot
