// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/address.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <format>
#include <set>
#include <thread>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

constexpr char kNetUnix[] = "/proc/net/unix";
constexpr uint64_t kMaxNetUnixBytes = 64 << 20;

// A daemon takes connections at once; a full queue passes.
constexpr int kAttempts = 50;
constexpr std::chrono::milliseconds kPause(100);

std::string Prefix(std::string_view device) {
  return "driveroot/" + std::string(device);
}

// One attempt. kUnavailable: the other side's queue is full.
Result<UniqueFd> Connect(const ControlAddress& address) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot make a socket"));
  }
  if (connect(fd.get(), address.get(), address.size) != 0) {
    if (errno == EAGAIN || errno == EINTR) {
      return Fail(ErrorCode::kUnavailable,
                  "the driveroot daemon accepts no connection");
    }
    return std::unexpected(
        Error::FromErrno(errno, "cannot reach the driveroot daemon"));
  }
  // From now on its calls wait.
  fcntl(fd.get(), F_SETFL, 0);
  return fd;
}

}  // namespace

Result<ControlAddress> MakeControlAddress(std::string_view name) {
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

Result<UniqueFd> ListenForMount(std::string_view device) {
  uint64_t random = 0;
  // Cannot fail for so few bytes once the system is up; getentropy(3).
  if (getentropy(&random, sizeof(random)) != 0) {
    return std::unexpected(Error::FromErrno(errno, "no random number"));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(
      const ControlAddress address,
      MakeControlAddress(std::format("{}/{:016x}", Prefix(device), random)));
  UniqueFd listener(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid() ||
      bind(listener.get(), address.get(), address.size) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot listen on the control socket"));
  }
  return listener;
}

std::vector<std::string> FindControlNames(std::string_view net_unix,
                                          std::string_view device) {
  // "… Path": an abstract name begins with @. It may hold any byte, so that one
  // name can look like several; each of them is tried.
  const std::string wanted = " @" + Prefix(device);
  std::vector<std::string> names;
  for (size_t at = net_unix.find(wanted); at != net_unix.npos;
       at = net_unix.find(wanted, at + 1)) {
    const std::string_view name =
        net_unix.substr(at + 2, net_unix.find('\n', at) - at - 2);
    const std::string_view rest = name.substr(wanted.size() - 2);
    if (!rest.empty() && rest[0] != '/') continue;  // another device's
    std::string text(name);
    // Connections that were accepted have the name as well.
    if (names.empty() || names.back() != text) names.push_back(std::move(text));
  }
  return names;
}

Result<std::vector<UniqueFd>> ConnectToMount(std::string_view device,
                                             uid_t owner) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string net_unix,
                             ReadFile(kNetUnix, kMaxNetUnixBytes));
  const std::vector<std::string> names = FindControlNames(net_unix, device);
  std::set<std::string> untried(names.begin(), names.end());
  std::vector<UniqueFd> sockets;
  // Strangers' sockets that accept nothing hold nobody up.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    std::erase_if(untried, [&](const std::string& name) {
      const Result<ControlAddress> address = MakeControlAddress(name);
      if (!address) return true;
      Result<UniqueFd> socket = Connect(*address);
      if (!socket) return socket.error().code() != ErrorCode::kUnavailable;
      if (PeerOf(socket->get()) == owner) {
        sockets.push_back(*std::move(socket));
      }
      return true;
    });
    if (!sockets.empty() || untried.empty()) return sockets;
  }
  return Fail(ErrorCode::kUnavailable,
              "the driveroot daemon accepts no connection");
}

std::optional<uid_t> PeerOf(int socket) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return std::nullopt;
  }
  return peer.uid;
}

}  // namespace driveroot
