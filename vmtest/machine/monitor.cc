// SPDX-License-Identifier: Apache-2.0
#include "vmtest/machine/monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "driveroot/base/files.h"
#include "rapidjson/document.h"

namespace driveroot::vmtest {
namespace {

using Clock = std::chrono::steady_clock;

Result<UniqueFd> MakePipe(const std::string& path) {
  if (mkfifo(path.c_str(), 0600) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot make " + path));
  }
  // Both ends, so that opening does not wait for QEMU.
  UniqueFd fd(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) {
    return std::unexpected(Error::FromErrno(errno, "cannot open " + path));
  }
  return fd;
}

}  // namespace

Result<Monitor> Monitor::Create(const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(UniqueFd input, MakePipe(path + ".in"));
  DRIVEROOT_ASSIGN_OR_RETURN(UniqueFd output, MakePipe(path + ".out"));
  return Monitor(std::move(input), std::move(output));
}

Status Monitor::Connect(std::chrono::seconds limit) {
  DRIVEROOT_RETURN_IF_ERROR(ReadLine(Clock::now() + limit));  // the greeting
  return Execute("qmp_capabilities", "", limit);
}

Status Monitor::Execute(std::string_view command, std::string_view arguments,
                        std::chrono::seconds limit) {
  std::string request = R"({"execute":")" + std::string(command) + "\"";
  if (!arguments.empty()) request += ",\"arguments\":" + std::string(arguments);
  request += "}\n";
  DRIVEROOT_RETURN_IF_ERROR(
      WriteFully(input_.get(), request, "QEMU's monitor"));
  const Clock::time_point end = Clock::now() + limit;
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string line, ReadLine(end));
    rapidjson::Document answer;
    answer.Parse(line.data(), line.size());
    if (!answer.IsObject()) continue;
    if (answer.HasMember("return")) return {};
    if (answer.HasMember("error")) {
      return Fail(ErrorCode::kIo,
                  "QEMU refused " + std::string(command) + ": " + line);
    }
  }
}

std::string Monitor::ShutdownReason() {
  // QEMU is gone, so what it wrote is in the pipe already.
  while (ReadLine(Clock::now())) {
  }
  return shutdown_reason_;
}

Result<std::string> Monitor::ReadLine(Clock::time_point limit) {
  while (true) {
    const size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      NoteEvent(line);
      return line;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        limit - Clock::now());
    pollfd poll_entry = {.fd = output_.get(), .events = POLLIN, .revents = 0};
    const int wait = static_cast<int>(std::max<int64_t>(left.count(), 0));
    if (poll(&poll_entry, 1, wait) <= 0) {
      return Fail(ErrorCode::kUnavailable, "QEMU's monitor does not answer");
    }
    char chunk[4096];
    const ssize_t count = read(output_.get(), chunk, sizeof(chunk));
    if (count <= 0) {
      return Fail(ErrorCode::kUnavailable, "QEMU's monitor is closed");
    }
    buffer_.append(chunk, static_cast<size_t>(count));
  }
}

void Monitor::NoteEvent(std::string_view line) {
  rapidjson::Document event;
  event.Parse(line.data(), line.size());
  if (!event.IsObject() || !event.HasMember("event") ||
      !event["event"].IsString() ||
      std::string_view(event["event"].GetString()) != "SHUTDOWN") {
    return;
  }
  if (!event.HasMember("data") || !event["data"].IsObject()) return;
  const auto& data = event["data"];
  if (data.HasMember("reason") && data["reason"].IsString()) {
    shutdown_reason_ = data["reason"].GetString();
  }
}

}  // namespace driveroot::vmtest
