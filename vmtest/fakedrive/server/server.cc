// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace driveroot::fakedrive {

Server::Server(EventLoop* loop, Handler* handler, TlsContextPtr tls,
               std::string spool_folder)
    : loop_(*loop),
      tls_(std::move(tls)),
      inbound_(loop,
               [this](uint64_t id) {
                 const auto found = connections_.find(id);
                 if (found != connections_.end())
                   found->second->OnBandwidth(/*outbound=*/false);
               }),
      outbound_(loop,
                [this](uint64_t id) {
                  const auto found = connections_.find(id);
                  if (found != connections_.end())
                    found->second->OnBandwidth(/*outbound=*/true);
                }),
      shared_{.loop = loop,
              .inbound = &inbound_,
              .outbound = &outbound_,
              .counters = &counters_,
              .handler = handler,
              .spool_folder = std::move(spool_folder),
              .on_closed =
                  [this](uint64_t id) {
                    loop_.Post([this, id] { connections_.erase(id); });
                  },
              .pump_later = [this](uint64_t id) { PumpLater(id); }} {}

Server::~Server() {
  if (listener_.valid()) loop_.Unwatch(listener_.get());
  connections_.clear();
}

Result<uint16_t> Server::Listen(const std::string& host, uint16_t port) {
  sockaddr_storage address = {};
  socklen_t size = 0;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  if (inet_pton(AF_INET, numeric.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    size = sizeof *v4;
  } else if (inet_pton(AF_INET6, numeric.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    size = sizeof *v6;
  } else {
    return Fail(ErrorCode::kInvalidArgument,
                "cannot listen on " + host +
                    ": give an IPv4 or IPv6 address, e.g. 127.0.0.1:0");
  }
  UniqueFd listener(
      socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!listener.valid() ||
      setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) !=
          0 ||
      bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener.get(), SOMAXCONN) != 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address),
                  &size) != 0)
    return std::unexpected(Error::FromErrno(
        errno, "cannot listen on " + host + " port " + std::to_string(port)));
  DRIVEROOT_RETURN_IF_ERROR(loop_.Watch(
      listener.get(), EPOLLIN, [this](uint32_t /*events*/) { Accept(); }));
  listener_ = std::move(listener);
  return ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}

void Server::SetBandwidth(double bytes_per_second) {
  inbound_.SetRate(bytes_per_second);
  outbound_.SetRate(bytes_per_second);
}

void Server::Accept() {
  for (;;) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr,
                            SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) return;
    const int on = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    TlsPtr tls(SSL_new(tls_.get()));
    if (!tls) return;
    ++counters_.connections;
    const uint64_t id = next_id_++;
    auto connection = std::make_unique<Connection>(
        &shared_, id, std::move(socket), std::move(tls));
    Connection* const started = connection.get();
    connections_.emplace(id, std::move(connection));
    if (!started->Start()) connections_.erase(id);
  }
}

void Server::PumpLater(uint64_t id) {
  loop_.Post([this, id] {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second->Pump();
  });
}

}  // namespace driveroot::fakedrive
