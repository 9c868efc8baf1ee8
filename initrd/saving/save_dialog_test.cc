// SPDX-License-Identifier: Apache-2.0
#include "initrd/saving/save_dialog.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace driveroot {
namespace {

using std::chrono::seconds;

class SaveDialogTest : public testing::Test {
 protected:
  // One tick a second for so long; what was printed meanwhile.
  std::vector<std::string> RunFor(seconds duration) {
    std::vector<std::string> lines;
    for (seconds passed(0); passed < duration; ++passed) {
      now_ += seconds(1);
      Take(dialog_.Tick(state_, now_), lines);
    }
    return lines;
  }

  std::vector<std::string> Type(std::string_view text) {
    std::vector<std::string> lines;
    Take(dialog_.Answer(text, now_), lines);
    return lines;
  }

  void Take(const SaveDialog::Step& step, std::vector<std::string>& lines) {
    lines.insert(lines.end(), step.lines.begin(), step.lines.end());
    gave_up_ |= step.give_up;
    overlay_ = step.overlay;
  }

  SaveDialog::Clock::time_point now_{};
  SaveDialog dialog_{{.silence = seconds(300), .answer = seconds(60)}, now_};
  SaveState state_ = {.unsaved_files = 3,
                      .unsaved_bytes = 1'234'567,
                      .stored = 100,
                      .reason = "cannot connect to h: no route"};
  bool gave_up_ = false;
  std::string overlay_;
};

TEST_F(SaveDialogTest, SaysNothingOfWhatIsQuick) {
  EXPECT_TRUE(RunFor(seconds(2)).empty());
  EXPECT_EQ(overlay_, "");
}

TEST_F(SaveDialogTest, AnOutageIsTwoLinesAndAQuestionAndEnds) {
  const std::vector<std::string> waiting = RunFor(seconds(299));
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0], "saving what was written: 3 files, 1.2 MB");
  EXPECT_EQ(waiting[1],
            "nothing is stored for now: cannot connect to h: no route. Not "
            "saved yet: 3 files, 1.2 MB. In 285 s you are asked whether to "
            "give up.");
  EXPECT_EQ(overlay_, "3 files, 1.2 MB not saved, question in 1 s");
  EXPECT_FALSE(gave_up_);

  const std::vector<std::string> question = RunFor(seconds(1));
  ASSERT_EQ(question.size(), 2u);
  EXPECT_EQ(question[0],
            "NOT SAVED: 3 files, 1.2 MB. The reason: cannot connect to h: no "
            "route");
  EXPECT_EQ(question[1],
            "Enter: wait another 300 s.  g and Enter: give up, which loses "
            "that. Without an answer it is given up in 60 s.");
  EXPECT_TRUE(RunFor(seconds(59)).empty());
  EXPECT_FALSE(gave_up_);
  const std::vector<std::string> end = RunFor(seconds(1));
  ASSERT_EQ(end.size(), 1u);
  EXPECT_EQ(end[0],
            "nobody answered: given up, with 3 files, 1.2 MB not saved");
  EXPECT_TRUE(gave_up_);
}

TEST_F(SaveDialogTest, APersonCanWaitOrGiveUp) {
  RunFor(seconds(310));
  EXPECT_EQ(Type(""), std::vector<std::string>{"waiting another 300 s"});
  EXPECT_TRUE(RunFor(seconds(299)).empty());
  EXPECT_EQ(RunFor(seconds(1)).size(), 2u);
  EXPECT_EQ(Type("x"),
            std::vector<std::string>{"please press Enter, or g and Enter"});
  EXPECT_FALSE(gave_up_);
  Type("g");
  EXPECT_TRUE(gave_up_);
}

TEST_F(SaveDialogTest, AnAnswerBeforeTheQuestionIsNone) {
  RunFor(seconds(100));
  EXPECT_TRUE(Type("g").empty());
  EXPECT_FALSE(gave_up_);
}

TEST_F(SaveDialogTest, OnlyWhatIsStoredCountsAsProgress) {
  // The reason changes all the time, as the daemon goes on trying.
  std::vector<std::string> lines;
  for (int turn = 0; turn < 150; ++turn) {
    state_.reason = turn % 2 == 0 ? "cannot resolve h" : "timeout";
    const std::vector<std::string> more = RunFor(seconds(2));
    lines.insert(lines.end(), more.begin(), more.end());
  }
  EXPECT_TRUE(overlay_.starts_with("wait (Enter)")) << overlay_;
  // However often the reason changes, it does not fill the journal.
  EXPECT_LE(lines.size(), 5u);
}

TEST_F(SaveDialogTest, SlowProgressIsNeverGivenUp) {
  for (int turn = 0; turn < 50; ++turn) {
    ++state_.stored;
    RunFor(seconds(299));
  }
  EXPECT_FALSE(gave_up_);
  EXPECT_FALSE(overlay_.starts_with("wait (Enter)")) << overlay_;
}

TEST_F(SaveDialogTest, AStoreThatComesBackTakesTheQuestionAway) {
  RunFor(seconds(320));
  ++state_.stored;
  EXPECT_EQ(
      RunFor(seconds(1)),
      std::vector<std::string>{"the store takes data again: saving goes on"});
  EXPECT_TRUE(RunFor(seconds(14)).empty());
  EXPECT_TRUE(Type("g").empty());
  RunFor(seconds(240));
  EXPECT_FALSE(gave_up_);
}

TEST(SaveDialogLimitsTest, WithoutTimeForAnAnswerNobodyIsAsked) {
  const SaveDialog::Clock::time_point start{};
  SaveDialog dialog({.silence = seconds(10), .answer = seconds(0)}, start);
  EXPECT_FALSE(dialog.Tick({}, start).give_up);
  const SaveDialog::Step step = dialog.Tick({}, start + seconds(10));
  EXPECT_TRUE(step.give_up);
  EXPECT_EQ(step.lines,
            std::vector<std::string>{
                "NOT SAVED: 0 files. The reason: the store does not answer"});
}

TEST(SaveStateTest, ReadsTheStatus) {
  const Result<SaveState> state = ParseSaveState(
      R"({"ok":true,"status":{"uncommitted_inodes":2,"unstored_bytes":5,)"
      R"("last_durable_record":7,"bytes_written":100,"last_error":"no route",)"
      R"("network":{"calls":{"upload.content":{"requests":5,"failures":3}}}}})");
  ASSERT_TRUE(state) << state.error();
  EXPECT_EQ(*state, (SaveState{.unsaved_files = 2,
                               .unsaved_bytes = 5,
                               .stored = 109,
                               .reason = "no route"}));
}

TEST(SaveStateTest, RefusesWhatIsNoStatus) {
  EXPECT_FALSE(ParseSaveState(""));
  EXPECT_FALSE(ParseSaveState("[]"));
  EXPECT_FALSE(ParseSaveState(R"({"ok":true})"));
  EXPECT_FALSE(ParseSaveState(R"({"status":3})"));
}

TEST(SaveStateTest, CountsInWords) {
  EXPECT_EQ(DescribeUnsaved({.unsaved_files = 1}), "1 file");
  EXPECT_EQ(DescribeUnsaved({.unsaved_files = 0, .unsaved_bytes = 2'000'000}),
            "0 files, 2.0 MB");
}

}  // namespace
}  // namespace driveroot
