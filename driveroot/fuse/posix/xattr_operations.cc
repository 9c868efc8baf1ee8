// SPDX-License-Identifier: Apache-2.0
//
// Operations on extended attributes and access control lists.
#include <linux/capability.h>
#include <sys/xattr.h>

#include <algorithm>
#include <format>
#include <vector>

#include "driveroot/fs/acl.h"
#include "driveroot/fuse/posix/operations.h"

namespace driveroot::posix {
namespace {

constexpr size_t kLargest = 1 << 16;

// setxattr PATH NAME VALUE [create|replace]
std::string SetXattr(Arguments arguments, Held&) {
  int flags = 0;
  if (arguments.size() > 3) {
    flags = arguments[3] == "create" ? XATTR_CREATE : XATTR_REPLACE;
  }
  return Answer(lsetxattr(arguments[0].c_str(), arguments[1].c_str(),
                          arguments[2].data(), arguments[2].size(), flags));
}

std::string GetXattr(Arguments arguments, Held&) {
  std::string value(kLargest, '\0');
  const ssize_t size = lgetxattr(arguments[0].c_str(), arguments[1].c_str(),
                                 value.data(), value.size());
  if (size < 0) return Answer(-1);
  value.resize(static_cast<size_t>(size));
  return value.empty() ? "empty" : value;
}

// xattrsize PATH NAME ROOM: what getxattr gives for a buffer of that size.
std::string XattrSize(Arguments arguments, Held&) {
  std::string value(static_cast<size_t>(Number(arguments[2])), '\0');
  const ssize_t size = lgetxattr(arguments[0].c_str(), arguments[1].c_str(),
                                 value.data(), value.size());
  return size < 0 ? Answer(-1) : std::to_string(size);
}

// listxattr PATH: the names, sorted; without those of security modules.
std::string ListXattrs(Arguments arguments, Held&) {
  std::string names(kLargest, '\0');
  const ssize_t size =
      llistxattr(arguments[0].c_str(), names.data(), names.size());
  if (size < 0) return Answer(-1);
  std::vector<std::string> sorted;
  for (size_t at = 0; at < static_cast<size_t>(size);) {
    const std::string name = names.c_str() + at;
    if (name != "security.selinux") sorted.push_back(name);
    at += name.size() + 1;
  }
  std::ranges::sort(sorted);
  std::string answer = std::format("{}:", sorted.size());
  for (const std::string& name : sorted) answer += " " + name;
  return answer;
}

std::string RemoveXattr(Arguments arguments, Held&) {
  return Answer(lremovexattr(arguments[0].c_str(), arguments[1].c_str()));
}

std::string AclName(const std::string& which) {
  return std::string(which == "default" ? kDefaultAclName : kAccessAclName);
}

AclTag TagOf(char letter, bool named) {
  switch (letter) {
    case 'u':
      return named ? AclTag::kUser : AclTag::kUserObject;
    case 'g':
      return named ? AclTag::kGroup : AclTag::kGroupObject;
    case 'm':
      return AclTag::kMask;
    default:
      return AclTag::kOther;
  }
}

// "u::6,u:1000:4,g::4,m::6,o::0": permissions as a digit.
Acl AclOf(const std::string& text) {
  Acl acl;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string entry = text.substr(begin, end - begin);
    const size_t last = entry.rfind(':');
    const std::string id = entry.substr(2, last - 2);
    acl.push_back(
        {.tag = TagOf(entry[0], !id.empty()),
         .permissions = static_cast<uint16_t>(entry[last + 1] - '0'),
         .id = id.empty() ? 0 : static_cast<uint32_t>(std::stoul(id))});
    begin = end + 1;
  }
  return acl;
}

std::string AclText(const Acl& acl) {
  std::string text;
  for (const AclEntry& entry : acl) {
    const bool named =
        entry.tag == AclTag::kUser || entry.tag == AclTag::kGroup;
    const char letter =
        entry.tag == AclTag::kMask                                       ? 'm'
        : entry.tag == AclTag::kOther                                    ? 'o'
        : entry.tag == AclTag::kUser || entry.tag == AclTag::kUserObject ? 'u'
                                                                         : 'g';
    if (!text.empty()) text += ',';
    text +=
        std::format("{}:{}:{}", letter, named ? std::to_string(entry.id) : "",
                    entry.permissions);
  }
  return text;
}

// setfacl PATH access|default LIST
std::string SetAcl(Arguments arguments, Held&) {
  const std::string value = EncodeAcl(AclOf(arguments[2]));
  return Answer(setxattr(arguments[0].c_str(), AclName(arguments[1]).c_str(),
                         value.data(), value.size(), 0));
}

std::string GetAcl(Arguments arguments, Held&) {
  std::string value(kLargest, '\0');
  const ssize_t size =
      getxattr(arguments[0].c_str(), AclName(arguments[1]).c_str(),
               value.data(), value.size());
  if (size < 0) return Answer(-1);
  const Result<Acl> acl = ParseAcl({value.data(), static_cast<size_t>(size)});
  return acl ? AclText(*acl) : "no list: " + acl.error().message();
}

std::string RemoveAcl(Arguments arguments, Held&) {
  return Answer(
      removexattr(arguments[0].c_str(), AclName(arguments[1]).c_str()));
}

// setcap PATH: lets it run with cap_net_raw, as setcap(8) writes it.
std::string SetCapability(Arguments arguments, Held&) {
  vfs_cap_data data = {};
  data.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  data.data[0].permitted = 1U << CAP_NET_RAW;
  return Answer(setxattr(arguments[0].c_str(), "security.capability", &data,
                         sizeof(data), 0));
}

std::string HasCapability(Arguments arguments, Held&) {
  return getxattr(arguments[0].c_str(), "security.capability", nullptr, 0) > 0
             ? "yes"
             : "no";
}

}  // namespace

void AddXattrOperations(OperationTable& table) {
  table["setxattr"] = {3, SetXattr};
  table["getxattr"] = {2, GetXattr};
  table["xattrsize"] = {3, XattrSize};
  table["listxattr"] = {1, ListXattrs};
  table["removexattr"] = {2, RemoveXattr};
  table["setcap"] = {1, SetCapability};
  table["getcap"] = {1, HasCapability};
  table["setfacl"] = {3, SetAcl};
  table["getfacl"] = {2, GetAcl};
  table["removefacl"] = {2, RemoveAcl};
}

}  // namespace driveroot::posix
