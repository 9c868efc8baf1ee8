// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/accounts.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

// Where systemd-sysusers begins, and Debian's SYS_UID_MIN (login.defs).
constexpr uint32_t kHighestSystemId = 999;
constexpr uint32_t kLowestSystemId = 101;

constexpr int64_t kSecondsPerDay = 86'400;

std::unexpected<Error> Bad(std::string_view line, std::string_view why) {
  return Fail(
      ErrorCode::kInvalidArgument,
      "account line \"" + std::string(line) + "\": " + std::string(why));
}

std::optional<uint32_t> ParseId(std::string_view text) {
  uint32_t id = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return id;
}

std::string Join(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) line += ":" + field;
  return line;
}

// The lines that are no comments, as fields; `count` of them each.
Result<std::vector<std::vector<std::string>>> ParseTable(std::string_view text,
                                                         size_t count) {
  std::vector<std::vector<std::string>> table;
  for (const std::string& line : SplitLines(text)) {
    if (line.empty() || line.starts_with('#')) continue;
    table.push_back(SplitFields(line, ':'));
    if (table.back().size() != count) {
      return Bad(line, "it needs " + std::to_string(count) + " fields");
    }
  }
  return table;
}

}  // namespace

Status Accounts::AddMaster(std::string_view passwd, std::string_view group) {
  DRIVEROOT_ASSIGN_OR_RETURN(const auto users, ParseTable(passwd, 7));
  for (const auto& fields : users) {
    const auto uid = ParseId(fields[2]);
    const auto gid = ParseId(fields[3]);
    if (!uid || !gid) return Bad(fields[0], "an id is not a number");
    users_.push_back({fields[0],
                      *uid,
                      *gid,
                      fields[4],
                      fields[5],
                      fields[6],
                      // As shadowconfig fills in PASS_MAX_DAYS and
                      // PASS_WARN_AGE of login.defs.
                      {fields[1], "", "0", "99999", "7", "", "", ""}});
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const auto groups, ParseTable(group, 4));
  for (const auto& fields : groups) {
    const auto gid = ParseId(fields[2]);
    if (!gid) return Bad(fields[0], "the id is not a number");
    groups_.push_back({fields[0], *gid, fields[3], {fields[1], "", fields[3]}});
  }
  return {};
}

Status Accounts::AddFrom(const Tree& tree) {
  if (tree.Find("/etc/passwd") == nullptr) return {};
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string passwd,
                             tree.ReadFile("/etc/passwd"));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string group,
                             tree.ReadFile("/etc/group"));
  DRIVEROOT_RETURN_IF_ERROR(AddMaster(passwd, group));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string shadow,
                             tree.ReadFile("/etc/shadow"));
  DRIVEROOT_ASSIGN_OR_RETURN(const auto user_rows, ParseTable(shadow, 9));
  for (const auto& fields : user_rows) {
    User* user = FindUser(fields[0]);
    if (user != nullptr) user->shadow.assign(fields.begin() + 1, fields.end());
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string gshadow,
                             tree.ReadFile("/etc/gshadow"));
  DRIVEROOT_ASSIGN_OR_RETURN(const auto group_rows, ParseTable(gshadow, 4));
  for (const auto& fields : group_rows) {
    Group* entry = FindGroup(fields[0]);
    if (entry != nullptr) {
      entry->shadow.assign(fields.begin() + 1, fields.end());
    }
  }
  return {};
}

Status Accounts::AddSysusers(std::string_view text) {
  for (const std::string& line : SplitLines(text)) {
    std::vector<std::string> words = SplitWords(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    words.resize(6, "-");
    if (Status added = AddSysusersLine(words); !added) {
      return std::unexpected(added.error().WithContext(line));
    }
  }
  return {};
}

Status Accounts::AddSysusersLine(const std::vector<std::string>& words) {
  if (words[0] == "u" || words[0] == "u!") return AddSystemUser(words);
  if (words[0] == "g") return AddSystemGroup(words[1], words[2]);
  if (words[0] == "m") {
    Group* group = FindGroup(words[2]);
    if (FindUser(words[1]) == nullptr || group == nullptr) {
      return Bad(words[1], "the user or the group does not exist");
    }
    const std::string comma = group->members.empty() ? "" : ",";
    group->members += comma + words[1];
    group->shadow.back() = group->members;
    return {};
  }
  return Fail(ErrorCode::kNotSupported,
              "sysusers.d lines of type " + words[0] + " are not supported");
}

Status Accounts::AddSystemUser(const std::vector<std::string>& words) {
  const std::string& name = words[1];
  if (FindUser(name) != nullptr) return {};
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  if (words[2] == "-") {
    DRIVEROOT_ASSIGN_OR_RETURN(uid, FreeId());
  } else {
    const size_t colon = std::min(words[2].find(':'), words[2].size());
    uid = ParseId(words[2].substr(0, colon));
    if (!uid) return Bad(name, "the id is not a number");
    if (colon < words[2].size()) {
      const std::string group = words[2].substr(colon + 1);
      gid = ParseId(group);
      if (!gid) gid = GroupId(group);
      if (!gid) return Bad(name, "the group does not exist");
    }
  }
  if (!gid) {
    DRIVEROOT_RETURN_IF_ERROR(AddSystemGroup(name, std::to_string(*uid)));
    gid = GroupId(name);
  }
  const auto or_default = [](const std::string& word, std::string value) {
    return word == "-" ? value : word;
  };
  // "u!" locks the account besides: it expired on the second day of 1970.
  const std::string expires = words[0] == "u!" ? "1" : "";
  users_.push_back({name,
                    *uid,
                    *gid,
                    or_default(words[3], ""),
                    or_default(words[4], "/"),
                    or_default(words[5], "/usr/sbin/nologin"),
                    {"!*", "", "", "", "", "", expires, ""}});
  return {};
}

Status Accounts::AddSystemGroup(std::string_view name, std::string_view id) {
  if (FindGroup(name) != nullptr) return {};
  std::optional<uint32_t> gid;
  if (id == "-") {
    DRIVEROOT_ASSIGN_OR_RETURN(gid, FreeId());
  } else {
    gid = ParseId(id);
  }
  if (!gid) return Bad(name, "the id is not a number");
  if (FindGroupById(*gid) != nullptr) return Bad(name, "the id is taken");
  groups_.push_back({std::string(name), *gid, "", {"!*", "", ""}});
  return {};
}

Result<uint32_t> Accounts::FreeId() const {
  for (uint32_t id = kHighestSystemId; id >= kLowestSystemId; --id) {
    const bool taken = FindGroupById(id) != nullptr ||
                       std::ranges::any_of(users_, [id](const User& user) {
                         return user.uid == id;
                       });
    if (!taken) return id;
  }
  return Fail(ErrorCode::kInvalidArgument, "no system account id is free");
}

Status Accounts::SetPassword(std::string_view name, std::string_view hash) {
  User* user = FindUser(name);
  if (user == nullptr) return Bad(name, "there is no such user");
  user->shadow[0] = hash;
  return {};
}

Accounts::User* Accounts::FindUser(std::string_view name) {
  const auto found = std::ranges::find(users_, name, &User::name);
  return found == users_.end() ? nullptr : &*found;
}

Accounts::Group* Accounts::FindGroup(std::string_view name) {
  const auto found = std::ranges::find(groups_, name, &Group::name);
  return found == groups_.end() ? nullptr : &*found;
}

const Accounts::Group* Accounts::FindGroupById(uint32_t gid) const {
  const auto found = std::ranges::find(groups_, gid, &Group::gid);
  return found == groups_.end() ? nullptr : &*found;
}

std::optional<uint32_t> Accounts::UserId(std::string_view name) const {
  const auto found = std::ranges::find(users_, name, &User::name);
  if (found == users_.end()) return std::nullopt;
  return found->uid;
}

std::optional<uint32_t> Accounts::GroupId(std::string_view name) const {
  const auto found = std::ranges::find(groups_, name, &Group::name);
  if (found == groups_.end()) return std::nullopt;
  return found->gid;
}

void Accounts::WriteTo(Tree* tree) const {
  const std::string today =
      std::to_string(tree->time().seconds / kSecondsPerDay);
  std::string passwd;
  std::string shadow;
  for (const User& user : users_) {
    passwd += user.name + ":x:" + std::to_string(user.uid) + ":" +
              std::to_string(user.gid) + ":" + user.comment + ":" + user.home +
              ":" + user.shell + "\n";
    std::vector<std::string> fields = user.shadow;
    if (fields[1].empty()) fields[1] = today;
    shadow += user.name + Join(fields) + "\n";
  }
  std::string group;
  std::string gshadow;
  for (const Group& entry : groups_) {
    group += entry.name + ":x:" + std::to_string(entry.gid) + ":" +
             entry.members + "\n";
    gshadow += entry.name + Join(entry.shadow) + "\n";
  }
  tree->AddFile("/etc/passwd", std::move(passwd));
  tree->AddFile("/etc/group", std::move(group));
  for (auto& [path, text] : {std::pair("/etc/shadow", &shadow),
                             std::pair("/etc/gshadow", &gshadow)}) {
    tree->AddFile(path, std::move(*text));
    TarEntry& entry = tree->Find(path)->entry;
    entry.mode = 0640;
    entry.group = "shadow";
  }
}

Status Accounts::ResolveOwners(Tree* tree) const {
  for (auto& [path, node] : tree->nodes()) {
    TarEntry& entry = node.entry;
    if (!entry.user.empty()) {
      const auto uid = UserId(entry.user);
      if (!uid) return Bad(entry.user, "no such user, though it owns /" + path);
      entry.uid = *uid;
      entry.user.clear();
    }
    if (!entry.group.empty()) {
      const auto gid = GroupId(entry.group);
      if (!gid) {
        return Bad(entry.group, "no such group, though it owns /" + path);
      }
      entry.gid = *gid;
      entry.group.clear();
    }
  }
  return {};
}

}  // namespace driveroot
