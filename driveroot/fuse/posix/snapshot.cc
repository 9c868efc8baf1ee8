// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/posix/snapshot.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <system_error>
#include <utility>

namespace driveroot::posix {
namespace {

bool Before(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

// All names in a folder, itself included, sorted.
std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names = {"."};
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    names.push_back(it->path().lexically_relative(folder).string());
  }
  std::ranges::sort(names);
  return names;
}

// Longer than it takes to make what a snapshot shows.
constexpr time_t kRecent = 600;

std::string SetTo(const timespec& time, const timespec& now) {
  if (!Before(time, now)) return "+";
  if (time.tv_sec > now.tv_sec - kRecent) return "-";
  return std::format("{}.{:09}", time.tv_sec, time.tv_nsec);
}

std::string HowChanged(const timespec& before, const timespec& after,
                       const timespec& now) {
  const bool same =
      before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec;
  return same ? "=" : SetTo(after, now);
}

// Sizes of directories and numbers of blocks are each file system's own.
std::string Describe(const struct stat& status) {
  const bool has_size = !S_ISDIR(status.st_mode);
  return std::format("{:06o} {}:{} links {} size {} device {}:{}",
                     status.st_mode, status.st_uid, status.st_gid,
                     status.st_nlink, has_size ? status.st_size : 0,
                     major(status.st_rdev), minor(status.st_rdev));
}

std::string Xattrs(const std::string& path) {
  char names[4096];
  const ssize_t size = llistxattr(path.c_str(), names, sizeof(names));
  std::vector<std::string> lines;
  for (ssize_t at = 0; at < size;) {
    const std::string name = names + at;
    at += static_cast<ssize_t>(name.size()) + 1;
    // Of the machine's security module, where there is one.
    if (name == "security.selinux") continue;
    unsigned char value[4096];
    const ssize_t length =
        lgetxattr(path.c_str(), name.c_str(), value, sizeof(value));
    std::string line = " " + name + "=";
    for (ssize_t i = 0; i < length; ++i)
      line += std::format("{:02x}", value[i]);
    lines.push_back(line);
  }
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

// Of small files and symlinks; reading changes the access time, so this comes
// last.
std::string Contents(const std::string& path, const struct stat& status) {
  char bytes[64];
  ssize_t count = 0;
  if (S_ISLNK(status.st_mode)) {
    count = readlink(path.c_str(), bytes, sizeof(bytes));
  } else if (S_ISREG(status.st_mode)) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    count = read(fd.get(), bytes, sizeof(bytes));
  }
  if (count <= 0) return "";
  std::string text(bytes, static_cast<size_t>(count));
  std::ranges::replace(text, '\0', '.');
  return " \"" + text + "\"";
}

}  // namespace

Snapshot::Snapshot(const std::string& folder) : folder_(folder) {
  // Listing changes access times: all names before the first time is read.
  for (std::string& name : NamesIn(folder)) {
    const std::string path = folder_ + "/" + name;
    objects_.push_back(
        {.name = std::move(name),
         .fd = UniqueFd(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC))});
  }
  for (Object& object : objects_) fstat(object.fd.get(), &object.status);
  clock_gettime(CLOCK_REALTIME, &taken_);
}

std::string Snapshot::Compare() const {
  std::string text;
  for (const Object& object : objects_) {
    struct stat after = {};
    fstat(object.fd.get(), &after);
    text +=
        std::format("{}: {} a{} m{} c{}\n", object.name, Describe(after),
                    HowChanged(object.status.st_atim, after.st_atim, taken_),
                    HowChanged(object.status.st_mtim, after.st_mtim, taken_),
                    HowChanged(object.status.st_ctim, after.st_ctim, taken_));
  }
  std::vector<std::string> names = NamesIn(folder_);
  for (const std::string& name : names) {
    const std::string path = folder_ + "/" + name;
    struct stat status = {};
    if (lstat(path.c_str(), &status) != 0) continue;
    const auto known =
        std::ranges::find_if(objects_, [&status](const Object& object) {
          return object.status.st_ino == status.st_ino;
        });
    text += name + " is ";
    if (known != objects_.end()) {
      text += "what was " + known->name;
    } else {
      text += std::format("new: {} a{} m{} c{}", Describe(status),
                          SetTo(status.st_atim, taken_),
                          SetTo(status.st_mtim, taken_),
                          SetTo(status.st_ctim, taken_));
    }
    text += Xattrs(path) + Contents(path, status) + "\n";
  }
  return text;
}

}  // namespace driveroot::posix
