// SPDX-License-Identifier: Apache-2.0
//
// What was asked and answered: counters for GET /_control/stats, and the
// request log, one JSON line per request.
#ifndef VMTEST_FAKEDRIVE_DRIVE_STATS_H_
#define VMTEST_FAKEDRIVE_DRIVE_STATS_H_

#include <cstdint>
#include <map>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/base/unique_fd.h"
#include "vmtest/fakedrive/drive/json.h"
#include "vmtest/fakedrive/drive/route.h"
#include "vmtest/fakedrive/server/exchange.h"
#include "vmtest/fakedrive/server/session.h"

namespace driveroot::fakedrive {

// The target without the values of parameters that are secrets.
std::string RedactTarget(std::string_view target);

class Stats {
 public:
  void Count(CallClass call, const Exchange& exchange);
  void Reset() { *this = Stats(); }

  // All counters, the server's included.
  Json ToJson(const ServerCounters& server, JsonAllocator& allocator) const;

 private:
  struct PerClass {
    uint64_t requests = 0;
    uint64_t body_bytes_in = 0;
    uint64_t body_bytes_out = 0;
  };

  std::map<CallClass, PerClass> classes_;
  std::map<int, uint64_t> statuses_;
  uint64_t errors_ = 0;   // Statuses from 400 on.
  uint64_t aborted_ = 0;  // Answers that did not go out whole.
};

class RequestLog {
 public:
  RequestLog() = default;  // Writes nothing.
  static Result<RequestLog> Open(const std::string& path);

  void Write(CallClass call, const Exchange& exchange) const;

 private:
  UniqueFd file_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_STATS_H_
