// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_session.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <format>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "driveroot/base/mountinfo.h"
#include "driveroot/control/address.h"

namespace driveroot {
namespace {

// For the answer of a daemon that is asked whether it is there.
constexpr std::chrono::seconds kProbeLimit(10);

// Handles one line of an answer; true when it was the last.
Result<bool> HandleLine(std::string_view line,
                        const ControlSession::ProgressSink& progress) {
  DRIVEROOT_ASSIGN_OR_RETURN(const ControlAnswer answer, ParseAnswer(line));
  if (const auto* error = std::get_if<ControlError>(&answer)) {
    return Fail(ErrorCode::kUnavailable, error->message);
  }
  if (const auto* now = std::get_if<ControlProgress>(&answer)) {
    progress(now->total > 0
                 ? std::format("{}: {} of {}", now->text, now->done, now->total)
                 : now->text);
    return false;
  }
  return true;
}

// Who mounted the file system of that device, and may serve it.
uid_t OwnerOf(std::string_view device) {
  const Result<std::vector<MountEntry>> mounts = ReadMountinfo();
  if (!mounts) return 0;
  const auto found = std::ranges::find(*mounts, device, &MountEntry::device);
  return found == mounts->end() ? 0 : found->owner.value_or(0);
}

}  // namespace

Result<ControlSession> ControlSession::Connect(std::string_view device) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<UniqueFd> sockets,
                             ConnectToMount(device, OwnerOf(device)));
  const bool is_only_one = sockets.size() == 1;
  for (UniqueFd& socket : sockets) {
    ControlSession session(std::move(socket));
    if (is_only_one) return session;
    // One that outlives its mount, whose number a new one has now, hangs up.
    const Result<std::string> answer =
        session.Request("hello", kProbeLimit, [](const std::string&) {});
    if (answer || answer.error().code() == ErrorCode::kUnavailable) {
      return session;
    }
  }
  return Fail(ErrorCode::kNotFound, "no driveroot daemon serves this mount");
}

Result<ControlSession> ControlSession::ConnectTo(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot look at " + path));
  }
  Result<ControlSession> session = Connect(DeviceName(status.st_dev));
  if (session) return session;
  if (session.error().code() == ErrorCode::kUnavailable) return session;
  return Fail(ErrorCode::kNotFound,
              "no volume of driveroot is mounted at " + path);
}

ControlSession::ControlSession(UniqueFd socket) : socket_(std::move(socket)) {}

Status ControlSession::Send(const ControlRequest& request) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, EncodeRequest(request));
  std::string_view bytes = text;
  while (!bytes.empty()) {
    // No signal when the other side has hung up.
    const ssize_t count =
        send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Fail(ErrorCode::kIo, "the driveroot daemon has hung up");
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

Result<std::string> ControlSession::Receive(
    std::chrono::milliseconds silence_limit, const ProgressSink& progress) {
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::optional<std::string> line,
                               lines_.Next());
    if (!line) {
      DRIVEROOT_ASSIGN_OR_RETURN(const bool has_more, ReadMore(silence_limit));
      if (has_more) continue;
      return Fail(ErrorCode::kIo, "the daemon ended in the middle of it");
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const bool is_last, HandleLine(*line, progress));
    if (is_last) return *line;
  }
}

Result<std::string> ControlSession::Request(
    const ControlRequest& request, std::chrono::milliseconds silence_limit,
    const ProgressSink& progress) {
  DRIVEROOT_RETURN_IF_ERROR(Send(request));
  return Receive(silence_limit, progress);
}

Result<std::string> ControlSession::Request(
    std::string_view command, std::chrono::milliseconds silence_limit,
    const ProgressSink& progress) {
  return Request(ControlRequest{.command = std::string(command)}, silence_limit,
                 progress);
}

bool ControlSession::WaitForClose(std::chrono::milliseconds limit) {
  while (true) {
    lines_ = LineSplitter(kMaxAnswerBytes);
    const Result<bool> has_more = ReadMore(limit);
    // A reset connection is closed as well.
    if (!has_more) return has_more.error().code() == ErrorCode::kIo;
    if (!*has_more) return true;
  }
}

Result<bool> ControlSession::ReadMore(std::chrono::milliseconds limit) {
  pollfd readable = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
  int count = 0;
  do {
    count = poll(&readable, 1, static_cast<int>(limit.count()));
  } while (count < 0 && errno == EINTR);
  if (count == 0) {
    return Fail(ErrorCode::kUnavailable,
                std::format("the daemon has said nothing for {} s",
                            limit.count() / 1000));
  }
  std::array<char, 4096> bytes;
  const ssize_t size = read(socket_.get(), bytes.data(), bytes.size());
  if (size < 0) {
    return std::unexpected(
        Error(ErrorCode::kIo, std::format("cannot read the daemon's answer: {}",
                                          std::strerror(errno))));
  }
  lines_.Add({bytes.data(), static_cast<size_t>(size)});
  return size > 0;
}

}  // namespace driveroot
