// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/retry.h"

#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <random>

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLongestBackoff{64};
// A server that asks for a longer silence is asked again after this.
constexpr seconds kLongestRetryAfter{300};
constexpr seconds kBetweenLogLines{10};
// Whoever reads a log has read it by then.
constexpr seconds kBetweenSameLogLines{600};

std::string InSeconds(Clock::Duration duration) {
  return std::to_string(std::chrono::round<seconds>(duration).count()) + " s";
}

}  // namespace

AttemptFailure AttemptFailure::FromTransport(Error error) {
  const RetryClass retry =
      error.retryable() ? RetryClass::kTransient : RetryClass::kNever;
  return {.error = std::move(error), .retry = retry, .retry_after = {}};
}

RetryClass ClassifyStatus(int status, std::string_view reason) {
  if (reason == "rateLimitExceeded" || reason == "userRateLimitExceeded" ||
      status == 429) {
    return RetryClass::kRateLimit;
  }
  if (status == 408 || (status >= 500 && status <= 599)) {
    return RetryClass::kTransient;
  }
  return RetryClass::kNever;
}

void Backoff::MadeProgress(Clock::TimePoint now) {
  failures_ = 0;
  last_progress_ = now;
}

Clock::Duration Backoff::Elapsed(Clock::TimePoint now) const {
  return std::chrono::duration_cast<Clock::Duration>(now - last_progress_);
}

std::optional<Clock::Duration> Backoff::NextDelay(
    std::optional<seconds> retry_after, double jitter, Clock::TimePoint now) {
  // 2^6 s is the longest; a larger exponent would overflow in the end.
  const int exponent = std::min(failures_, 6);
  ++failures_;
  milliseconds delay = seconds(1 << exponent);
  delay += milliseconds(static_cast<int>(jitter * 1000));
  delay = std::min<milliseconds>(delay, kLongestBackoff);
  const milliseconds asked = std::clamp<milliseconds>(
      std::min(retry_after.value_or(seconds(0)), kLongestRetryAfter),
      seconds(0), kLongestRetryAfter);
  delay = std::max(delay, asked);
  if (!limit_.total) return delay;

  const milliseconds left = *limit_.total - Elapsed(now);
  // The server's own wish cannot be shortened; our back-off can.
  if (left <= milliseconds(0) || asked > left) return std::nullopt;
  return std::min(delay, left);
}

RetryObserver LogRetries(Clock* clock) {
  struct LastLine {
    std::mutex mutex;
    std::optional<Clock::TimePoint> time;
    std::string text;
  };
  return
      [clock, last = std::make_shared<LastLine>()](const RetryNotice& notice) {
        const Clock::TimePoint now = clock->Now();
        {
          std::lock_guard lock(last->mutex);
          const std::string& text = notice.failure.error.message();
          const seconds pause =
              text == last->text ? kBetweenSameLogLines : kBetweenLogLines;
          if (last->time && now - *last->time < pause) return;
          last->time = now;
          last->text = text;
        }
        LOG(WARNING) << (notice.failure.http_status == 0
                             ? "waiting for the network: "
                             : "waiting for the server: ")
                     << notice.failure.error.message() << "; next try of "
                     << notice.what << " in " << InSeconds(notice.delay);
      };
}

Retrier::Retrier(Clock* clock, RetryLimit limit, RetryObserver observer,
                 std::function<double()> jitter)
    : clock_(clock),
      limit_(limit),
      observer_(std::move(observer)),
      jitter_(std::move(jitter)) {}

double Retrier::RandomJitter() {
  thread_local std::mt19937 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

Status Retrier::WaitAfter(std::string_view what, const AttemptFailure& failure,
                          Backoff* backoff) const {
  if (failure.retry == RetryClass::kRateLimit) ++rate_limited_;
  const bool sign_in = failure.retry == RetryClass::kSignIn;
  if (failure.retry == RetryClass::kNever || (sign_in && !for_ever_)) {
    return std::unexpected(failure.error);
  }
  const Clock::TimePoint now = clock_->Now();
  std::optional<Clock::Duration> delay =
      backoff->NextDelay(failure.retry_after, jitter_(), now);
  // A call that began before somebody went on for ever has a limit.
  if (sign_in && (!delay || failure.retry_after)) {
    delay = failure.retry_after.value_or(kLongestBackoff);
  }
  if (!delay) {
    return Fail(ErrorCode::kUnavailable,
                failure.error.message() + " (gave up on " + std::string(what) +
                    " after " + std::to_string(backoff->failures()) +
                    " attempts in " + InSeconds(backoff->Elapsed(now)) + ")");
  }
  if (observer_) {
    observer_({.what = what,
               .failure = failure,
               .failures = backoff->failures(),
               .delay = *delay});
  }
  DRIVEROOT_RETURN_IF_ERROR(clock_->Sleep(*delay));
  ++retries_;
  return {};
}

}  // namespace driveroot
