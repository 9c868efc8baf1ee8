// SPDX-License-Identifier: Apache-2.0
#include "initrd/init/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <system_error>

namespace driveroot {
namespace {

// A record's first number is facility * 8 + level. The kernel's own facility is
// 0; what processes write has the facility "user" unless they say otherwise.
constexpr unsigned int kLevels = 8;
constexpr unsigned int kUserFacility = 1;

// The kernel's limit of one record with its dictionary is below this.
constexpr size_t kMaxRecordBytes = 8192;

}  // namespace

std::optional<std::string> ParseProcessRecord(std::string_view record) {
  unsigned int priority = 0;
  const auto [end, error] =
      std::from_chars(record.data(), record.data() + record.size(), priority);
  const size_t text_start = record.find(';');
  if (error != std::errc() || text_start == record.npos ||
      end > record.data() + text_start || priority / kLevels != kUserFacility) {
    return std::nullopt;
  }
  record.remove_prefix(text_start + 1);
  return std::string(record.substr(0, record.find('\n')));
}

KernelLogReader::KernelLogReader()
    : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  lseek(fd_.get(), 0, SEEK_END);
}

std::vector<std::string> KernelLogReader::TakeLastLines(size_t count) {
  std::vector<std::string> lines;
  std::array<char, kMaxRecordBytes> record;
  while (true) {
    const ssize_t size = read(fd_.get(), record.data(), record.size());
    // EPIPE: records were overwritten before they were read; go on after them.
    if (size < 0 && (errno == EPIPE || errno == EINTR)) continue;
    if (size <= 0) break;
    std::optional<std::string> line =
        ParseProcessRecord({record.data(), static_cast<size_t>(size)});
    if (line) lines.push_back(*std::move(line));
  }
  if (lines.size() > count) {
    lines.erase(lines.begin(),
                lines.end() - static_cast<std::ptrdiff_t>(count));
  }
  return lines;
}

}  // namespace driveroot
