// SPDX-License-Identifier: Apache-2.0
//
// One accepted TCP connection: TLS, the choice of protocol by ALPN, and the
// moving of bytes between socket and session within the link's bandwidth.
#ifndef VMTEST_FAKEDRIVE_SERVER_CONNECTION_H_
#define VMTEST_FAKEDRIVE_SERVER_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "driveroot/base/unique_fd.h"
#include "vmtest/fakedrive/server/bandwidth.h"
#include "vmtest/fakedrive/server/certificates.h"
#include "vmtest/fakedrive/server/event_loop.h"
#include "vmtest/fakedrive/server/session.h"

namespace driveroot::fakedrive {

class Connection {
 public:
  // What all connections share; outlives them.
  struct Shared {
    EventLoop* loop;
    Bandwidth* inbound;
    Bandwidth* outbound;
    ServerCounters* counters;
    Handler* handler;
    std::string spool_folder;
    // The connection is over; to be destroyed later, not in the call.
    std::function<void(uint64_t)> on_closed;
    // Calls Pump on the connection of that id, if it is there, in the next
    // round.
    std::function<void(uint64_t)> pump_later;
  };

  Connection(const Shared* shared, uint64_t id, UniqueFd socket, TlsPtr tls)
      : shared_(*shared),
        id_(id),
        socket_(std::move(socket)),
        tls_(std::move(tls)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  Status Start();

  // Moves what can be moved now.
  void Pump();

  // One of the bandwidth queues has come to this connection.
  void OnBandwidth(bool outbound) {
    (outbound ? waiting_to_send_ : waiting_to_receive_) = false;
    Pump();
  }

 private:
  enum class State : uint8_t { kHandshake, kOpen, kDraining, kClosed };
  enum class Step : uint8_t { kMoved, kStuck };

  void PumpOpen();
  Step Handshake();
  Step Receive();
  Step Send();
  // Waits for the peer to read the last bytes and leave, so that they are not
  // lost to a reset caused by bytes that nobody read.
  void StartDraining();
  void Drain();
  void Close(bool reset);
  void UpdateWatch();
  void OnTlsFailure(int result);

  const Shared& shared_;
  const uint64_t id_;
  UniqueFd socket_;
  TlsPtr tls_;
  State state_ = State::kHandshake;
  std::unique_ptr<Session> session_;
  std::string output_;
  size_t output_sent_ = 0;
  bool want_readable_ = false;
  bool want_writable_ = false;
  bool waiting_to_send_ = false;
  bool waiting_to_receive_ = false;
  bool pumping_ = false;
  uint32_t watched_ = 0;
  std::optional<EventLoop::TimerId> drain_timer_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_CONNECTION_H_
