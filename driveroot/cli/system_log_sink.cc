// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/system_log_sink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <cstring>
#include <format>
#include <string_view>
#include <utility>

#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

bool SendTo(const std::string& path, std::string_view text) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd socket_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return socket_fd.valid() &&
         sendto(socket_fd.get(), text.data(), text.size(),
                MSG_NOSIGNAL | MSG_DONTWAIT,
                reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) >= 0;
}

}  // namespace

SystemLogSink::SystemLogSink(std::string path, std::string file)
    : path_(std::move(path)), file_(std::move(file)) {
  google::AddLogSink(this);
}

SystemLogSink::~SystemLogSink() { google::RemoveLogSink(this); }

void SystemLogSink::send(google::LogSeverity severity, const char*, const char*,
                         int, const google::LogMessageTime& time,
                         const char* message, size_t length) {
  if (severity < google::GLOG_WARNING) return;
  const int priority = severity < google::GLOG_ERROR ? LOG_WARNING : LOG_ERR;
  const std::string_view text(message, length);
  if (SendTo(path_, std::format("<{}>driveroot[{}]: {}", LOG_DAEMON | priority,
                                getpid(), text))) {
    return;
  }
  const UniqueFd file(
      open(file_.c_str(),
           O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
           0600));
  const std::string line =
      std::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} [{}] {}\n",
                  time.year() + 1900, time.month() + 1, time.day(), time.hour(),
                  time.min(), time.sec(), getpid(), text);
  // Nobody can be told of a log that takes nothing.
  (void)!write(file.get(), line.data(), line.size());
}

}  // namespace driveroot
