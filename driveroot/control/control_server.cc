// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "driveroot/base/mountinfo.h"
#include "driveroot/control/address.h"

namespace driveroot {
namespace {

// A client that does not read must not hold the daemon up.
constexpr timeval kSendLimit = {.tv_sec = 10, .tv_usec = 0};

// Of one user, or of root: more are a mistake.
constexpr size_t kMaxConversations = 64;

// When no connection can be taken for now, as without a free descriptor.
constexpr int kPauseMs = 100;

// Reads lines off a socket.
class LineReader {
 public:
  explicit LineReader(int socket) : socket_(socket) {}

  // Nothing: the client went away.
  Result<std::optional<std::string>> Next() {
    while (true) {
      DRIVEROOT_ASSIGN_OR_RETURN(std::optional<std::string> line,
                                 lines_.Next());
      if (line) return line;
      std::array<char, 4096> bytes;
      const ssize_t count = read(socket_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return std::nullopt;
      lines_.Add({bytes.data(), static_cast<size_t>(count)});
    }
  }

 private:
  const int socket_;
  LineSplitter lines_{kMaxRequestBytes};
};

bool MayAsk(int socket) {
  const std::optional<uid_t> peer = PeerOf(socket);
  return peer && (*peer == 0 || *peer == geteuid());
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Start(
    dev_t device, Handler handler, std::function<bool()> is_mounted) {
  DRIVEROOT_ASSIGN_OR_RETURN(UniqueFd listener,
                             ListenForMount(DeviceName(device)));
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) {
    return std::unexpected(
        Error::FromErrno(errno, "cannot make a descriptor for events"));
  }
  return std::unique_ptr<ControlServer>(
      new ControlServer(std::move(listener), std::move(stop),
                        std::move(handler), std::move(is_mounted)));
}

ControlServer::ControlServer(UniqueFd listener, UniqueFd stop, Handler handler,
                             std::function<bool()> is_mounted)
    : listener_(std::move(listener)),
      stop_(std::move(stop)),
      handler_(std::move(handler)),
      is_mounted_(std::move(is_mounted)),
      acceptor_([this] { Accept(); }) {}

void ControlServer::StopAccepting() {
  if (!acceptor_.joinable()) return;
  eventfd_write(stop_.get(), 1);
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

bool ControlServer::AwaitConnection(bool pause) const {
  std::array<pollfd, 2> ready = {
      pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0},
      pollfd{.fd = listener_.get(), .events = POLLIN, .revents = 0}};
  const int count = poll(ready.data(), pause ? 1 : 2, pause ? kPauseMs : -1);
  return count <= 0 || ready[0].revents == 0;
}

void ControlServer::Accept() {
  bool pause = false;
  while (AwaitConnection(pause)) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    // Without a descriptor, or memory, for it: it waits in the queue.
    pause = !socket.valid() && errno != EINTR && errno != ECONNABORTED &&
            errno != EAGAIN;
    if (!socket.valid()) continue;
    // The mount's number may be another's by now: who asks for that one looks
    // for the next.
    if (is_mounted_ != nullptr && !is_mounted_()) continue;
    RemoveDone();
    Begin(std::move(socket));
  }
}

void ControlServer::Begin(UniqueFd socket) {
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit,
             sizeof(kSendLimit));
  if (!MayAsk(socket.get())) {
    Answer(socket.get(), EncodeError("permission denied"));
    return;
  }
  if (connections_.size() >= kMaxConversations) {
    Answer(socket.get(), EncodeError("too many others ask at this moment"));
    return;
  }
  Connection& connection = connections_.emplace_back();
  connection.socket = std::move(socket);
  try {
    connection.thread = std::thread([this, &connection] { Serve(connection); });
  } catch (const std::system_error& error) {
    Answer(connection.socket.get(),
           EncodeError(std::string("no thread for it: ") + error.what()));
    connections_.pop_back();
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
  LineReader lines(socket);
  const ProgressSink progress = [&](std::string_view text, uint64_t done,
                                    uint64_t total) {
    Answer(socket,
           EncodeProgress(
               {.text = std::string(text), .done = done, .total = total}));
  };
  while (true) {
    const Result<std::optional<std::string>> line = lines.Next();
    if (!line) {
      Answer(socket, EncodeError("refused: " + line.error().message()));
      shutdown(socket, SHUT_RDWR);
      break;
    }
    if (!*line) break;
    Answer(socket, AnswerTo(**line, progress));
  }
  // The socket itself stays open until the daemon ends, or is needed no more:
  // that it closes tells a client that the daemon is gone.
  const std::lock_guard lock(mutex_);
  connection.done = true;
}

std::string ControlServer::AnswerTo(const std::string& line,
                                    const ProgressSink& progress) {
  const Result<ControlRequest> request = ParseRequest(line);
  if (!request) return EncodeError(request.error().message());
  if (request->command == "hello") return EncodeDone("");
  const Result<std::string> members = handler_(*request, progress);
  return members ? EncodeDone(*members)
                 : EncodeError(members.error().message());
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
