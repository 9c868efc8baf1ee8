// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/model_subject.h"

#include <sys/stat.h>

#include <array>
#include <cstring>
#include <sstream>

namespace driveroot {
namespace {

constexpr std::array kActionNames = {
    "create",     "mkdir",       "mkfifo",   "symlink",  "link",
    "unlink",     "rmdir",       "rename",   "stat",     "readlink",
    "list",       "chmod",       "chown",    "setxattr", "getxattr",
    "listxattrs", "removexattr", "open",     "close",    "read",
    "write",      "truncate",    "allocate", "copy",     "seek"};

}  // namespace

std::string Operation::ToString() const {
  std::ostringstream out;
  out << kActionNames.at(static_cast<size_t>(action)) << " '"
      << path.substr(0, 40) << "' '" << other_path.substr(0, 40) << "' name '"
      << name << "' " << bytes.size() << " bytes, mode 0" << std::oct << mode
      << std::dec << ", owner " << uid << ":" << gid << ", flags " << flags
      << ", slot " << slot << ", offset " << offset << " " << other_offset
      << ", length " << length << ", at " << now;
  return out.str();
}

std::string Outcome::ToString() const {
  std::string text = error == 0 ? "done" : std::strerror(error);
  return text + " [" + result.substr(0, 200) + "] [" + details + "]";
}

std::vector<std::string> SplitPath(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream in(path);
  for (std::string part; std::getline(in, part, '/');) parts.push_back(part);
  return parts;
}

std::string StatText(uint32_t mode, uint32_t nlink, uint32_t uid, uint32_t gid,
                     uint64_t size) {
  std::ostringstream out;
  out << "mode 0" << std::oct << (S_ISLNK(mode) ? S_IFLNK : mode) << std::dec
      << ", " << nlink << " links, owner " << uid << ":" << gid << ", "
      << (S_ISDIR(mode) ? 0 : size) << " bytes";
  return out.str();
}

}  // namespace driveroot
