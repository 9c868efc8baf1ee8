// SPDX-License-Identifier: Apache-2.0
//
// Makes errors of a machine's daemon show on the machine's console.
//
// Its standard error is the kernel's log there, whose lines without a priority
// count as warnings, and a quiet console leaves warnings out (proc(5),
// /proc/sys/kernel/printk; Documentation/ABI/testing/dev-kmsg in the kernel's
// source).
#ifndef DRIVEROOT_CLI_KERNEL_LOG_SINK_H_
#define DRIVEROOT_CLI_KERNEL_LOG_SINK_H_

#include <glog/logging.h>

#include <cstddef>

namespace driveroot {

// Whether a descriptor is /dev/kmsg, by whatever name.
bool IsKernelLog(int fd);

// While it lives, what is logged as an error goes to `fd`, which outlives it,
// with the kernel's priority of errors. Thread-safe, as LogSink asks.
class KernelLogSink : public google::LogSink {
 public:
  explicit KernelLogSink(int fd);
  ~KernelLogSink() override;

  void send(google::LogSeverity severity, const char* full_filename,
            const char* base_filename, int line,
            const google::LogMessageTime& time, const char* message,
            size_t length) override;

 private:
  const int fd_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_KERNEL_LOG_SINK_H_
