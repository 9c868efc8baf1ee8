// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fuse/posix/operations.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace driveroot::posix {
namespace {

const OperationTable& Operations() {
  static const OperationTable* const table = [] {
    auto* made = new OperationTable;
    AddNameOperations(*made);
    AddAttributeOperations(*made);
    AddDataOperations(*made);
    AddXattrOperations(*made);
    return made;
  }();
  return *table;
}

const std::unordered_map<std::string, int>& FlagNames() {
  static const auto* const names = new std::unordered_map<std::string, int>{
      {"rdonly", O_RDONLY},       {"wronly", O_WRONLY},
      {"rdwr", O_RDWR},           {"creat", O_CREAT},
      {"excl", O_EXCL},           {"trunc", O_TRUNC},
      {"append", O_APPEND},       {"nonblock", O_NONBLOCK},
      {"directory", O_DIRECTORY}, {"nofollow", O_NOFOLLOW},
      {"tmpfile", O_TMPFILE},     {"path", O_PATH},
      {"sync", O_SYNC},           {"direct", O_DIRECT},
      {"noatime", O_NOATIME}};
  return *names;
}

}  // namespace

std::string Answer(long result) {
  if (result >= 0) return "0";
  const char* name = strerrorname_np(errno);
  return name != nullptr ? name : "unknown errno";
}

mode_t Octal(const std::string& text) {
  return static_cast<mode_t>(std::strtoul(text.c_str(), nullptr, 8));
}

long long Number(const std::string& text) {
  return std::strtoll(text.c_str(), nullptr, 0);
}

int OpenFlags(const std::string& text) {
  int flags = O_CLOEXEC;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const auto found = FlagNames().find(text.substr(begin, end - begin));
    // No such flag: what no open accepts, so that the case fails.
    if (found == FlagNames().end()) return -1;
    flags |= found->second;
    begin = end + 1;
  }
  return flags;
}

std::string Perform(std::span<const std::string> words, Held& held) {
  const auto found = Operations().find(words.front());
  if (found == Operations().end()) {
    return "mistake: no operation " + words.front();
  }
  const Arguments arguments = words.subspan(1);
  if (arguments.size() < found->second.min_arguments) {
    return "mistake: too few arguments for " + words.front();
  }
  return found->second.run(arguments, held);
}

}  // namespace driveroot::posix
