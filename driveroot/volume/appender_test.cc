// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/appender.h"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace driveroot {
namespace {

// Records whose creation ends when the test says so, and what is told of them.
class AppenderTest : public testing::Test {
 protected:
  void Start(int number) {
    appender_.Start(
        {.create = [this, number] { return ends_[number].get(); },
         .appended = [this, number] { Note(number); },
         .failed = [this, number](const Error&) { Note(-number); }});
  }
  void Succeed(int number) { answers_[number].set_value({}); }
  void Break(int number) {
    answers_[number].set_value(Fail(ErrorCode::kFenced, "broken"));
  }
  void Note(int number) {
    const std::lock_guard lock(mutex_);
    noted_.push_back(number);
  }
  std::vector<int> noted() {
    const std::lock_guard lock(mutex_);
    return noted_;
  }

  std::array<std::promise<Status>, 5> answers_;
  std::array<std::future<Status>, 5> ends_ = {
      answers_[0].get_future(), answers_[1].get_future(),
      answers_[2].get_future(), answers_[3].get_future(),
      answers_[4].get_future()};
  std::mutex mutex_;
  std::vector<int> noted_;
  Appender appender_{3};
};

TEST_F(AppenderTest, TellsInTheOrderOfStart) {
  for (const int number : {1, 2, 3}) Start(number);
  Succeed(3);
  Succeed(2);
  EXPECT_TRUE(noted().empty());
  Succeed(1);
  EXPECT_TRUE(appender_.WaitForAll());
  EXPECT_EQ(noted(), (std::vector<int>{1, 2, 3}));
  Start(4);
  Succeed(4);
  EXPECT_TRUE(appender_.WaitForAll());
  EXPECT_EQ(noted(), (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(AppenderTest, HasRoomForSoMany) {
  for (const int number : {1, 2}) Start(number);
  EXPECT_TRUE(appender_.WaitForRoom());
  Start(3);
  std::jthread waiter([this] {
    EXPECT_TRUE(appender_.WaitForRoom());
    Note(0);
  });
  // Later ones make no room while the first is on its way.
  Succeed(2);
  EXPECT_TRUE(noted().empty());
  Succeed(1);
  waiter.join();
  EXPECT_EQ(noted().back(), 0);
  Succeed(3);
  EXPECT_TRUE(appender_.WaitForAll());
}

TEST_F(AppenderTest, NothingCountsAfterAFailure) {
  for (const int number : {1, 2, 3}) Start(number);
  Succeed(3);
  Break(2);
  EXPECT_FALSE(appender_.WaitForAll());
  // The one before it does, however late it comes.
  Succeed(1);
  while (noted().size() < 2) std::this_thread::yield();
  EXPECT_EQ(noted(), (std::vector<int>{-2, 1}));
  const Status failed = appender_.WaitForRoom();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kFenced);
}

}  // namespace
}  // namespace driveroot
