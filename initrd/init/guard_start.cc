// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/guard_start.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <vector>

#include "initrd/console/console.h"
#include "initrd/dhcp/lease.h"
#include "initrd/guard/call_filter.h"
#include "initrd/init/daemon.h"

namespace driveroot {
namespace {

// Not named after us: who ends everything by our name must not end this.
constexpr char kGuardPath[] = "/bin/root-guard";

// Nodes of the initramfs for the consoles: descriptors into /dev, which moves
// to the new root, would keep that one busy.
std::vector<std::string> MakeConsoleNodes() {
  std::vector<std::string> nodes;
  for (const std::string& path : Console::ActiveTerminals()) {
    struct stat status = {};
    const std::string node = std::format(
        "{}/{}", kStateFolder, std::filesystem::path(path).filename().string());
    if (stat(path.c_str(), &status) == 0 &&
        (mknod(node.c_str(), S_IFCHR | 0600, status.st_rdev) == 0 ||
         errno == EEXIST)) {
      nodes.push_back(node);
    }
  }
  return nodes;
}

}  // namespace

Result<UniqueFd> StartGuard(pid_t daemon, const std::string& interface,
                            Children& children) {
  struct stat root = {};
  std::array<int, 2> ends = {-1, -1};
  if (stat(kNewRoot, &root) < 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot start the guard"));
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  std::vector<std::string> arguments = {
      "@root-guard",
      std::format("--daemon={}", daemon),
      std::format("--device={}:{}", major(root.st_dev), minor(root.st_dev)),
      "--lease=" + LeasePath(interface),
      std::string("--folder=") + kStateFolder,
  };
  for (const std::string& node : MakeConsoleNodes()) {
    arguments.push_back("--console=" + node);
  }
  DRIVEROOT_RETURN_IF_ERROR(children.Start(
      {.path = kGuardPath, .arguments = arguments, .status_fd = theirs.get()}));
  return ours;
}

Status EnterCallFilter(const UniqueFd& guard, std::span<const pid_t> guarded) {
  DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd listener,
                             InstallCallFilter(guarded));
  char byte = 0;
  iovec data = {.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int descriptor = listener.get();
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(descriptor));
  if (sendmsg(guard.get(), &message, MSG_NOSIGNAL) < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot reach the root's guard"));
  }
  return {};
}

}  // namespace driveroot
