// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_server.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "driveroot/control/address.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace driveroot {
namespace {

// A request is one short line.
constexpr size_t kMaxRequestBytes = 4096;

// A client that does not read must not hold the daemon up.
constexpr timeval kSendLimit = {.tv_sec = 10, .tv_usec = 0};

bool MayAsk(int socket) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return false;
  }
  return peer.uid == 0 || peer.uid == geteuid();
}

std::string Object(std::string_view key, std::string_view text, uint64_t done,
                   uint64_t total) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  if (total > 0) {
    writer.Key("done");
    writer.Uint64(done);
    writer.Key("total");
    writer.Uint64(total);
  }
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

// Everything up to the line's end; nothing when the client went away or sends
// what is no request.
std::string ReadLine(int socket, std::string& buffer) {
  while (true) {
    const size_t end = buffer.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    char bytes[512];
    const ssize_t count = read(socket, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || buffer.size() > kMaxRequestBytes) return "";
    buffer.append(bytes, static_cast<size_t>(count));
  }
}

std::string CommandOf(const std::string& line) {
  rapidjson::Document request;
  request.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (!request.IsObject() || !request.HasMember("command") ||
      !request["command"].IsString()) {
    return "";
  }
  return request["command"].GetString();
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Start(dev_t device,
                                                            Handler handler) {
  DRIVEROOT_ASSIGN_OR_RETURN(
      const ControlAddress address,
      MakeControlAddress(std::to_string(major(device)) + ":" +
                         std::to_string(minor(device))));
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.valid() ||
      bind(listener.get(), address.get(), address.size) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot listen on the control socket"));
  }
  return std::unique_ptr<ControlServer>(
      new ControlServer(std::move(listener), std::move(handler)));
}

ControlServer::ControlServer(UniqueFd listener, Handler handler)
    : listener_(std::move(listener)),
      handler_(std::move(handler)),
      acceptor_([this] { Accept(); }) {}

void ControlServer::StopAccepting() {
  if (!acceptor_.joinable()) return;
  // Makes accept() return.
  shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  listener_.Reset();
}

ControlServer::~ControlServer() {
  StopAccepting();
  for (Connection& connection : connections_) {
    shutdown(connection.socket.get(), SHUT_RD);
    connection.thread.join();
  }
}

void ControlServer::Accept() {
  while (true) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid() && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!socket.valid()) return;
    RemoveDone();
    if (!MayAsk(socket.get())) {
      Answer(socket.get(), Object("error", "permission denied", 0, 0));
      continue;
    }
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit,
               sizeof(kSendLimit));
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.thread = std::thread([this, &connection] { Serve(connection); });
  }
}

void ControlServer::RemoveDone() {
  const std::lock_guard lock(mutex_);
  std::erase_if(connections_, [](Connection& connection) {
    if (connection.done) connection.thread.join();
    return connection.done;
  });
}

void ControlServer::Serve(Connection& connection) {
  const int socket = connection.socket.get();
  std::string buffer;
  const ProgressSink progress = [&](std::string_view text, uint64_t done,
                                    uint64_t total) {
    Answer(socket, Object("progress", text, done, total));
  };
  while (true) {
    const std::string line = ReadLine(socket, buffer);
    if (line.empty()) break;
    const Result<std::string> members = handler_(CommandOf(line), progress);
    if (members) {
      Answer(socket,
             "{\"ok\":true" + (members->empty() ? "" : "," + *members) + "}\n");
    } else {
      Answer(socket, Object("error", members.error().message(), 0, 0));
    }
  }
  // The socket itself stays open until the daemon ends, or is needed no more:
  // that it closes tells a client that the daemon is gone.
  const std::lock_guard lock(mutex_);
  connection.done = true;
}

void ControlServer::Answer(int socket, std::string_view line) {
  // A client that went away is no error of the daemon's.
  while (!line.empty()) {
    const ssize_t sent = send(socket, line.data(), line.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    line.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace driveroot
