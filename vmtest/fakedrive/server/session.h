// SPDX-License-Identifier: Apache-2.0
//
// What one connection's protocol (HTTP/1.1 or HTTP/2) is to the connection that
// carries its bytes: decrypted bytes in, bytes to encrypt out, no sockets.
#ifndef VMTEST_FAKEDRIVE_SERVER_SESSION_H_
#define VMTEST_FAKEDRIVE_SERVER_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "vmtest/fakedrive/server/exchange.h"

namespace driveroot::fakedrive {

// Counted since the start or the last reset. Bytes are HTTP's, inside TLS.
struct ServerCounters {
  uint64_t connections = 0;
  uint64_t http1_connections = 0;
  uint64_t http2_connections = 0;
  uint64_t http2_streams = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t tls_errors = 0;
  uint64_t protocol_errors = 0;
};

// What a session needs of its surroundings. All of it outlives the session.
struct SessionContext {
  Handler* handler;
  ServerCounters* counters;
  uint64_t connection_id;
  std::string spool_folder;
  // Asks the connection to call Produce soon.
  std::function<void()> wake;
};

class Session : public ResponseTarget {
 public:
  // How many bytes Produce aims at: one TLS record.
  static constexpr size_t kPiece = 16384;

  virtual void OnInput(std::string_view bytes) = 0;
  // False while the session would only have to store what it is given.
  virtual bool WantsInput() const = 0;
  // Appends about kPiece bytes, or nothing if there is nothing to send now.
  virtual void Produce(std::string* output) = 0;
  // Nothing more will be sent or read: the connection may close.
  virtual bool Done() const = 0;
  // The connection is to be reset at once.
  virtual bool Reset() const = 0;
};

std::unique_ptr<Session> MakeHttp1Session(SessionContext context);

// Null if nghttp2 cannot allocate.
std::unique_ptr<Session> MakeHttp2Session(SessionContext context);

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_SESSION_H_
