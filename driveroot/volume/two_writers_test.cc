// SPDX-License-Identifier: Apache-2.0
//
// Two writers of one volume, in every order of their requests. Whatever it is,
// what a writer was told is durable is there at the end, what it was told is
// lost is not, and after another one's open record it appends nothing more.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/encounter.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

// Calls `visit` with each order of `first` and `second` steps.
void ForEachSchedule(int first, int second,
                     const std::function<void(const std::vector<bool>&)>& visit,
                     std::vector<bool> begin = {}) {
  if (first == 0 && second == 0) {
    visit(begin);
    return;
  }
  for (const bool is_second : {false, true}) {
    if ((is_second ? second : first) == 0) continue;
    begin.push_back(is_second);
    ForEachSchedule(first - (is_second ? 0 : 1), second - (is_second ? 1 : 0),
                    visit, begin);
    begin.pop_back();
  }
}

std::string ToString(const std::vector<bool>& schedule, Encounter::Loss loss) {
  std::string text = "order ";
  for (const bool is_second : schedule) text += is_second ? '2' : '1';
  if (loss.request > 0) {
    text += ", answer " + std::to_string(loss.request) + " of writer " +
            (loss.writer == kFirst ? "1" : "2") + " lost";
  }
  return text;
}

using Program = std::function<void(Encounter::Writer&)>;

void Write(Encounter::Writer& writer) {
  writer.Open();
  writer.Put("a of " + writer.name(), 10);
  writer.Put("b of " + writer.name(), 5000);  // a segment and a record
}

void PutLarge(Encounter::Writer& writer) {
  writer.Open();
  writer.Put("a of " + writer.name(), 5000);
}

void WriteAndClose(Encounter::Writer& writer) {
  Write(writer);
  writer.Close();
}

void OpenAndClose(Encounter::Writer& writer) {
  writer.Open();
  writer.Close();
}

void PutAndClose(Encounter::Writer& writer) {
  writer.Open();
  writer.Put("a of " + writer.name(), 10);
  writer.Close();
}

// Takes the volume back once it was taken over.
void WriteTwice(Encounter::Writer& writer) {
  Write(writer);
  if (!writer.fenced()) return;
  writer.Open();
  writer.Put("c of " + writer.name(), 10);
}

// What is to be seen in all orders of the requests of two programs.
struct Summary {
  int runs = 0;
  int fenced = 0;  // runs in which a writer was fenced at the end
  int both_fenced = 0;
  size_t most_takeovers = 0;  // in the log of one run
};

Summary PlayAll(const Program& first, const Program& second,
                Encounter::Loss loss = {}) {
  // As many steps as they take when they do not meet and nothing is lost. What
  // they do beyond that comes after the schedule.
  const auto [first_steps, second_steps] =
      Encounter({}).Play({}, first, second);
  Summary summary;
  ForEachSchedule(first_steps, second_steps,
                  [&](const std::vector<bool>& schedule) {
                    SCOPED_TRACE(ToString(schedule, loss));
                    Encounter run(loss);
                    bool fenced[2] = {};
                    run.Play(
                        schedule,
                        [&](Encounter::Writer& writer) {
                          first(writer);
                          fenced[kFirst] = writer.fenced();
                        },
                        [&](Encounter::Writer& writer) {
                          second(writer);
                          fenced[kSecond] = writer.fenced();
                        });
                    run.ExpectDurable();
                    ++summary.runs;
                    if (fenced[kFirst] || fenced[kSecond]) ++summary.fenced;
                    if (fenced[kFirst] && fenced[kSecond])
                      ++summary.both_fenced;
                    summary.most_takeovers =
                        std::max(summary.most_takeovers, run.Takeovers());
                  });
  std::cout << summary.runs << " orders, a writer fenced in " << summary.fenced
            << std::endl;
  return summary;
}

TEST(TwoWritersTest, OneGoesOnInEveryOrder) {
  const Summary summary = PlayAll(WriteAndClose, Write);
  EXPECT_GT(summary.fenced, 0);
  EXPECT_LT(summary.fenced, summary.runs);
  EXPECT_EQ(summary.both_fenced, 0);
  // Not one record of a writer follows the other's open record.
  EXPECT_EQ(summary.most_takeovers, 1u);
}

TEST(TwoWritersTest, SuperblocksOfBothDoNoHarm) {
  const Summary summary = PlayAll(OpenAndClose, PutAndClose);
  EXPECT_EQ(summary.both_fenced, 0);
  EXPECT_EQ(summary.most_takeovers, 1u);
}

TEST(TwoWritersTest, TheVolumeCanBeTakenBack) {
  const Summary summary = PlayAll(WriteTwice, Write);
  EXPECT_EQ(summary.both_fenced, 0);
  EXPECT_EQ(summary.most_takeovers, 2u);
}

TEST(TwoWritersTest, AnyAnswerMayBeLost) {
  const auto [first, second] = Encounter({}).Play({}, PutLarge, PutLarge);
  for (const WriterIndex writer : {kFirst, kSecond}) {
    // The first step is no request.
    const int requests = (writer == kFirst ? first : second) - 1;
    for (int request = 1; request <= requests; ++request) {
      const Summary summary =
          PlayAll(PutLarge, PutLarge, {.writer = writer, .request = request});
      EXPECT_EQ(summary.both_fenced, 0);
      // One more than else when it is the answer to an open record.
      EXPECT_LE(summary.most_takeovers, 2u);
    }
  }
}

// While a writer is away another one takes over, and all records of that time
// are deleted as old ones. `reused`: ids of deleted objects can be taken again,
// of which nobody knows whether Drive does it.
void ExpectFencedOnReturn(bool reused) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.max_inline_bytes = 0;
  options.host_name = options.boot_id = "away";
  options.absence = std::chrono::milliseconds(0);
  const auto away = OpenOn(account, options);
  ASSERT_TRUE(away) << away.error();
  ASSERT_TRUE(PutFile(**away, "a", "1"));
  ASSERT_TRUE((*away)->Sync());
  options.host_name = options.boot_id = "other";
  options.steal = true;
  {
    const auto other = OpenOn(account, options);
    ASSERT_TRUE(other) << other.error();
    ASSERT_TRUE(PutFile(**other, "b", "2"));
    ASSERT_TRUE((*other)->Close());
  }
  for (const ObjectId& id : account->Ids(ObjectKind::kLogRecord)) {
    const std::lock_guard lock(account->mutex);
    account->objects.erase(id);
    if (reused) account->taken.erase(id);
  }
  ASSERT_TRUE(PutFile(**away, "c", "3"));
  EXPECT_EQ((*away)->Sync().error_or(Error(ErrorCode::kInternal, "")).code(),
            ErrorCode::kFenced);
  EXPECT_TRUE((*away)->GetStatus().fenced);
  const auto after = OpenOn(account, options);
  ASSERT_TRUE(after) << after.error();
  EXPECT_TRUE(GetFiles(**after).value_or(Files()) ==
              (Files{{"a", "1"}, {"b", "2"}}));
}

TEST(AbsentWriterTest, FindsItsRecordReplacedAndDeleted) {
  ExpectFencedOnReturn(/*reused=*/false);
}

TEST(AbsentWriterTest, IsNotFooledByAnIdThatIsFreeAgain) {
  ExpectFencedOnReturn(/*reused=*/true);
}

TEST(AbsentWriterTest, GoesOnWhenNothingHappened) {
  const auto account = FormattedAccount();
  VolumeOptions options = TestOptions();
  options.absence = std::chrono::milliseconds(0);
  for (const std::string name : {"a", "b"}) {
    const auto volume = OpenOn(account, options);
    ASSERT_TRUE(volume) << volume.error();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(PutFile(**volume, name, std::to_string(i)));
      ASSERT_TRUE((*volume)->Sync());
    }
    ASSERT_TRUE((*volume)->Close());
  }
}

}  // namespace
}  // namespace driveroot
