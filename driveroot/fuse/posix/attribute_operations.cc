// SPDX-License-Identifier: Apache-2.0
//
// Operations on what stat(2) shows.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <format>
#include <optional>

#include "driveroot/fuse/posix/operations.h"

namespace driveroot::posix {
namespace {

std::string TypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "dir";
    case S_IFIFO:
      return "fifo";
    case S_IFCHR:
      return "char";
    case S_IFBLK:
      return "block";
    case S_IFSOCK:
      return "socket";
    case S_IFLNK:
      return "symlink";
    default:
      return "unknown";
  }
}

std::string TimeText(const timespec& time) {
  return std::format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

std::string Field(const struct stat& status, const std::string& name) {
  if (name == "type") return TypeOf(status.st_mode);
  if (name == "mode") return std::format("{:04o}", status.st_mode & 07777);
  if (name == "uid") return std::to_string(status.st_uid);
  if (name == "gid") return std::to_string(status.st_gid);
  if (name == "nlink") return std::to_string(status.st_nlink);
  if (name == "size") return std::to_string(status.st_size);
  if (name == "blocks") return std::to_string(status.st_blocks);
  if (name == "rdev") {
    return std::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
  }
  if (name == "atime") return TimeText(status.st_atim);
  if (name == "mtime") return TimeText(status.st_mtim);
  if (name == "ctime") return TimeText(status.st_ctim);
  return "mistake: no field " + name;
}

std::string Fields(const struct stat& status, Arguments names) {
  std::string answer;
  for (const std::string& name : names) {
    if (!answer.empty()) answer += ' ';
    answer += Field(status, name);
  }
  return answer;
}

// stat PATH FIELD...: of a symlink itself. @NAME: of what is held.
std::string Stat(Arguments arguments, Held& held) {
  struct stat status = {};
  const std::string& path = arguments[0];
  const int result = path.starts_with('@')
                         ? fstat(held[path.substr(1)].get(), &status)
                         : lstat(path.c_str(), &status);
  if (result != 0) return Answer(-1);
  return Fields(status, arguments.subspan(1));
}

std::string StatFollowing(Arguments arguments, Held&) {
  struct stat status = {};
  if (stat(arguments[0].c_str(), &status) != 0) return Answer(-1);
  return Fields(status, arguments.subspan(1));
}

// same PATH PATH: whether both are one inode.
std::string Same(Arguments arguments, Held&) {
  struct stat one = {};
  struct stat other = {};
  if (lstat(arguments[0].c_str(), &one) != 0 ||
      lstat(arguments[1].c_str(), &other) != 0) {
    return Answer(-1);
  }
  return one.st_ino == other.st_ino && one.st_dev == other.st_dev ? "yes"
                                                                  : "no";
}

// "-1" leaves an owner as it is.
uid_t Id(const std::string& text) { return static_cast<uid_t>(Number(text)); }

// "now", "omit" or SECONDS.NANOSECONDS.
timespec TimeOf(const std::string& text) {
  if (text == "now") return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  if (text == "omit") return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  const size_t dot = text.find('.');
  return {.tv_sec = Number(text.substr(0, dot)),
          .tv_nsec = dot == std::string::npos
                         ? 0
                         : std::stol(text.substr(dot + 1), nullptr, 10)};
}

// utimes PATH ATIME MTIME: of a symlink itself. @NAME: of what is held.
std::string SetTimes(Arguments arguments, Held& held) {
  const timespec times[] = {TimeOf(arguments[1]), TimeOf(arguments[2])};
  const std::string& path = arguments[0];
  if (path.starts_with('@')) {
    return Answer(futimens(held[path.substr(1)].get(), times));
  }
  return Answer(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW));
}

// utimesto PATH ATIME MTIME: of what a symlink leads to.
std::string SetTimesFollowing(Arguments arguments, Held&) {
  const timespec times[] = {TimeOf(arguments[1]), TimeOf(arguments[2])};
  return Answer(utimensat(AT_FDCWD, arguments[0].c_str(), times, 0));
}

// touch PATH: utimensat without times, which whoever may write may do.
std::string Touch(Arguments arguments, Held&) {
  return Answer(utimensat(AT_FDCWD, arguments[0].c_str(), nullptr, 0));
}

// access PATH LETTERS: "rwx", or "f" for whether it is there at all.
std::string Access(Arguments arguments, Held&) {
  int mode = F_OK;
  for (const char letter : arguments[1]) {
    if (letter == 'r') mode |= R_OK;
    if (letter == 'w') mode |= W_OK;
    if (letter == 'x') mode |= X_OK;
  }
  return Answer(faccessat(AT_FDCWD, arguments[0].c_str(), mode, AT_EACCESS));
}

}  // namespace

void AddAttributeOperations(OperationTable& table) {
  table["stat"] = {2, Stat};
  table["statl"] = {2, StatFollowing};
  table["same"] = {2, Same};
  table["utimes"] = {3, SetTimes};
  table["utimesto"] = {3, SetTimesFollowing};
  table["touch"] = {1, Touch};
  table["access"] = {2, Access};
  table["chmod"] = {2, [](Arguments arguments, Held& held) {
                      const mode_t mode = Octal(arguments[1]);
                      const std::string& path = arguments[0];
                      if (path.starts_with('@')) {
                        return Answer(fchmod(held[path.substr(1)].get(), mode));
                      }
                      return Answer(chmod(path.c_str(), mode));
                    }};
  table["lchmod"] = {
      2, [](Arguments arguments, Held&) {
        return Answer(fchmodat(AT_FDCWD, arguments[0].c_str(),
                               Octal(arguments[1]), AT_SYMLINK_NOFOLLOW));
      }};
  table["chown"] = {
      3, [](Arguments arguments, Held& held) {
        const std::string& path = arguments[0];
        if (path.starts_with('@')) {
          return Answer(fchown(held[path.substr(1)].get(), Id(arguments[1]),
                               Id(arguments[2])));
        }
        return Answer(chown(path.c_str(), Id(arguments[1]), Id(arguments[2])));
      }};
  table["lchown"] = {
      3, [](Arguments arguments, Held&) {
        return Answer(
            lchown(arguments[0].c_str(), Id(arguments[1]), Id(arguments[2])));
      }};
  table["truncate"] = {
      2, [](Arguments arguments, Held& held) {
        const off_t size = Number(arguments[1]);
        const std::string& path = arguments[0];
        if (path.starts_with('@')) {
          return Answer(ftruncate(held[path.substr(1)].get(), size));
        }
        return Answer(truncate(path.c_str(), size));
      }};
  table["namemax"] = {
      1, [](Arguments arguments, Held&) {
        return std::to_string(pathconf(arguments[0].c_str(), _PC_NAME_MAX));
      }};
}

}  // namespace driveroot::posix
