// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/runtime_files.h"

#include <cstdint>
#include <filesystem>
#include <format>
#include <set>

namespace driveroot {
namespace {

// systemd.network(5). Matched by address, since udev may rename the interface,
// and as hardware only, since a bridge or VLAN on top has the same address.
// The client identifier is dhcpcd's, so that the server gives the same address;
// KeepConfiguration leaves it there when networkd starts and stops.
constexpr std::string_view kNetworkdFile =
    R"([Match]
MACAddress={}
Kind=!*

[Network]
DHCP=ipv4
KeepConfiguration=yes

[DHCPv4]
ClientIdentifier=mac
)";

// NetworkManager.conf(5).
constexpr std::string_view kNetworkManagerFile =
    R"([device-driveroot]
match-device=mac:{0}
managed=0

[keyfile]
unmanaged-devices=mac:{0}
)";

// Stops after everything that needs sysinit.target, so after the ordinary
// services, and before file systems are unmounted: systemd-shutdown, which
// comes then, may cut the daemon off by a forced unmount. The helper prints on
// the console itself, and keeps a limit of its own.
constexpr std::string_view kCommitUnit =
    R"([Unit]
Description=Commit of the Root File System to its Volume
DefaultDependencies=no
Before=sysinit.target umount.target
Conflicts=umount.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStop=/run/initramfs/shutdown --commit
TimeoutStopSec=infinity
)";

// systemd.service(5): started as soon as the program runs.
constexpr std::string_view kNotWaitedForFile =
    R"([Service]
Type=exec
)";

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

// resolved.conf(5).
std::string ResolvedFile(const Lease& lease) {
  std::string text =
      std::format("[Resolve]\nDNS={}\n", Join(lease.dns_servers));
  if (!lease.search_domains.empty()) {
    text += std::format("Domains={}\n", Join(lease.search_domains));
  }
  return text;
}

// 36 characters of which the hexadecimal ones tell machines apart. Makers who
// set none leave all bytes alike, count up, or ship this one (AMI's default).
bool IsUniqueUuid(std::string_view uuid) {
  constexpr std::string_view kNotSet = "03000200-0400-0500-0006-000700080009";
  constexpr std::string_view kCounted = "12345678-1234-5678-90ab-cddeefaabbcc";
  if (uuid.size() != kNotSet.size() || uuid == kNotSet || uuid == kCounted) {
    return false;
  }
  const std::set<char> digits(uuid.begin(), uuid.end());
  // A dash and one digit: all alike. Random ones have more than five.
  return digits.size() > 6;
}

// 64-bit FNV-1a in hexadecimal: short, and no more of the number than needed.
std::string HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return std::format("{:016x}", hash);
}

}  // namespace

std::string DefaultHostname(std::string_view uuid,
                            std::string_view mac_address) {
  std::string name = "driveroot-";
  if (IsUniqueUuid(uuid)) return name + HashOf(uuid);
  for (const char c : mac_address) {
    if (c != ':') name += c;
  }
  return name;
}

std::string ResolverSettings(const Lease& lease) {
  std::string text;
  for (const std::string& server : lease.dns_servers) {
    text += std::format("nameserver {}\n", server);
  }
  if (!lease.search_domains.empty()) {
    text += std::format("search {}\n", Join(lease.search_domains));
  }
  return text;
}

std::vector<RuntimeFile> RuntimeFiles(const Connection& connection) {
  const std::string& mac = connection.mac_address;
  return {
      {"/run/NetworkManager/conf.d/05-driveroot.conf",
       std::vformat(kNetworkManagerFile, std::make_format_args(mac))},
      // Where ifupdown keeps which interfaces it has configured.
      {"/run/network/ifstate",
       std::format("{0}={0}\n", connection.lease.interface)},
      {"/run/driveroot/resolv.conf", ResolverSettings(connection.lease)},
  };
}

std::vector<RuntimeFile> SystemdRuntimeFiles(const Connection& connection) {
  const Lease& lease = connection.lease;
  const std::string& mac = connection.mac_address;
  std::vector<RuntimeFile> files = {
      {"/run/systemd/network/05-driveroot.network",
       std::vformat(kNetworkdFile, std::make_format_args(mac))},
      {"/run/systemd/system/driveroot-commit.service",
       std::string(kCommitUnit)},
      // It loads the seed at once; the rest of its time are syncs of the next
      // boot's. The login prompt waits until no unit is being started
      // (Type=idle of getty), for 5 s. getrandom(2) waits for a seed by itself.
      {"/run/systemd/system/systemd-random-seed.service.d/05-driveroot.conf",
       std::string(kNotWaitedForFile)},
  };
  if (!lease.dns_servers.empty()) {
    files.push_back({"/run/systemd/resolved.conf.d/05-driveroot.conf",
                     ResolvedFile(lease)});
  }
  return files;
}

std::vector<RuntimeFile> OtherInitRuntimeFiles(std::span<const pid_t> ours) {
  std::string pids;
  for (const pid_t pid : ours) pids += std::format("{}\n", pid);
  return {{"/run/sendsigs.omit.d/driveroot", pids}};
}

RuntimeFile JournalFlushSettings() {
  return {
      "/run/systemd/system/systemd-journal-flush.service.d/05-driveroot.conf",
      std::string(kNotWaitedForFile)};
}

std::optional<std::string> ResolverTargetInRun(std::string_view target) {
  // Relative to /etc, where the link lies.
  const std::string path =
      (std::filesystem::path("/etc") / target).lexically_normal();
  if (!path.starts_with("/run/") || path.ends_with('/')) return std::nullopt;
  return path;
}

}  // namespace driveroot
