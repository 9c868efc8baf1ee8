// SPDX-License-Identifier: Apache-2.0
#include "initrd/guard/link.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

sockaddr Address(in_addr_t address) {
  sockaddr_in in = {};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = address;
  sockaddr generic = {};
  static_assert(sizeof(in) == sizeof(generic));
  std::memcpy(&generic, &in, sizeof(in));
  return generic;
}

in_addr_t Netmask(int prefix_length) {
  const uint32_t mask =
      prefix_length == 0 ? 0 : ~uint32_t{0} << (32 - prefix_length);
  return htonl(mask);
}

Status Failed(const std::string& what) {
  return std::unexpected(Error::FromErrno(errno, "cannot " + what));
}

bool HasAddress(int socket_fd, const char* name, in_addr_t address) {
  ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(socket_fd, SIOCGIFADDR, &request) != 0) return false;
  sockaddr_in found = {};
  std::memcpy(&found, &request.ifr_addr, sizeof(found));
  return found.sin_addr.s_addr == address;
}

Status SetAddress(int socket_fd, const char* name, in_addr_t address,
                  int prefix_length) {
  if (HasAddress(socket_fd, name, address)) return {};
  ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_addr = Address(address);
  if (ioctl(socket_fd, SIOCSIFADDR, &request) != 0) {
    return Failed("set an address");
  }
  request.ifr_netmask = Address(Netmask(prefix_length));
  if (ioctl(socket_fd, SIOCSIFNETMASK, &request) != 0) {
    return Failed("set a netmask");
  }
  return {};
}

Status SwitchOn(int socket_fd, const char* name) {
  ifreq request = {};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(socket_fd, SIOCGIFFLAGS, &request) != 0) {
    return Failed("look at the interface");
  }
  if ((request.ifr_flags & IFF_UP) != 0) return {};
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket_fd, SIOCSIFFLAGS, &request) != 0) {
    return Failed("switch the interface on");
  }
  return {};
}

Status AddDefaultRoute(int socket_fd, char* name, const std::string& router) {
  rtentry route = {};
  route.rt_dst = Address(INADDR_ANY);
  route.rt_genmask = Address(INADDR_ANY);
  route.rt_gateway = Address(inet_addr(router.c_str()));
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = name;
  // Behind dhcpcd's, in case that one is there still.
  route.rt_metric = INT16_MAX;
  if (ioctl(socket_fd, SIOCADDRT, &route) != 0 && errno != EEXIST) {
    return Failed("add the route to " + router);
  }
  return {};
}

}  // namespace

Link::Link(Lease lease)
    : lease_(std::move(lease)),
      index_(if_nametoindex(lease_.interface.c_str())) {}

Status Link::Restore() const {
  std::array<char, IFNAMSIZ> name = {};
  if (if_indextoname(index_, name.data()) == nullptr) {
    return Failed("find the interface of the root file system");
  }
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Failed("make a socket");
  DRIVEROOT_RETURN_IF_ERROR(SwitchOn(fd.get(), name.data()));
  DRIVEROOT_RETURN_IF_ERROR(SetAddress(fd.get(), name.data(),
                                       inet_addr(lease_.address.c_str()),
                                       lease_.prefix_length));
  if (lease_.routers.empty()) return {};
  return AddDefaultRoute(fd.get(), name.data(), lease_.routers.front());
}

}  // namespace driveroot
