// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/acl.h"

#include <gtest/gtest.h>

namespace driveroot {
namespace {

const Acl kMinimal = {{AclTag::kUserObject, 7, 0},
                      {AclTag::kGroupObject, 5, 0},
                      {AclTag::kOther, 4, 0}};
const Acl kExtended = {{AclTag::kUserObject, 7, 0},
                       {AclTag::kUser, 6, 1000},
                       {AclTag::kGroupObject, 5, 0},
                       {AclTag::kMask, 6, 0},
                       {AclTag::kOther, 0, 0}};

TEST(AclTest, ReadsWhatItWrites) {
  const std::string bytes = EncodeAcl(kExtended);
  EXPECT_EQ(bytes.size(), 4 + 5 * 8u);
  const Result<Acl> acl = ParseAcl(bytes);
  ASSERT_TRUE(acl);
  EXPECT_EQ(acl->at(1), kExtended[1]);
  EXPECT_EQ(EncodeAcl(*acl), bytes);
}

TEST(AclTest, WritesTheKernelsForm) {
  EXPECT_EQ(EncodeAcl({{AclTag::kUser, 6, 0x01020304}}),
            std::string("\2\0\0\0\2\0\6\0\4\3\2\1", 12));
}

TEST(AclTest, RefusesWhatIsNoList) {
  const std::string good = EncodeAcl(kExtended);
  std::string bad_version = good;
  bad_version[0] = 3;
  std::string bad_tag = good;
  bad_tag[4] = 3;
  std::string bad_permissions = good;
  bad_permissions[6] = 8;
  for (const std::string& bytes :
       {std::string(), good.substr(0, 3), good.substr(0, good.size() - 1),
        bad_version, bad_tag, bad_permissions}) {
    EXPECT_FALSE(ParseAcl(bytes));
  }
}

TEST(AclTest, RefusesIncompleteAndUnorderedLists) {
  Acl no_mask = kExtended;
  no_mask.erase(no_mask.begin() + 3);
  Acl two_owners = kMinimal;
  two_owners.insert(two_owners.begin(), two_owners[0]);
  Acl no_other(kMinimal.begin(), kMinimal.begin() + 2);
  const Acl unordered(kMinimal.rbegin(), kMinimal.rend());
  for (const Acl& acl : {no_mask, two_owners, no_other, unordered}) {
    EXPECT_FALSE(ParseAcl(EncodeAcl(acl)));
  }
}

TEST(AclTest, TheMaskIsWhatStatShowsForTheGroup) {
  EXPECT_EQ(AclPermissions(kMinimal), 0754u);
  EXPECT_EQ(AclPermissions(kExtended), 0760u);
  EXPECT_TRUE(IsMinimalAcl(kMinimal));
  EXPECT_FALSE(IsMinimalAcl(kExtended));
}

TEST(AclTest, ChmodSetsTheMaskAndLeavesTheGroup) {
  Acl acl = kExtended;
  SetAclPermissions(acl, 0641);
  EXPECT_EQ(AclPermissions(acl), 0641u);
  EXPECT_EQ(acl[2].permissions, 5);  // the group's own entry
  EXPECT_EQ(acl[1].permissions, 6);  // the named user's
}

TEST(AclTest, InheritingNarrowsByTheModeAskedFor) {
  uint32_t permissions = 0640;
  const Acl acl = InheritAcl(kExtended, permissions);
  EXPECT_EQ(permissions, 0640u);
  EXPECT_EQ(acl[0].permissions, 6);
  EXPECT_EQ(acl[3].permissions, 4);
  EXPECT_EQ(acl[4].permissions, 0);
}

}  // namespace
}  // namespace driveroot
