// SPDX-License-Identifier: Apache-2.0
//
// Makes what a daemon in the background logs reach the system's log: its
// standard error is /dev/null.
#ifndef DRIVEROOT_CLI_SYSTEM_LOG_SINK_H_
#define DRIVEROOT_CLI_SYSTEM_LOG_SINK_H_

#include <glog/logging.h>

#include <cstddef>
#include <string>

namespace driveroot {

// The socket of syslog(3).
inline constexpr char kSystemLog[] = "/dev/log";

// While it lives, warnings and errors go to the socket `path` as syslog(3)
// sends them: journald and syslogd know them as driveroot's. Where nobody
// listens there they go to the end of the file `file` (0600). Waits for nobody.
// Thread-safe, as LogSink asks.
class SystemLogSink : public google::LogSink {
 public:
  SystemLogSink(std::string path, std::string file);
  ~SystemLogSink() override;

  void send(google::LogSeverity severity, const char* full_filename,
            const char* base_filename, int line,
            const google::LogMessageTime& time, const char* message,
            size_t length) override;

 private:
  const std::string path_;
  const std::string file_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_SYSTEM_LOG_SINK_H_
