// SPDX-License-Identifier: Apache-2.0
#include "vmtest/network/private_network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot::vmtest {
namespace {

std::unexpected<Error> Failed(const std::string& what) {
  return std::unexpected(Error::FromErrno(errno, "cannot " + what));
}

// Files of /proc take what is written to them in one call, in place.
Status WriteProcFile(const std::string& path, const std::string& text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed("open " + path);
  return WriteFully(fd.get(), text, path);
}

Status MapUser(uid_t uid, gid_t gid) {
  DRIVEROOT_RETURN_IF_ERROR(WriteProcFile("/proc/self/setgroups", "deny"));
  DRIVEROOT_RETURN_IF_ERROR(
      WriteProcFile("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1"));
  return WriteProcFile("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

Status RaiseLoopback() {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  if (ioctl(socket_fd.get(), SIOCGIFFLAGS, &request) != 0) {
    return Failed("look at the loopback device");
  }
  request.ifr_flags |= IFF_UP;
  if (ioctl(socket_fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return Failed("start the loopback device");
  }
  return {};
}

// Makes `file` a file with `text` in this mount namespace; `source` keeps it.
Status Replace(const std::string& file, const std::string& source,
               const std::string& text) {
  DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(source, text, 0644));
  if (mount(source.c_str(), file.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return Failed("replace " + file + " in the private network");
  }
  return {};
}

}  // namespace

Status EnterPrivateNetwork(const std::string& scratch_dir,
                           const std::vector<std::string>& names) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  // Root needs no namespace of users, and keeps its rights over files so.
  const int user_namespace = uid == 0 ? 0 : CLONE_NEWUSER;
  if (unshare(user_namespace | CLONE_NEWNET | CLONE_NEWNS) != 0) {
    const Error error = Error::FromErrno(
        errno,
        "cannot make a private network (as an ordinary user that needs "
        "sysctl kernel.unprivileged_userns_clone=1)");
    return std::unexpected(error);
  }
  if (user_namespace != 0) DRIVEROOT_RETURN_IF_ERROR(MapUser(uid, gid));
  // What is mounted here stays here.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Failed("make the mounts private");
  }
  std::string hosts = "127.0.0.1 localhost";
  for (const std::string& name : names) hosts += " " + name;
  DRIVEROOT_RETURN_IF_ERROR(
      Replace("/etc/hosts", scratch_dir + "/hosts", hosts + "\n"));
  DRIVEROOT_RETURN_IF_ERROR(Replace("/etc/resolv.conf",
                                    scratch_dir + "/resolv.conf",
                                    "nameserver 127.0.0.1\n"));
  return RaiseLoopback();
}

}  // namespace driveroot::vmtest
