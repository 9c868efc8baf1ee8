// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_session.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <format>
#include <optional>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/control/address.h"
#include "rapidjson/document.h"

namespace driveroot {
namespace {

constexpr size_t kMaxAnswerBytes = 1 << 20;

uint64_t NumberOrZero(const rapidjson::Document& document, const char* key) {
  const auto member = document.FindMember(key);
  if (member == document.MemberEnd() || !member->value.IsUint64()) return 0;
  return member->value.GetUint64();
}

std::optional<std::string> FindText(const rapidjson::Document& document,
                                    const char* key) {
  const auto member = document.FindMember(key);
  if (member == document.MemberEnd() || !member->value.IsString()) {
    return std::nullopt;
  }
  return std::string(member->value.GetString(),
                     member->value.GetStringLength());
}

// Handles one line of an answer; true when it was the last.
Result<bool> HandleLine(std::string_view line,
                        const ControlSession::ProgressSink& progress) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject()) {
    return Fail(ErrorCode::kDataLoss, "the daemon's answer is not JSON");
  }
  if (std::optional<std::string> error = FindText(document, "error")) {
    return Fail(ErrorCode::kUnavailable, *std::move(error));
  }
  if (std::optional<std::string> text = FindText(document, "progress")) {
    const uint64_t total = NumberOrZero(document, "total");
    if (total > 0) {
      *text += std::format(": {} of {}", NumberOrZero(document, "done"), total);
    }
    progress(*text);
    return false;
  }
  const auto ok = document.FindMember("ok");
  if (ok != document.MemberEnd() && ok->value.IsTrue()) return true;
  return Fail(ErrorCode::kDataLoss,
              "the daemon's answer has none of the known members");
}

}  // namespace

Result<ControlSession> ControlSession::Connect(std::string_view device) {
  DRIVEROOT_ASSIGN_OR_RETURN(const ControlAddress address,
                             MakeControlAddress(device));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || connect(fd.get(), address.get(), address.size) < 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot reach the driveroot daemon"));
  }
  return ControlSession(std::move(fd));
}

Result<ControlSession> ControlSession::ConnectTo(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    return std::unexpected(Error::FromErrno(errno, "cannot look at " + path));
  }
  Result<ControlSession> session =
      Connect(std::format("{}:{}", major(status.st_dev), minor(status.st_dev)));
  if (session) return session;
  return Fail(ErrorCode::kNotFound,
              "no volume of driveroot is mounted at " + path);
}

ControlSession::ControlSession(UniqueFd socket) : socket_(std::move(socket)) {}

Result<std::string> ControlSession::Request(
    std::string_view command, std::chrono::milliseconds silence_limit,
    const ProgressSink& progress) {
  const std::string request = std::format("{{\"command\":\"{}\"}}\n", command);
  DRIVEROOT_RETURN_IF_ERROR(
      WriteFully(socket_.get(), request, "the daemon's socket"));
  while (true) {
    size_t end = 0;
    while ((end = buffer_.find('\n')) != buffer_.npos) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      DRIVEROOT_ASSIGN_OR_RETURN(const bool is_last,
                                 HandleLine(line, progress));
      if (is_last) return line;
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const bool has_more, ReadMore(silence_limit));
    if (!has_more) {
      return Fail(ErrorCode::kIo, "the daemon ended in the middle of it");
    }
  }
}

bool ControlSession::WaitForClose(std::chrono::milliseconds limit) {
  while (true) {
    buffer_.clear();
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
  buffer_.append(bytes.data(), static_cast<size_t>(size));
  if (buffer_.size() > kMaxAnswerBytes) {
    return Fail(ErrorCode::kDataLoss, "the daemon's answer has no end");
  }
  return size > 0;
}

}  // namespace driveroot
