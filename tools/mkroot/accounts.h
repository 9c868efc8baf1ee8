// SPDX-License-Identifier: Apache-2.0
//
// The users and groups of a root tree: passwd(5), group(5), shadow(5) and
// gshadow(5), and what sysusers.d(5) adds to them. Not thread-safe.
#ifndef TOOLS_MKROOT_ACCOUNTS_H_
#define TOOLS_MKROOT_ACCOUNTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"
#include "tools/mkroot/tree.h"

namespace driveroot {

class Accounts {
 public:
  // Takes over the users and groups of texts in the form of passwd and group.
  // The password field of `passwd` is the one that shadow gets.
  Status AddMaster(std::string_view passwd, std::string_view group);

  // Takes over etc/passwd, group, shadow and gshadow of `tree`, where there.
  Status AddFrom(const Tree& tree);

  // Adds what a sysusers.d file declares and is not there yet. Free numbers are
  // given from 999 downwards, as systemd-sysusers does.
  Status AddSysusers(std::string_view text);

  // The shadow field of a user: "" lets in without a password.
  Status SetPassword(std::string_view user, std::string_view hash);

  std::optional<uint32_t> UserId(std::string_view name) const;
  std::optional<uint32_t> GroupId(std::string_view name) const;

  // Writes the four files. New users get the tree's time as the day of their
  // last change of password.
  void WriteTo(Tree* tree) const;

  // Turns the names of owners in `tree` into numbers and drops the names, which
  // other machines give other numbers. Fails on a name that is not known.
  Status ResolveOwners(Tree* tree) const;

 private:
  struct User {
    std::string name;
    uint32_t uid;
    uint32_t gid;
    std::string comment;
    std::string home;
    std::string shell;
    // The fields of shadow behind the name; the second is the day, filled in
    // by WriteTo when empty.
    std::vector<std::string> shadow;
  };
  struct Group {
    std::string name;
    uint32_t gid;
    std::string members;
    std::vector<std::string> shadow;
  };

  User* FindUser(std::string_view name);
  Group* FindGroup(std::string_view name);
  const Group* FindGroupById(uint32_t gid) const;
  Status AddSysusersLine(const std::vector<std::string>& words);
  Status AddSystemUser(const std::vector<std::string>& words);
  Status AddSystemGroup(std::string_view name, std::string_view id);
  Result<uint32_t> FreeId() const;

  std::vector<User> users_;
  std::vector<Group> groups_;
};

}  // namespace driveroot

#endif  // TOOLS_MKROOT_ACCOUNTS_H_
