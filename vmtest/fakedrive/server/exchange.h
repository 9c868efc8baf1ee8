// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer, and the interface of whoever answers.
//
// The server calls a Handler on its one thread. A handler may answer at once or
// keep the shared pointer and answer later from a timer; the client may be gone
// by then, in which case the answer is dropped.
#ifndef VMTEST_FAKEDRIVE_SERVER_EXCHANGE_H_
#define VMTEST_FAKEDRIVE_SERVER_EXCHANGE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "vmtest/fakedrive/server/body.h"
#include "vmtest/fakedrive/server/http.h"

namespace driveroot::fakedrive {

class Exchange;

// The protocol session that waits for an answer.
class ResponseTarget {
 public:
  virtual ~ResponseTarget() = default;
  // The exchange has its response now.
  virtual void OnResponse(const std::shared_ptr<Exchange>& exchange) = 0;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(ResponseTarget* target, RequestHead head, uint64_t connection_id,
           std::string spool_folder)
      : head_(std::move(head)),
        body_(std::move(spool_folder)),
        connection_id_(connection_id),
        target_(target) {}

  const RequestHead& head() const { return head_; }
  const Body& body() const { return body_; }
  Body& mutable_body() { return body_; }
  uint64_t connection_id() const { return connection_id_; }
  std::chrono::steady_clock::time_point start() const { return start_; }
  std::chrono::system_clock::time_point wall_start() const {
    return wall_start_;
  }

  bool answered() const { return answered_; }
  const Response& response() const { return response_; }

  // Answers. Must be called once.
  void Respond(Response response) {
    response_ = std::move(response);
    response_.headers.Add("date", HttpDate(std::chrono::system_clock::now()));
    answered_ = true;
    if (target_ != nullptr) target_->OnResponse(shared_from_this());
  }

  // For the session: nobody waits for the answer any more.
  void Detach() { target_ = nullptr; }

  // For the session: how much of the response's body went out, and whether all
  // of the response did.
  uint64_t body_sent = 0;
  bool complete = false;

 private:
  const RequestHead head_;
  Body body_;
  const uint64_t connection_id_;
  const std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
  const std::chrono::system_clock::time_point wall_start_ =
      std::chrono::system_clock::now();
  ResponseTarget* target_;
  bool answered_ = false;
  Response response_;
};

class Handler {
 public:
  virtual ~Handler() = default;

  // The largest body that this request may carry; a longer one is refused
  // with 413 and never reaches Handle.
  virtual uint64_t MaxBodyBytes(const RequestHead& head) = 0;

  // A whole request has come.
  virtual void Handle(std::shared_ptr<Exchange> exchange) = 0;

  // The client went away in the middle of sending its body. What came is in
  // the exchange, which nobody waits for.
  virtual void HandleCutOff(const Exchange& exchange) = 0;

  // An exchange that had been given to Handle is over: answered in full, or
  // broken off. Called once for each.
  virtual void Finished(const Exchange& exchange) = 0;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_SERVER_EXCHANGE_H_
