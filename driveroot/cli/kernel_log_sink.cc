// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/kernel_log_sink.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

namespace driveroot {
namespace {

// Documentation/admin-guide/devices.txt in the kernel's source.
constexpr unsigned kMemMajor = 1;
constexpr unsigned kKmsgMinor = 11;

}  // namespace

bool IsKernelLog(int fd) {
  struct stat info = {};
  return fstat(fd, &info) == 0 && S_ISCHR(info.st_mode) &&
         major(info.st_rdev) == kMemMajor && minor(info.st_rdev) == kKmsgMinor;
}

KernelLogSink::KernelLogSink(int fd) : fd_(fd) { google::AddLogSink(this); }

KernelLogSink::~KernelLogSink() { google::RemoveLogSink(this); }

void KernelLogSink::send(google::LogSeverity severity, const char*, const char*,
                         int, const google::LogMessageTime&,
                         const char* message, size_t length) {
  if (severity < google::GLOG_ERROR) return;
  // One write is one record.
  const std::string record =
      "<3>driveroot: " + std::string(message, length) + "\n";
  // Nobody can be told of a log that takes nothing.
  (void)!write(fd_, record.data(), record.size());
}

}  // namespace driveroot
