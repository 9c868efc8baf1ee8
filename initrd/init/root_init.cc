// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/root_init.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <format>

#include "driveroot/base/unique_fd.h"
#include "initrd/init/daemon.h"

namespace driveroot {
namespace {

// In the order in which the kernel's documentation names them, then those of
// systems that have none of these.
constexpr std::array<const char*, 6> kInitPaths = {
    "/sbin/init",
    "/usr/lib/systemd/systemd",
    "/lib/systemd/systemd",
    "/etc/init",
    "/bin/init",
    "/nix/var/nix/profiles/system/init",
};

constexpr size_t kScriptBytes = 64 << 10;

UniqueFd OpenInRoot(int root, const char* path, uint64_t flags) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  return UniqueFd(
      static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof(how))));
}

// Where the descriptor's file lies, as seen in the new root.
std::string PathInRoot(int fd) {
  std::array<char, PATH_MAX> target;
  const std::string link = std::format("/proc/self/fd/{}", fd);
  const ssize_t size = readlink(link.c_str(), target.data(), target.size());
  std::string path(target.data(), size > 0 ? static_cast<size_t>(size) : 0);
  const std::string_view root = kNewRoot;
  return path.starts_with(root) ? path.substr(root.size()) : path;
}

std::string ReadBegin(int root, const char* path) {
  const UniqueFd fd = OpenInRoot(root, path, O_RDONLY);
  std::string begin(kScriptBytes, '\0');
  const ssize_t size = read(fd.get(), begin.data(), begin.size());
  begin.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return begin;
}

}  // namespace

InitKind ClassifyInit(std::string_view program, std::string_view begin) {
  if (program.ends_with("/systemd")) return InitKind::kSystemd;
  const bool is_script = begin.starts_with("#!");
  return is_script && begin.contains("systemd") ? InitKind::kSystemd
                                                : InitKind::kOther;
}

Result<RootInit> FindInit() {
  const UniqueFd root(open(kNewRoot, O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const char* path : kInitPaths) {
    const UniqueFd fd = OpenInRoot(root.get(), path, O_PATH);
    struct stat status = {};
    if (fd.valid() && fstat(fd.get(), &status) == 0 &&
        S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0) {
      std::string program = PathInRoot(fd.get());
      const InitKind kind = ClassifyInit(program, ReadBegin(root.get(), path));
      return RootInit{
          .path = path, .kind = kind, .program = std::move(program)};
    }
  }
  return Fail(ErrorCode::kNotFound,
              "the volume has no /sbin/init, so it is not the root of a Linux "
              "system: push one into it with `driveroot push`, or name another "
              "volume in driveroot.config");
}

}  // namespace driveroot
