// SPDX-License-Identifier: Apache-2.0
//
// The abstract Unix socket (unix(7)) of the daemon that serves a mount:
// "driveroot/MAJOR:MINOR" after the mount's device number, which no other mount
// of the machine has. It has no file, so it needs no file system.
#ifndef DRIVEROOT_CONTROL_ADDRESS_H_
#define DRIVEROOT_CONTROL_ADDRESS_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "driveroot/base/result.h"

namespace driveroot {

struct ControlAddress {
  sockaddr_un address = {};
  socklen_t size = 0;

  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&address);
  }
};

// `device` is MAJOR:MINOR.
inline Result<ControlAddress> MakeControlAddress(std::string_view device) {
  const std::string name = "driveroot/" + std::string(device);
  ControlAddress result;
  result.address.sun_family = AF_UNIX;
  // An abstract name starts with a zero byte.
  if (name.size() + 1 > sizeof(result.address.sun_path)) {
    return Fail(ErrorCode::kInvalidArgument, "the socket's name is too long");
  }
  std::memcpy(result.address.sun_path + 1, name.data(), name.size());
  result.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return result;
}

}  // namespace driveroot

#endif  // DRIVEROOT_CONTROL_ADDRESS_H_
