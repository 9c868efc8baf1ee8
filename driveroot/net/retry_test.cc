// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/retry.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/fake_clock.h"

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

AttemptFailure Transient(std::optional<seconds> retry_after = std::nullopt) {
  return {.error = Error(ErrorCode::kUnavailable, "the line is dead"),
          .retry = RetryClass::kTransient,
          .retry_after = retry_after,
          .http_status = 503};
}

double NoJitter() { return 0; }

TEST(ClassifyStatus, FollowsTheListOfDriveErrors) {
  struct Case {
    int status;
    std::string_view reason;
    RetryClass expected;
  };
  for (const Case& each : std::vector<Case>{
           {403, "rateLimitExceeded", RetryClass::kRateLimit},
           {403, "userRateLimitExceeded", RetryClass::kRateLimit},
           {429, "", RetryClass::kRateLimit},
           {408, "", RetryClass::kTransient},
           {500, "internalError", RetryClass::kTransient},
           {502, "", RetryClass::kTransient},
           {503, "backendError", RetryClass::kTransient},
           {599, "", RetryClass::kTransient},
           {400, "badRequest", RetryClass::kNever},
           {401, "authError", RetryClass::kNever},
           {403, "", RetryClass::kNever},
           {403, "storageQuotaExceeded", RetryClass::kNever},
           {403, "dailyLimitExceeded", RetryClass::kNever},
           {403, "insufficientFilePermissions", RetryClass::kNever},
           {403, "appNotAuthorizedToFile", RetryClass::kNever},
           {404, "notFound", RetryClass::kNever},
           {409, "fileIdInUse", RetryClass::kNever},
           {600, "", RetryClass::kNever},
           {0, "", RetryClass::kNever}}) {
    EXPECT_EQ(ClassifyStatus(each.status, each.reason), each.expected)
        << each.status << " " << each.reason;
  }
}

TEST(Backoff, DoublesUpTo64Seconds) {
  FakeClock clock;
  Backoff backoff(RetryLimit::ForEver(), clock.Now());
  std::vector<int64_t> delays;
  for (int i = 0; i < 100; ++i) {
    delays.push_back(
        backoff.NextDelay(std::nullopt, 0.5, clock.Now())->count());
  }
  EXPECT_EQ(std::vector<int64_t>(delays.begin(), delays.begin() + 8),
            (std::vector<int64_t>{1500, 2500, 4500, 8500, 16500, 32500, 64000,
                                  64000}));
  EXPECT_EQ(delays.back(), 64000);
}

TEST(Backoff, JitterIsAtMostASecond) {
  FakeClock clock;
  Backoff backoff(RetryLimit::ForEver(), clock.Now());
  EXPECT_EQ(*backoff.NextDelay(std::nullopt, 0.999, clock.Now()),
            milliseconds(1999));
}

TEST(Backoff, RetryAfterIsHonoured) {
  FakeClock clock;
  Backoff backoff(RetryLimit::ForEver(), clock.Now());
  EXPECT_EQ(*backoff.NextDelay(seconds(20), 0, clock.Now()), seconds(20));
  // Shorter than our own wait: ours counts.
  EXPECT_EQ(*backoff.NextDelay(seconds(1), 0, clock.Now()), seconds(2));
  // Senseless values are bounded.
  EXPECT_EQ(*backoff.NextDelay(seconds(1'000'000'000), 0, clock.Now()),
            seconds(300));
  EXPECT_EQ(*backoff.NextDelay(seconds(-5), 0, clock.Now()), seconds(8));
  EXPECT_EQ(*backoff.NextDelay(seconds::max(), 0, clock.Now()), seconds(300));
  EXPECT_EQ(*backoff.NextDelay(seconds::min(), 0, clock.Now()), seconds(32));
}

TEST(Backoff, TheLastAttemptIsAtTheLimit) {
  FakeClock clock;
  Backoff backoff(RetryLimit::Within(seconds(10)), clock.Now());
  std::vector<int64_t> delays;
  while (const auto delay = backoff.NextDelay(std::nullopt, 0, clock.Now())) {
    delays.push_back(delay->count());
    clock.Advance(*delay);
  }
  EXPECT_EQ(delays, (std::vector<int64_t>{1000, 2000, 4000, 3000}));
}

TEST(Backoff, AWishPastTheLimitEndsItAtOnce) {
  FakeClock clock;
  Backoff backoff(RetryLimit::Within(seconds(10)), clock.Now());
  EXPECT_EQ(backoff.NextDelay(seconds(11), 0, clock.Now()), std::nullopt);
}

TEST(Backoff, ProgressStartsAnew) {
  FakeClock clock;
  Backoff backoff(RetryLimit::Within(seconds(10)), clock.Now());
  for (int i = 0; i < 3; ++i) {
    clock.Advance(*backoff.NextDelay(std::nullopt, 0, clock.Now()));
  }
  backoff.MadeProgress(clock.Now());
  EXPECT_EQ(*backoff.NextDelay(std::nullopt, 0, clock.Now()), seconds(1));
}

TEST(Retrier, SucceedsAfterTransientFailures) {
  FakeClock clock;
  int told = 0;
  Retrier retrier(
      &clock, RetryLimit::Within(minutes(2)),
      [&](const RetryNotice& notice) {
        ++told;
        EXPECT_EQ(notice.what, "files.get");
        EXPECT_EQ(notice.failures, told);
      },
      NoJitter);
  int attempts = 0;
  Result<int> result =
      retrier.Run("files.get", [&](Backoff& backoff) -> Attempt<int> {
        EXPECT_EQ(backoff.failures(), attempts);
        if (++attempts < 4) return std::unexpected(Transient());
        return 42;
      });
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(*result, 42);
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(told, 3);
  EXPECT_EQ(retrier.retries(), 3u);
  EXPECT_EQ(clock.sleeps(),
            (std::vector<Clock::Duration>{seconds(1), seconds(2), seconds(4)}));
}

TEST(Retrier, FinalFailuresAreReturnedAsTheyAre) {
  FakeClock clock;
  Retrier retrier(&clock, RetryLimit::ForEver(), {}, NoJitter);
  int attempts = 0;
  Status status = retrier.Run("x", [&](Backoff&) -> Attempt<void> {
    ++attempts;
    return std::unexpected(AttemptFailure::FromTransport(
        Error(ErrorCode::kPermissionDenied, "no")));
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(status.error().message(), "no");
  EXPECT_EQ(attempts, 1);
}

TEST(Retrier, TheLimitEndsInTheLastCause) {
  FakeClock clock;
  Retrier retrier(&clock, RetryLimit::Within(minutes(2)), {}, NoJitter);
  Status status = retrier.Run("files.get", [&](Backoff&) -> Attempt<void> {
    return std::unexpected(Transient());
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(status.error().message(),
            "the line is dead (gave up on files.get after 8 attempts in 120 "
            "s)");
}

TEST(Retrier, WithoutALimitItGoesOnForDays) {
  FakeClock clock;
  Retrier retrier(&clock, RetryLimit::ForEver(), {}, NoJitter);
  int attempts = 0;
  Status status = retrier.Run("x", [&](Backoff&) -> Attempt<void> {
    if (++attempts <= 10'000) return std::unexpected(Transient());
    return {};
  });
  EXPECT_TRUE(status);
  EXPECT_EQ(clock.sleeps().back(), seconds(64));
}

TEST(Retrier, CancellationEndsTheWait) {
  FakeClock clock;
  clock.CancelAfter(2);
  Retrier retrier(&clock, RetryLimit::ForEver(), {}, NoJitter);
  int attempts = 0;
  Status status = retrier.Run("x", [&](Backoff&) -> Attempt<void> {
    ++attempts;
    return std::unexpected(Transient());
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(attempts, 3);
}

TEST(SystemClock, CancelEndsSleepsNowAndLater) {
  SystemClock clock;
  clock.Cancel();
  const Status slept = clock.Sleep(std::chrono::hours(1));
  ASSERT_FALSE(slept);
  EXPECT_EQ(slept.error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace driveroot
