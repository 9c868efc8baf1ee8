// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/runtime_files.h"

#include <filesystem>
#include <format>

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
// comes then, may cut the daemon off by a forced unmount. The helper announces
// and keeps a limit of its own.
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
StandardOutput=journal+console
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

}  // namespace

std::string DefaultHostname(const Connection& connection) {
  std::string name = "driveroot-";
  for (const char c : connection.mac_address) {
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
  const Lease& lease = connection.lease;
  const std::string& mac = connection.mac_address;
  std::vector<RuntimeFile> files = {
      {"/run/systemd/network/05-driveroot.network",
       std::vformat(kNetworkdFile, std::make_format_args(mac))},
      {"/run/NetworkManager/conf.d/05-driveroot.conf",
       std::vformat(kNetworkManagerFile, std::make_format_args(mac))},
      // Where ifupdown keeps which interfaces it has configured.
      {"/run/network/ifstate", std::format("{0}={0}\n", lease.interface)},
      {"/run/systemd/system/driveroot-commit.service",
       std::string(kCommitUnit)},
      // It loads the seed at once; the rest of its time are syncs of the next
      // boot's. The login prompt waits until no unit is being started
      // (Type=idle of getty), for 5 s. getrandom(2) waits for a seed by itself.
      {"/run/systemd/system/systemd-random-seed.service.d/05-driveroot.conf",
       std::string(kNotWaitedForFile)},
      {"/run/driveroot/resolv.conf", ResolverSettings(lease)},
  };
  if (!lease.dns_servers.empty()) {
    files.push_back({"/run/systemd/resolved.conf.d/05-driveroot.conf",
                     ResolvedFile(lease)});
  }
  return files;
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
