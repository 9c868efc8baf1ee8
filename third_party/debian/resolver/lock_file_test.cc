// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/lock_file.h"

#include <gtest/gtest.h>

namespace driveroot::debian {
namespace {

constexpr std::string_view kPackages = R"({
  "archive": {"architecture": "amd64", "component": "main", "suites": ["s"]},
  "binaries": {
    "closed": {"packages": ["b"], "closure": true, "stop": ["c"]},
    "exact": {"packages": ["a", "b"]}
  },
  "sources": {"packages": {"lib": "libsource"}}
})";

Pin MakePin(const std::string& name,
            const std::string& suffix = "_1_amd64.deb") {
  return {.name = name,
          .version = "1",
          .path = "pool/main/x/" + name + suffix,
          .sha256 = std::string(64, 'a'),
          .size = 7};
}

Lock GoodLock() {
  Lock lock;
  lock.binaries["closed"] = {MakePin("b"), MakePin("d")};
  lock.binaries["exact"] = {MakePin("a"), MakePin("b")};
  lock.sources["lib"] = MakePin("libsource", "_1.orig.tar.gz");
  return lock;
}

TEST(LockFile, ReadsWhatIsWanted) {
  const Result<WantedPackages> wanted = ParseWantedPackages(kPackages);
  ASSERT_TRUE(wanted) << wanted.error().message();
  EXPECT_EQ(wanted->architecture, "amd64");
  EXPECT_EQ(wanted->suites, std::vector<std::string>{"s"});
  EXPECT_TRUE(wanted->binaries.at("closed").closure);
  EXPECT_EQ(wanted->binaries.at("closed").stop, std::set<std::string>{"c"});
  EXPECT_FALSE(wanted->binaries.at("exact").closure);
  EXPECT_EQ(wanted->sources.at("lib"), "libsource");
}

TEST(LockFile, SaysWhatIsWrongWithTheText) {
  EXPECT_FALSE(ParseWantedPackages("{"));
  EXPECT_FALSE(ParseWantedPackages("[]"));
  EXPECT_FALSE(ParseWantedPackages("{}"));
  EXPECT_FALSE(ParseLock(R"({"binaries": {"x": 1}, "sources": {}})"));
  const Result<Lock> lock =
      ParseLock(R"({"binaries": {"x": [{"name": "n"}]}, "sources": {}})");
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().message().find("version"), std::string::npos);
}

TEST(LockFile, ReadsWhatItWrote) {
  const Result<Lock> lock = ParseLock(WriteLock(GoodLock()));
  ASSERT_TRUE(lock) << lock.error().message();
  EXPECT_EQ(*lock, GoodLock());
}

TEST(LockFile, ComparesWithWhatIsWanted) {
  const WantedPackages wanted = *ParseWantedPackages(kPackages);
  EXPECT_TRUE(CompareLock(wanted, GoodLock()).empty());

  const auto complaints_after = [&](auto&& spoil) {
    Lock lock = GoodLock();
    spoil(lock);
    return CompareLock(wanted, lock).size();
  };
  EXPECT_EQ(
      complaints_after([](Lock& lock) { lock.binaries["exact"].pop_back(); }),
      1U);
  EXPECT_EQ(complaints_after([](Lock& lock) {
              lock.binaries["exact"].push_back(MakePin("c"));
            }),
            1U);
  EXPECT_EQ(complaints_after([](Lock& lock) {
              lock.binaries["exact"].push_back(MakePin("b"));
            }),
            1U);
  EXPECT_EQ(complaints_after([](Lock& lock) {
              std::swap(lock.binaries["closed"][0], lock.binaries["closed"][1]);
            }),
            1U);
  EXPECT_EQ(complaints_after([](Lock& lock) {
              lock.binaries["closed"][1].sha256.pop_back();
            }),
            1U);
  EXPECT_EQ(complaints_after([](Lock& lock) {
              lock.binaries["closed"][1].path = "../x.deb";
            }),
            1U);
  EXPECT_EQ(complaints_after([](Lock& lock) { lock.binaries["more"]; }), 1U);
  EXPECT_EQ(complaints_after([](Lock& lock) { lock.binaries.erase("closed"); }),
            1U);
  EXPECT_EQ(complaints_after([](Lock& lock) { lock.sources.clear(); }), 1U);
  EXPECT_EQ(complaints_after([](Lock& lock) { lock.sources["lib"].size = 0; }),
            1U);
}

}  // namespace
}  // namespace driveroot::debian
