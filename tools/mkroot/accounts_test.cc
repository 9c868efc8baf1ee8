// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/accounts.h"

#include <gtest/gtest.h>

#include <string>

namespace driveroot {
namespace {

// 20,000 days after 1970.
constexpr TarTime kTime{20'000 * int64_t{86'400}, 0};

constexpr char kPasswd[] =
    "root:*:0:0:root:/root:/bin/bash\n"
    "nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
constexpr char kGroup[] = "root:*:0:\nshadow:*:42:\nnogroup:*:65534:\n";

class AccountsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(accounts_.AddMaster(kPasswd, kGroup)); }

  std::string Written(const std::string& path) {
    Tree tree(kTime);
    accounts_.WriteTo(&tree);
    return tree.ReadFile(path).value_or("none");
  }

  Accounts accounts_;
};

TEST_F(AccountsTest, KeepsPasswordsInShadow) {
  ASSERT_TRUE(accounts_.SetPassword("root", ""));
  EXPECT_TRUE(
      Written("/etc/passwd").starts_with("root:x:0:0:root:/root:/bin/bash\n"));
  EXPECT_EQ(Written("/etc/shadow"),
            "root::20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n");
  EXPECT_TRUE(Written("/etc/gshadow").starts_with("root:*::\n"));
  EXPECT_FALSE(accounts_.SetPassword("somebody", ""));
}

TEST_F(AccountsTest, GivesSystemNumbersFrom999Downwards) {
  ASSERT_TRUE(
      accounts_.AddSysusers("# comment\n"
                            "g journal -\n"
                            "u! network - \"Network Management\"\n"
                            "u apt 42:65534 - /nonexistent\n"
                            "u root 0 - /root\n"
                            "m network journal\n"));
  EXPECT_EQ(accounts_.GroupId("journal"), 999U);
  EXPECT_EQ(accounts_.UserId("network"), 998U);
  EXPECT_EQ(accounts_.GroupId("network"), 998U);
  EXPECT_NE(Written("/etc/passwd")
                .find("network:x:998:998:Network Management:/:"
                      "/usr/sbin/nologin\napt:x:42:65534::/nonexistent:"),
            std::string::npos);
  EXPECT_NE(Written("/etc/shadow").find("network:!*:20000:::::1:\n"),
            std::string::npos);
  EXPECT_NE(Written("/etc/group").find("journal:x:999:network\n"),
            std::string::npos);
}

TEST_F(AccountsTest, RefusesWhatItCannotDo) {
  EXPECT_FALSE(accounts_.AddSysusers("r - 500-600\n"));
  EXPECT_FALSE(accounts_.AddSysusers("g other 42\n"));
  EXPECT_FALSE(accounts_.AddSysusers("u x 7:nothing\n"));
  EXPECT_FALSE(accounts_.AddMaster("too:few:fields\n", ""));
}

TEST_F(AccountsTest, ReadsBackWhatItWrote) {
  ASSERT_TRUE(accounts_.AddSysusers("u! network -\n"));
  ASSERT_TRUE(accounts_.SetPassword("root", "$y$hash"));
  Tree tree(kTime);
  accounts_.WriteTo(&tree);
  Accounts again;
  ASSERT_TRUE(again.AddFrom(tree));
  Tree second(TarTime{1, 0});
  again.WriteTo(&second);
  for (const char* path :
       {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"}) {
    EXPECT_EQ(tree.ReadFile(path).value_or("none"),
              second.ReadFile(path).value_or("other"))
        << path;
  }
}

TEST_F(AccountsTest, TurnsOwnersIntoNumbers) {
  Tree tree(kTime);
  accounts_.WriteTo(&tree);
  ASSERT_TRUE(accounts_.ResolveOwners(&tree));
  EXPECT_EQ(tree.Find("/etc/shadow")->entry.gid, 42U);
  EXPECT_EQ(tree.Find("/etc/shadow")->entry.group, "");
  tree.Find("/etc/shadow")->entry.user = "somebody";
  EXPECT_FALSE(accounts_.ResolveOwners(&tree));
}

}  // namespace
}  // namespace driveroot
