// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/server/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

namespace driveroot::fakedrive {
namespace {

// Rounds of one Pump, so that a fast connection leaves time to the others.
constexpr int kRounds = 16;

constexpr std::chrono::seconds kDrainTime(2);

}  // namespace

Connection::~Connection() {
  if (state_ != State::kClosed) Close(false);
}

Status Connection::Start() {
  SSL_set_accept_state(tls_.get());
  if (SSL_set_fd(tls_.get(), socket_.get()) != 1)
    return Fail(ErrorCode::kInternal, "cannot give a socket to TLS");
  watched_ = EPOLLIN;
  return shared_.loop->Watch(socket_.get(), watched_, [this](uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
      Close(false);
    } else {
      Pump();
    }
  });
}

void Connection::Pump() {
  if (pumping_ || state_ == State::kClosed) return;
  if (state_ == State::kDraining) {
    Drain();
    return;
  }
  pumping_ = true;
  want_readable_ = false;
  want_writable_ = false;
  PumpOpen();
  pumping_ = false;
  if (state_ == State::kHandshake || state_ == State::kOpen) UpdateWatch();
}

void Connection::PumpOpen() {
  for (int round = 0; round < kRounds; ++round) {
    if (state_ == State::kHandshake) {
      if (Handshake() == Step::kStuck) return;
    }
    const Step received = Receive();
    if (state_ != State::kOpen) return;
    const Step sent = Send();
    if (state_ != State::kOpen) return;
    if (received == Step::kStuck && sent == Step::kStuck) return;
  }
  shared_.pump_later(id_);
}

Connection::Step Connection::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(tls_.get());
  if (result != 1) {
    OnTlsFailure(result);
    return Step::kStuck;
  }
  const uint8_t* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(tls_.get(), &protocol, &size);
  const bool http2 =
      std::string_view(reinterpret_cast<const char*>(protocol), size) == "h2";
  SessionContext context = {.handler = shared_.handler,
                            .counters = shared_.counters,
                            .connection_id = id_,
                            .spool_folder = shared_.spool_folder,
                            .wake = [this] {
                              if (!pumping_) shared_.pump_later(id_);
                            }};
  ++(http2 ? shared_.counters->http2_connections
           : shared_.counters->http1_connections);
  session_ = http2 ? MakeHttp2Session(std::move(context))
                   : MakeHttp1Session(std::move(context));
  if (!session_) {
    Close(true);
    return Step::kStuck;
  }
  state_ = State::kOpen;
  return Step::kMoved;
}

Connection::Step Connection::Receive() {
  if (waiting_to_receive_ || !session_->WantsInput()) return Step::kStuck;
  if (!shared_.inbound->Ready()) {
    waiting_to_receive_ = true;
    shared_.inbound->Wait(id_);
    return Step::kStuck;
  }
  std::array<char, Session::kPiece> buffer;
  ERR_clear_error();
  const int got = SSL_read(tls_.get(), buffer.data(), buffer.size());
  if (got <= 0) {
    OnTlsFailure(got);
    return Step::kStuck;
  }
  const auto size = static_cast<size_t>(got);
  shared_.inbound->Take(size);
  shared_.counters->bytes_in += size;
  session_->OnInput(std::string_view(buffer.data(), size));
  return Step::kMoved;
}

Connection::Step Connection::Send() {
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
    session_->Produce(&output_);
  }
  if (output_.empty()) {
    if (session_->Reset()) {
      Close(true);
    } else if (session_->Done()) {
      StartDraining();
    }
    return Step::kStuck;
  }
  if (waiting_to_send_) return Step::kStuck;
  if (!shared_.outbound->Ready()) {
    waiting_to_send_ = true;
    shared_.outbound->Wait(id_);
    return Step::kStuck;
  }
  ERR_clear_error();
  const int sent = SSL_write(tls_.get(), output_.data() + output_sent_,
                             static_cast<int>(output_.size() - output_sent_));
  if (sent <= 0) {
    OnTlsFailure(sent);
    return Step::kStuck;
  }
  output_sent_ += static_cast<size_t>(sent);
  shared_.outbound->Take(static_cast<size_t>(sent));
  shared_.counters->bytes_out += static_cast<size_t>(sent);
  return Step::kMoved;
}

void Connection::OnTlsFailure(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      want_readable_ = true;
      return;
    case SSL_ERROR_WANT_WRITE:
      want_writable_ = true;
      return;
    case SSL_ERROR_ZERO_RETURN:
      break;
    default:
      // Clients hang up without a TLS goodbye all the time: only a failed
      // handshake is worth counting.
      if (state_ == State::kHandshake) ++shared_.counters->tls_errors;
      ERR_clear_error();
  }
  Close(false);
}

void Connection::StartDraining() {
  SSL_shutdown(tls_.get());
  ERR_clear_error();
  shutdown(socket_.get(), SHUT_WR);
  state_ = State::kDraining;
  watched_ = EPOLLIN;
  shared_.loop->Change(socket_.get(), watched_);
  drain_timer_ = shared_.loop->After(kDrainTime, [this] {
    drain_timer_.reset();
    Close(false);
  });
}

void Connection::Drain() {
  std::array<char, Session::kPiece> buffer;
  const ssize_t got =
      recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) Close(false);
}

void Connection::Close(bool reset) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (drain_timer_) shared_.loop->Cancel(*drain_timer_);
  shared_.loop->Unwatch(socket_.get());
  if (reset) {
    // Closing with a zero linger time sends RST.
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  socket_.Reset();
  shared_.on_closed(id_);
}

void Connection::UpdateWatch() {
  // While a session waits for its handler nothing is read, but a peer that has
  // gone away altogether is still noticed: EPOLLHUP and EPOLLERR always are.
  uint32_t events = 0;
  if (want_readable_) events |= EPOLLIN;
  if (want_writable_) events |= EPOLLOUT;
  if (events == watched_) return;
  watched_ = events;
  shared_.loop->Change(socket_.get(), events);
}

}  // namespace driveroot::fakedrive
