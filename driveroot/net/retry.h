// SPDX-License-Identifier: Apache-2.0
//
// The one retry policy of driveroot. What may be tried again is what Google's
// documentation of Drive errors lists: rate limits (403 rateLimitExceeded and
// userRateLimitExceeded, 429), 408, 5xx and broken connections. The wait before
// attempt n + 1 is min(2^n s + up to 1 s of jitter, 64 s), and at least what a
// Retry-After header asks for.
//
//   Retrier retrier(&clock, RetryLimit::Within(2min));
//   Result<HttpResponse> response =
//       retrier.Run("list volumes", [&](Backoff&) { return client.Try(...); });
//
// An attempt says itself whether its failure can be retried (AttemptFailure);
// ClassifyStatus() decides that for HTTP answers.
//
// Thread-safety: Retrier may be used by any number of threads at once; a
// Backoff belongs to one call.
#ifndef DRIVEROOT_NET_RETRY_H_
#define DRIVEROOT_NET_RETRY_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "driveroot/base/result.h"
#include "driveroot/net/clock.h"

namespace driveroot {

enum class RetryClass : uint8_t {
  kNever,      // trying again cannot help
  kSignIn,     // it can once somebody has signed in: waited for by who goes on
               // for ever (Retrier::GoOnForEver), and by nobody else
  kTransient,  // the network or the server failed for now
  kRateLimit,  // the server wants fewer requests
};

// One failed attempt. With kSignIn `retry_after` is the whole wait.
struct AttemptFailure {
  Error error;
  RetryClass retry = RetryClass::kNever;
  std::optional<std::chrono::seconds> retry_after;
  int http_status = 0;  // 0: there was no answer

  // A failure below HTTP: kUnavailable is transient, all else is final.
  static AttemptFailure FromTransport(Error error);
};

template <typename T>
using Attempt = std::expected<T, AttemptFailure>;

// Whether an answer with this status, and this reason from Google's error body
// (may be empty), is worth a retry.
RetryClass ClassifyStatus(int status, std::string_view reason);

// How long a call may go on failing before it gives up.
struct RetryLimit {
  std::optional<Clock::Duration> total;  // none: for ever

  // A mounted file system waits out every outage.
  static RetryLimit ForEver() { return {}; }
  // A command fails in the end, so that a person can act.
  static RetryLimit Within(Clock::Duration total) { return {total}; }
};

// The progress of one call through its attempts.
class Backoff {
 public:
  Backoff(RetryLimit limit, Clock::TimePoint start)
      : limit_(limit), last_progress_(start) {}

  int failures() const { return failures_; }

  // Part of the work is done for good (bytes of a resumable upload): waits and
  // the limit start anew.
  void MadeProgress(Clock::TimePoint now);

  // Notes a failure. The wait before the next attempt, or nothing when the
  // limit leaves no time for one. `jitter` is in [0, 1). The last attempt is
  // made when the limit is reached.
  std::optional<Clock::Duration> NextDelay(
      std::optional<std::chrono::seconds> retry_after, double jitter,
      Clock::TimePoint now);

  Clock::Duration Elapsed(Clock::TimePoint now) const;

 private:
  RetryLimit limit_;
  Clock::TimePoint last_progress_;
  int failures_ = 0;
};

// What an observer is told before each wait.
struct RetryNotice {
  std::string_view what;  // e.g. "files.create"
  const AttemptFailure& failure;
  int failures = 0;  // so far, this one included
  Clock::Duration delay{};
};

// Called from the waiting thread, so it must be quick and thread-safe.
using RetryObserver = std::function<void(const RetryNotice&)>;

// Logs "waiting for the network: …", at most one line in ten seconds, and the
// same one at most every ten minutes.
RetryObserver LogRetries(Clock* clock);

class Retrier {
 public:
  // `clock` outlives the retrier. `jitter` gives numbers in [0, 1).
  Retrier(Clock* clock, RetryLimit limit, RetryObserver observer,
          std::function<double()> jitter = RandomJitter);

  // Calls `attempt(Backoff&)`, which returns an Attempt<T>, until it succeeds,
  // fails for good, the limit is used up (kUnavailable, with the last cause in
  // the message) or the clock is cancelled (kCancelled).
  template <typename AttemptFunction>
  auto Run(std::string_view what, AttemptFunction&& attempt) const -> Result<
      typename std::invoke_result_t<AttemptFunction, Backoff&>::value_type>;

  // From now on no call gives up, in place of the limit that was given.
  void GoOnForEver() { for_ever_ = true; }

  uint64_t retries() const { return retries_; }
  uint64_t rate_limited() const { return rate_limited_; }

 private:
  static double RandomJitter();

  // Waits until the next attempt is due; an error when there is none.
  Status WaitAfter(std::string_view what, const AttemptFailure& failure,
                   Backoff* backoff) const;

  Clock* clock_;
  RetryLimit limit_;
  std::atomic<bool> for_ever_ = false;
  RetryObserver observer_;
  std::function<double()> jitter_;
  mutable std::atomic<uint64_t> retries_ = 0;
  mutable std::atomic<uint64_t> rate_limited_ = 0;
};

template <typename AttemptFunction>
auto Retrier::Run(std::string_view what, AttemptFunction&& attempt) const
    -> Result<
        typename std::invoke_result_t<AttemptFunction, Backoff&>::value_type> {
  Backoff backoff(for_ever_ ? RetryLimit::ForEver() : limit_, clock_->Now());
  for (;;) {
    auto outcome = attempt(backoff);
    if (outcome) {
      if constexpr (std::is_void_v<typename decltype(outcome)::value_type>) {
        return {};
      } else {
        return *std::move(outcome);
      }
    }
    DRIVEROOT_RETURN_IF_ERROR(WaitAfter(what, outcome.error(), &backoff));
  }
}

}  // namespace driveroot

#endif  // DRIVEROOT_NET_RETRY_H_
