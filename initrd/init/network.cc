// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/network.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <format>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "initrd/init/probe.h"

namespace driveroot {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kDevices[] = "/sys/class/net";
constexpr uint64_t kMaxAttributeBytes = 4096;
constexpr uint64_t kMaxLeaseBytes = 64 << 10;
constexpr std::chrono::milliseconds kTick(20);
// After which the console says what may be wrong.
constexpr std::chrono::seconds kPatience(15);
// Between two probes over an interface.
constexpr std::chrono::seconds kProbePause(3);
// Between two starts of a dhcpcd that ends by itself.
constexpr std::chrono::seconds kRestartPause(3);

struct Interface {
  bool has_carrier = false;
  pid_t client = -1;  // dhcpcd; -1: not running.
  Clock::time_point client_start;
  std::optional<Lease> lease;
  std::optional<Probe> probe;  // while it runs
  Clock::time_point probe_end;
  std::string probe_error;  // of the last one
};

using Interfaces = std::map<std::string, Interface>;

std::string ReadAttribute(const std::string& interface,
                          std::string_view attribute) {
  Result<std::string> text =
      ReadFile(std::format("{}/{}/{}", kDevices, interface, attribute),
               kMaxAttributeBytes);
  if (!text) return "";
  while (text->ends_with('\n')) text->pop_back();
  return *std::move(text);
}

// An Ethernet device that is hardware and not wireless, for which a password
// would be needed.
bool IsWired(const std::string& interface) {
  const std::filesystem::path device =
      std::filesystem::path(kDevices) / interface;
  std::error_code ignored;
  return ReadAttribute(interface, "type") == std::to_string(ARPHRD_ETHER) &&
         std::filesystem::exists(device / "device", ignored) &&
         !std::filesystem::exists(device / "phy80211", ignored);
}

void SetUp(const std::string& interface, bool up) {
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  if (!fd.valid() || interface.size() >= sizeof(request.ifr_name)) return;
  std::memcpy(request.ifr_name, interface.c_str(), interface.size() + 1);
  if (ioctl(fd.get(), SIOCGIFFLAGS, &request) < 0) return;
  const auto old_flags = request.ifr_flags;
  request.ifr_flags =
      static_cast<short>(up ? old_flags | IFF_UP : old_flags & ~IFF_UP);
  // A failure shows as a missing carrier.
  if (request.ifr_flags != old_flags) ioctl(fd.get(), SIOCSIFFLAGS, &request);
}

// Drivers find their devices late: called again and again.
void FindInterfaces(Interfaces& interfaces) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(kDevices, error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (interfaces.contains(name) || !IsWired(name)) continue;
    SetUp(name, true);
    interfaces.emplace(name, Interface());
  }
}

void RunClients(Interfaces& interfaces, Children& children) {
  for (auto& [name, interface] : interfaces) {
    interface.has_carrier = ReadAttribute(name, "carrier") == "1";
    if (interface.client >= 0 && children.IsRunning(interface.client)) continue;
    const bool is_restart = interface.client >= 0;
    if (!interface.has_carrier ||
        (is_restart && Clock::now() - interface.client_start < kRestartPause)) {
      continue;
    }
    const Result<pid_t> client = children.Start({
        .path = "/bin/dhcpcd",
        .arguments = {"@dhcpcd", "--config", "/etc/dhcpcd.conf",
                      "--nobackground", name},
    });
    interface.client = client.value_or(-1);
    interface.client_start = Clock::now();
  }
}

// What the path takes: larger packets may vanish without a word. A device that
// refuses keeps its own.
void SetMtu(const Lease& lease) {
  if (lease.mtu == 0) return;
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  if (!fd.valid() || lease.interface.size() >= sizeof(request.ifr_name)) return;
  std::memcpy(request.ifr_name, lease.interface.c_str(),
              lease.interface.size() + 1);
  if (ioctl(fd.get(), SIOCGIFMTU, &request) < 0 ||
      request.ifr_mtu == lease.mtu) {
    return;
  }
  request.ifr_mtu = lease.mtu;
  ioctl(fd.get(), SIOCSIFMTU, &request);
}

void FindLeases(Interfaces& interfaces) {
  for (auto& [name, interface] : interfaces) {
    if (interface.lease) continue;
    const Result<std::string> text = ReadFile(LeasePath(name), kMaxLeaseBytes);
    if (!text) continue;
    Result<Lease> lease = ParseLease(*text);
    if (!lease) continue;
    SetMtu(*lease);
    interface.lease = *std::move(lease);
  }
}

// Tries the way to the store over each interface that has a lease; returns the
// first that leads there.
Interface* RunProbes(const Settings& settings, Interfaces& interfaces,
                     Console& console, Children& children) {
  for (auto& [name, interface] : interfaces) {
    if (!interface.lease) continue;
    if (!interface.probe) {
      if (Clock::now() - interface.probe_end < kProbePause) continue;
      Result<Probe> probe = Probe::Start(settings, *interface.lease, children);
      if (probe) interface.probe = *std::move(probe);
      continue;
    }
    const std::optional<ProbeReport> report = interface.probe->Poll(children);
    if (!report) continue;
    interface.probe.reset();
    interface.probe_end = Clock::now();
    interface.probe_error = report->error;
    if (!report->error.empty()) continue;
    MendClock(*report, console);
    return &interface;
  }
  return nullptr;
}

// Gives back the interfaces that the boot does not need.
void ReleaseOthers(const Interfaces& interfaces, const std::string& kept,
                   Children& children) {
  for (const auto& [name, interface] : interfaces) {
    if (name == kept) continue;
    if (interface.client >= 0) {
      kill(interface.client, SIGALRM);  // dhcpcd: give the lease back and end.
      while (children.IsRunning(interface.client)) {
        std::this_thread::sleep_for(kTick);
      }
    }
    SetUp(name, false);
  }
}

std::string DescribeWait(const std::string& name, const Interface& interface,
                         bool is_late) {
  if (interface.lease) {
    return interface.probe_error.empty()
               ? name + " looks for the store"
               : std::format("{} ({}) does not lead to the store: {}", name,
                             interface.lease->address, interface.probe_error);
  }
  if (!interface.has_carrier) {
    return name + (is_late ? " has no carrier: is its cable plugged in at both "
                             "ends?"
                           : " waits for a carrier");
  }
  return name + (is_late ? " gets no answer from a DHCP server: is there one "
                           "in its network?"
                         : " asks for an address (DHCP)");
}

std::string DescribeWait(const Interfaces& interfaces, bool is_late) {
  if (interfaces.empty()) {
    return is_late ? "no network card found. The kernel has drivers for common "
                     "wired "
                     "cards only: put in another, or a USB adapter."
                   : "waiting for a network card";
  }
  std::string text;
  for (const auto& [name, interface] : interfaces) {
    if (!text.empty()) text += "; ";
    text += DescribeWait(name, interface, is_late);
  }
  return text;
}

std::string DescribeLease(const Lease& lease) {
  const auto first_or = [](const std::vector<std::string>& list,
                           const char* otherwise) {
    return list.empty() ? std::string(otherwise) : list.front();
  };
  return std::format("{} has the address {}/{}, router {}, name server {}",
                     lease.interface, lease.address, lease.prefix_length,
                     first_or(lease.routers, "none"),
                     first_or(lease.dns_servers, "none"));
}

}  // namespace

Connection WaitForConnection(const Settings& settings, bool doubts_clock,
                             Console& console, Children& children) {
  SetUp("lo", true);
  Interfaces interfaces;
  const Clock::time_point start = Clock::now();
  console.StartStep();
  while (true) {
    FindInterfaces(interfaces);
    RunClients(interfaces, children);
    FindLeases(interfaces);
    const Interface* chosen = nullptr;
    if (doubts_clock || interfaces.size() > 1) {
      chosen = RunProbes(settings, interfaces, console, children);
    } else if (!interfaces.empty() && interfaces.begin()->second.lease) {
      chosen = &interfaces.begin()->second;
    }
    if (chosen != nullptr) {
      Lease lease = *chosen->lease;
      console.Progress(DescribeLease(lease));
      ReleaseOthers(interfaces, lease.interface, children);
      std::string mac_address = ReadAttribute(lease.interface, "address");
      return {.lease = std::move(lease), .mac_address = std::move(mac_address)};
    }
    console.Progress(
        DescribeWait(interfaces, Clock::now() - start > kPatience));
    std::this_thread::sleep_for(kTick);
  }
}

bool MendClockOver(const Connection& connection, const Settings& settings,
                   Console& console, Children& children) {
  Result<Probe> probe = Probe::Start(settings, connection.lease, children);
  if (!probe) return false;
  while (true) {
    const std::optional<ProbeReport> report = probe->Poll(children);
    if (report) return MendClock(*report, console);
    std::this_thread::sleep_for(kTick);
  }
}

}  // namespace driveroot
