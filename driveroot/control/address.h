// SPDX-License-Identifier: Apache-2.0
//
// Where the daemon that serves a mount listens: an abstract Unix socket
// (unix(7)), which needs no file system, named
//   driveroot/MAJOR:MINOR/RANDOM
// after the mount's device number. Any user may take any such name, so the name
// alone says nothing: nobody can take it beforehand, since it is random, and
// whoever connects looks at who listens (SO_PEERCRED): the mount's owner and
// nobody else. Which names there are the kernel tells (/proc/net/unix).
//
// Thread-safe.
#ifndef DRIVEROOT_CONTROL_ADDRESS_H_
#define DRIVEROOT_CONTROL_ADDRESS_H_

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {

struct ControlAddress {
  sockaddr_un address = {};
  socklen_t size = 0;

  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&address);
  }
};

// `name` without the zero byte in front. kInvalidArgument: it is too long.
Result<ControlAddress> MakeControlAddress(std::string_view name);

// A listening socket for the mount of this device, MAJOR:MINOR.
Result<UniqueFd> ListenForMount(std::string_view device);

// The names of the sockets that listen for a mount, out of the text of
// /proc/net/unix.
std::vector<std::string> FindControlNames(std::string_view net_unix,
                                          std::string_view device);

// Sockets connected to who listens for a mount and is `owner`: one, or none, or
// several when a daemon outlives its mount. kUnavailable: one is there and
// accepts no connection.
Result<std::vector<UniqueFd>> ConnectToMount(std::string_view device,
                                             uid_t owner);

// The user at the other end of a connected socket; nothing: not known.
std::optional<uid_t> PeerOf(int socket);

}  // namespace driveroot

#endif  // DRIVEROOT_CONTROL_ADDRESS_H_
