// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/faults.h"

#include <gtest/gtest.h>

#include <string>

namespace driveroot::fakedrive {
namespace {

using Kind = FaultAction::Kind;

// One letter per request: x for a hit.
std::string Hits(FaultRules* rules, int requests,
                 CallClass call = CallClass::kCreate) {
  std::string hits;
  for (int i = 0; i < requests; ++i) {
    const FaultAction action = rules->Match("POST", call, "/drive/v3/files");
    hits += action.kind == Kind::kNone ? '.' : 'x';
  }
  return hits;
}

TEST(FaultRules, CountWhatTheyMatch) {
  FaultRules rules;
  ASSERT_TRUE(rules.AddSpec("class=create,nth=3,action=reset_after_commit"));
  EXPECT_EQ(Hits(&rules, 2, CallClass::kDelete), "..");
  EXPECT_EQ(Hits(&rules, 5), "..x..");
  rules.Clear();
  ASSERT_TRUE(rules.AddSpec("every=2,times=2,action=status,status=429"));
  EXPECT_EQ(Hits(&rules, 7), ".x.x...");
  rules.Clear();
  ASSERT_TRUE(rules.AddSpec("path=/upload/,action=stall,ms=1"));
  ASSERT_TRUE(rules.AddSpec("method=GET,action=stall,ms=1"));
  EXPECT_EQ(Hits(&rules, 2), "..");
}

TEST(FaultRules, InventedAnswersHaveAnyStatus) {
  FaultRules rules;
  ASSERT_TRUE(rules.AddSpec(
      R"({"action":"answer","body":"<html>","headers":"Range: bytes=0-9"})"));
  const FaultAction action =
      rules.Match("PUT", CallClass::kUpload, "/upload/drive/v3/files");
  EXPECT_EQ(action.status, 200);
  EXPECT_EQ(action.body, "<html>");
  EXPECT_EQ(action.headers, "Range: bytes=0-9");
  EXPECT_TRUE(rules.AddSpec("action=answer,status=308"));
  EXPECT_FALSE(rules.AddSpec("action=answer,status=199"));
  EXPECT_FALSE(rules.AddSpec("action=status,status=308"));
}

TEST(FaultRules, DrawTheSameLotsFromTheSameSeed) {
  const auto draw = [](int seed) {
    FaultRules rules;
    EXPECT_TRUE(rules.AddSpec("probability=0.5,action=corrupt,seed=" +
                              std::to_string(seed)));
    return Hits(&rules, 64);
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
  EXPECT_NE(draw(1).find('x'), std::string::npos);
  EXPECT_NE(draw(1).find('.'), std::string::npos);
}

TEST(FaultRules, TakeWhatToDo) {
  FaultRules rules;
  ASSERT_TRUE(rules.AddSpec(
      R"({"action":"status","status":403,"reason":"dailyLimitExceeded",)"
      R"("retry_after":7,"scope":"connection"})"));
  const FaultAction action =
      rules.Match("GET", CallClass::kGet, "/drive/v3/files/x");
  EXPECT_EQ(action.kind, Kind::kStatus);
  EXPECT_EQ(action.status, 403);
  EXPECT_EQ(action.reason, "dailyLimitExceeded");
  EXPECT_EQ(action.retry_after, 7u);
  EXPECT_TRUE(action.whole_connection);
  EXPECT_EQ(rules.hits(), 1u);
}

TEST(FaultRules, RefuseWhatTheyDoNotKnow) {
  FaultRules rules;
  for (const char* spec :
       {"", "action", "action=explode", "nth=1", "action=stall,class=fetch",
        "action=stall,nth=x", "action=status,status=200", "{", "[]",
        "action=stall,colour=1", "action=truncate,scope=world"})
    EXPECT_FALSE(rules.AddSpec(spec)) << spec;
  EXPECT_EQ(Hits(&rules, 1), ".");
}

}  // namespace
}  // namespace driveroot::fakedrive
