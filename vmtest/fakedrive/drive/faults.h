// SPDX-License-Identifier: Apache-2.0
//
// Faults by rule. A rule says which requests it counts, which of these it hits,
// and what it does to them. In JSON (and, for flags, as "key=value,..."):
//
//   which requests   "method": "POST", "class": "create" (CallClassName),
//                    "path": a part of the target
//   which of these   "nth": 3 (the third alone), "every": 5, or
//                    "probability": 0.1 with "seed": 1; all of them otherwise;
//                    "times": 2 ends the rule after two hits
//   what             "action":
//     status               "status": 503, "reason": "backendError",
//                          "retry_after": 1; nothing is done
//     answer               nothing is done, and "status": 200 with "body": "{}"
//                          and "headers": "Name: value\n..." is the answer:
//                          what a server that lies, or who stands before it,
//                          says
//     answer_after_commit  it is done, and that is the answer
//     add_headers          it is done, and the true answer has more "headers"
//     short_range          a download's range ends after "bytes": 100, as its
//                          Content-Range says
//     reset_before_commit  nothing is done, and no answer comes
//     reset_after_commit   it is done, and no answer comes
//     truncate             the answer breaks off after "bytes": 100
//     corrupt              the answer's byte "at": 0 is inverted
//     expire_session       the resumable upload is gone (404 from then on)
//     short_308            of a chunk only "bytes": 262144 are kept
//     stall                the answer comes "ms": 5000 later
//     goaway               the connection says goodbye after the answer
//     expire_token         all access tokens die before the call
//     stale_list           a list shows what was "ms": 5000 ago
//     duplicate_entries    a list's first entry comes twice
//
// "scope": "connection" makes resets and truncations take the whole HTTP/2
// connection down instead of the stream. The first rule that hits wins.
#ifndef VMTEST_FAKEDRIVE_DRIVE_FAULTS_H_
#define VMTEST_FAKEDRIVE_DRIVE_FAULTS_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/drive/json.h"
#include "vmtest/fakedrive/drive/route.h"

namespace driveroot::fakedrive {

struct FaultAction {
  enum class Kind : uint8_t {
    kNone,
    kStatus,
    kAnswer,
    kAnswerAfterCommit,
    kAddHeaders,
    kShortRange,
    kResetBeforeCommit,
    kResetAfterCommit,
    kTruncate,
    kCorrupt,
    kExpireSession,
    kShort308,
    kStall,
    kGoaway,
    kExpireToken,
    kStaleList,
    kDuplicateEntries,
  };
  Kind kind = Kind::kNone;
  int status = 503;
  std::string reason = "backendError";
  uint64_t retry_after = 0;
  uint64_t bytes = 0;
  uint64_t at = 0;
  uint64_t ms = 0;
  bool whole_connection = false;
  std::string body;
  std::string headers;
};

class FaultRules {
 public:
  // Adds the rule, or says what is wrong with it.
  Status Add(const Json& rule);
  Status AddSpec(std::string_view spec);
  void Clear() { rules_.clear(); }

  // Counts the request in every rule that it matches, and returns what is to
  // be done to it.
  FaultAction Match(std::string_view method, CallClass call,
                    std::string_view target);

  uint64_t hits() const { return hits_; }

 private:
  struct Rule {
    std::string method;
    std::string call_class;
    std::string path;
    uint64_t nth = 0;
    uint64_t every = 0;
    double probability = 1;
    uint64_t times = 0;
    std::mt19937_64 random;
    FaultAction action;
    uint64_t seen = 0;
    uint64_t hits = 0;

    bool Hits();
  };

  std::vector<Rule> rules_;
  uint64_t hits_ = 0;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_FAULTS_H_
