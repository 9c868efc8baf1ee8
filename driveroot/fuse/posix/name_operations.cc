// SPDX-License-Identifier: Apache-2.0
//
// Operations that make, rename and remove what has a name.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <format>
#include <vector>

#include "driveroot/fuse/posix/operations.h"

namespace driveroot::posix {
namespace {

std::string Bind(const std::string& path, bool connects) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return "mistake: too long for a socket";
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  return Answer(connects ? connect(fd.get(), where, sizeof(address))
                         : bind(fd.get(), where, sizeof(address)));
}

std::string CreateFile(const char* path, mode_t mode) {
  const UniqueFd fd(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  return Answer(fd.get());
}

// mknod PATH c|b|f|p|s MODE MAJOR MINOR
std::string MakeNode(Arguments arguments, Held&) {
  mode_t type = S_IFREG;
  switch (arguments[1][0]) {
    case 'c':
      type = S_IFCHR;
      break;
    case 'b':
      type = S_IFBLK;
      break;
    case 'p':
      type = S_IFIFO;
      break;
    case 's':
      type = S_IFSOCK;
      break;
    case 'd':
      type = S_IFDIR;
      break;
    default:
      break;
  }
  const dev_t device = makedev(static_cast<unsigned>(Number(arguments[3])),
                               static_cast<unsigned>(Number(arguments[4])));
  return Answer(
      mknod(arguments[0].c_str(), type | Octal(arguments[2]), device));
}

std::string MakeOf(const std::string& type, const char* path, mode_t mode) {
  if (type == "file") return CreateFile(path, mode);
  if (type == "dir") return Answer(mkdir(path, mode));
  if (type == "fifo") return Answer(mkfifo(path, mode));
  if (type == "char") return Answer(mknod(path, S_IFCHR | mode, makedev(1, 3)));
  if (type == "block") {
    return Answer(mknod(path, S_IFBLK | mode, makedev(1, 2)));
  }
  if (type == "socket") return Bind(path, /*connects=*/false);
  if (type == "symlink") return Answer(symlink("nowhere", path));
  if (type == "loop") return Answer(symlink(path, path));
  if (type == "none") return "0";
  return "mistake: no type " + type;
}

// A folder with a file in it.
std::string MakeFull(const std::string& path) {
  const std::string answer = Answer(mkdir(path.c_str(), 0755));
  return answer == "0" ? CreateFile((path + "/in").c_str(), 0644) : answer;
}

// A file with another name beside it.
std::string MakeLinked(const std::string& path) {
  const std::string answer = CreateFile(path.c_str(), 0644);
  if (answer != "0") return answer;
  return Answer(link(path.c_str(), (path + ".link").c_str()));
}

// make TYPE PATH [MODE [UID GID]]: exactly that mode, whatever the umask. Types
// are also "none", "full" (a folder) and "linked" (a file).
std::string Make(Arguments arguments, Held&) {
  const std::string& type = arguments[0];
  const char* path = arguments[1].c_str();
  const bool is_folder = type == "dir" || type == "full";
  const mode_t usual = is_folder ? 0755 : 0644;
  const mode_t mode = arguments.size() > 2 ? Octal(arguments[2]) : usual;
  std::string answer = type == "full"     ? MakeFull(path)
                       : type == "linked" ? MakeLinked(path)
                                          : MakeOf(type, path, mode);
  if (answer != "0" || type == "none") return answer;
  if (arguments.size() > 4) {
    answer = Answer(lchown(path, static_cast<uid_t>(Number(arguments[3])),
                           static_cast<gid_t>(Number(arguments[4]))));
  }
  // After the owner, whose change takes set-id bits away.
  if (answer == "0" && type != "symlink" && type != "loop") {
    answer = Answer(chmod(path, mode));
  }
  return answer;
}

std::string Remove(Arguments arguments, Held&) {
  const char* path = arguments[0].c_str();
  if (unlink(path) == 0) return "0";
  if (errno != EISDIR && errno != EPERM) return Answer(-1);
  return Answer(rmdir(path));
}

// link OLD NEW: of a symlink itself, as link(2) of Linux.
std::string Link(Arguments arguments, Held&) {
  return Answer(link(arguments[0].c_str(), arguments[1].c_str()));
}

// linkto OLD NEW: of what a symlink leads to.
std::string LinkFollowing(Arguments arguments, Held&) {
  return Answer(linkat(AT_FDCWD, arguments[0].c_str(), AT_FDCWD,
                       arguments[1].c_str(), AT_SYMLINK_FOLLOW));
}

// chain NAME COUNT TARGET: symlinks NAME1 to NAMECOUNT, each to the one before
// it, the first to TARGET.
std::string Chain(Arguments arguments, Held&) {
  std::string target = arguments[2];
  for (long long i = 1; i <= Number(arguments[1]); ++i) {
    const std::string name = std::format("{}{}", arguments[0], i);
    if (symlink(target.c_str(), name.c_str()) != 0) return Answer(-1);
    target = name;
  }
  return "0";
}

// linkheld NAME PATH: gives what is held open a name.
std::string LinkHeld(Arguments arguments, Held& held) {
  const std::string path =
      std::format("/proc/self/fd/{}", held[arguments[0]].get());
  return Answer(linkat(AT_FDCWD, path.c_str(), AT_FDCWD, arguments[1].c_str(),
                       AT_SYMLINK_FOLLOW));
}

// rename OLD NEW [noreplace|exchange|whiteout|FLAGS]
std::string Rename(Arguments arguments, Held&) {
  unsigned flags = 0;
  if (arguments.size() > 2) {
    const std::string& word = arguments[2];
    flags = word == "noreplace"  ? RENAME_NOREPLACE
            : word == "exchange" ? RENAME_EXCHANGE
            : word == "whiteout" ? RENAME_WHITEOUT
                                 : static_cast<unsigned>(Number(word));
  }
  return Answer(renameat2(AT_FDCWD, arguments[0].c_str(), AT_FDCWD,
                          arguments[1].c_str(), flags));
}

std::string ReadLink(Arguments arguments, Held&) {
  char target[PATH_MAX + 1];
  const ssize_t length = readlink(arguments[0].c_str(), target, sizeof(target));
  if (length < 0) return Answer(-1);
  return std::string(target, static_cast<size_t>(length));
}

// list PATH: the names, sorted.
std::string List(Arguments arguments, Held&) {
  DIR* folder = opendir(arguments[0].c_str());
  if (folder == nullptr) return Answer(-1);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(folder);
  std::ranges::sort(names);
  std::string answer = std::format("{}:", names.size());
  for (const std::string& name : names) answer += " " + name;
  return answer;
}

// many PATH COUNT: files 0 to COUNT-1 in a folder.
std::string Many(Arguments arguments, Held&) {
  for (long long i = 0; i < Number(arguments[1]); ++i) {
    const std::string path = std::format("{}/{}", arguments[0], i);
    if (mknod(path.c_str(), S_IFREG | 0644, 0) != 0) return Answer(-1);
  }
  return "0";
}

}  // namespace

void AddNameOperations(OperationTable& table) {
  table["make"] = {2, Make};
  table["remove"] = {1, Remove};
  table["link"] = {2, Link};
  table["linkto"] = {2, LinkFollowing};
  table["chain"] = {3, Chain};
  table["linkheld"] = {2, LinkHeld};
  table["rename"] = {2, Rename};
  table["readlink"] = {1, ReadLink};
  table["list"] = {1, List};
  table["many"] = {2, Many};
  table["mknod"] = {5, MakeNode};
  table["create"] = {2, [](Arguments arguments, Held&) {
                       return CreateFile(arguments[0].c_str(),
                                         Octal(arguments[1]));
                     }};
  table["mkdir"] = {
      2, [](Arguments arguments, Held&) {
        return Answer(mkdir(arguments[0].c_str(), Octal(arguments[1])));
      }};
  table["mkfifo"] = {
      2, [](Arguments arguments, Held&) {
        return Answer(mkfifo(arguments[0].c_str(), Octal(arguments[1])));
      }};
  table["symlink"] = {
      2, [](Arguments arguments, Held&) {
        return Answer(symlink(arguments[0].c_str(), arguments[1].c_str()));
      }};
  table["bind"] = {1, [](Arguments arguments, Held&) {
                     return Bind(arguments[0], /*connects=*/false);
                   }};
  table["connect"] = {1, [](Arguments arguments, Held&) {
                        return Bind(arguments[0], /*connects=*/true);
                      }};
  table["unlink"] = {1, [](Arguments arguments, Held&) {
                       return Answer(unlink(arguments[0].c_str()));
                     }};
  table["rmdir"] = {1, [](Arguments arguments, Held&) {
                      return Answer(rmdir(arguments[0].c_str()));
                    }};
  table["chdir"] = {1, [](Arguments arguments, Held&) {
                      return Answer(chdir(arguments[0].c_str()));
                    }};
}

}  // namespace driveroot::posix
