// SPDX-License-Identifier: Apache-2.0
//
// Looks at the archive of //rootfs:debian as it is, without unpacking it, and
// makes it a second time.
//
//   debian_test TREE MKROOT MANIFESTS PACKAGE...
#include <fnmatch.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "driveroot/base/files.h"
#include "tools/mkroot/debian_package.h"
#include "tools/mkroot/dpkg_database.h"
#include "tools/mkroot/text.h"
#include "tools/mkroot/tree.h"

namespace driveroot {
namespace {

// TREE, MKROOT, MANIFESTS and the packages.
std::vector<std::string>& Arguments() {
  static auto& arguments = *new std::vector<std::string>;
  return arguments;
}

std::string ReadArchive(const std::string& path) {
  const auto bytes = ReadFile(path, uint64_t{1} << 31);
  EXPECT_TRUE(bytes) << bytes.error();
  return bytes.value_or("");
}

const std::vector<TarMember>& Members() {
  static const auto& members = *new std::vector<TarMember>([] {
    const std::string archive = ReadArchive(Arguments()[0]);
    StringSource source(archive);
    const auto read = ReadTarMembers(&source);
    EXPECT_TRUE(read) << read.error();
    return read.value_or(std::vector<TarMember>());
  }());
  return members;
}

const Tree& Root() {
  static const auto& tree = *new Tree([] {
    Tree root(TarTime{});
    for (const TarMember& member : Members()) {
      root.Add(member.entry, member.contents);
    }
    return root;
  }());
  return tree;
}

std::string Contents(std::string_view path) {
  const auto contents = Root().ReadFile(path);
  EXPECT_TRUE(contents) << contents.error();
  return contents.value_or("");
}

// Whether the rules that dpkg is left with exclude the path, which starts with
// a slash.
bool IsExcluded(const std::string& path) {
  static const auto& rules = *new std::vector<std::string>(
      SplitLines(Contents("/etc/dpkg/dpkg.cfg.d/excludes")));
  bool excluded = false;
  for (const std::string& rule : rules) {
    const size_t equals = rule.find('=');
    if (fnmatch(rule.c_str() + equals + 1, path.c_str(), 0) == 0) {
      excluded = rule.starts_with("path-exclude");
    }
  }
  return excluded;
}

// The files of dpkg's info folder with this suffix.
std::vector<std::string> InfoFiles(std::string_view suffix) {
  std::vector<std::string> files;
  for (const std::string& path : Root().List("/var/lib/dpkg/info")) {
    if (path.ends_with(suffix)) files.push_back(path);
  }
  return files;
}

TEST(DebianTest, IsSortedWithFoldersBeforeTheirContents) {
  std::set<std::string> folders = {"."};
  std::string last;
  for (const TarMember& member : Members()) {
    const std::string& path = member.entry.path;
    EXPECT_LT(last, path);
    last = path;
    const size_t slash = path.rfind('/');
    const std::string parent =
        slash == std::string::npos ? "." : path.substr(0, slash);
    EXPECT_TRUE(folders.contains(parent)) << path;
    if (member.entry.type == TarType::kDirectory) folders.insert(path);
    EXPECT_EQ(member.entry.user + member.entry.group, "")
        << path << ": other machines have other numbers for names";
  }
}

TEST(DebianTest, HasAnInitThatIsSystemd) {
  for (const char* path : {"/sbin/init", "/usr/lib/systemd/systemd"}) {
    const Node* node = Root().Resolve(path);
    ASSERT_NE(node, nullptr) << path;
    EXPECT_EQ(node->entry.path, "usr/lib/systemd/systemd");
    EXPECT_EQ(node->entry.mode, 0755U);
    EXPECT_TRUE(
        node->contents.starts_with("\x7f"
                                   "ELF"));
  }
  EXPECT_EQ(Root().Find("/etc/initrd-release"), nullptr);
  EXPECT_EQ(Contents("/etc/machine-id"), "");
}

TEST(DebianTest, HasTheProgramsOfABaseSystem) {
  for (const char* path :
       {"/bin/sh", "/bin/bash", "/bin/login", "/usr/bin/apt-get",
        "/usr/bin/dpkg", "/usr/bin/awk", "/usr/bin/dbus-daemon", "/sbin/ip",
        "/usr/bin/systemctl", "/usr/bin/udevadm", "/sbin/agetty",
        "/usr/bin/setfattr", "/usr/bin/getfacl", "/usr/bin/unshare",
        "/sbin/mkfs.ext4", "/usr/bin/ps", "/usr/bin/openssl"}) {
    const Node* node = Root().Resolve(path);
    ASSERT_NE(node, nullptr) << path;
    EXPECT_EQ(node->entry.mode & 0111U, 0111U) << path;
  }
}

// What dpkg-query and the file system of an installed Debian 13 show.
TEST(DebianTest, KeepsPrivilegedModesAndOwners) {
  struct Privileged {
    uint32_t mode;
    std::string group;
  };
  const std::map<std::string, Privileged> expected = {
      {"usr/bin/chage", {02755, "shadow"}},
      {"usr/bin/chfn", {04755, "root"}},
      {"usr/bin/chsh", {04755, "root"}},
      {"usr/bin/expiry", {02755, "shadow"}},
      {"usr/bin/gpasswd", {04755, "root"}},
      {"usr/bin/mount", {04755, "root"}},
      {"usr/bin/newgrp", {04755, "root"}},
      {"usr/bin/passwd", {04755, "root"}},
      {"usr/bin/su", {04755, "root"}},
      {"usr/bin/umount", {04755, "root"}},
      {"usr/lib/dbus-1.0/dbus-daemon-launch-helper", {04754, "messagebus"}},
      {"usr/sbin/unix_chkpwd", {02755, "shadow"}},
  };
  std::map<std::string, uint32_t> groups;
  for (const std::string& line : SplitLines(Contents("/etc/group"))) {
    const std::vector<std::string> fields = SplitFields(line, ':');
    groups[fields[0]] = static_cast<uint32_t>(std::stoul(fields[2]));
  }
  std::set<std::string> seen;
  for (const TarMember& member : Members()) {
    const TarEntry& entry = member.entry;
    if (entry.type != TarType::kFile || (entry.mode & 06000) == 0) continue;
    const auto found = expected.find(entry.path);
    ASSERT_NE(found, expected.end()) << entry.path;
    EXPECT_EQ(entry.mode, found->second.mode) << entry.path;
    EXPECT_EQ(entry.uid, 0U) << entry.path;
    EXPECT_EQ(entry.gid, groups.at(found->second.group)) << entry.path;
    seen.insert(entry.path);
  }
  EXPECT_EQ(seen.size(), expected.size());
  EXPECT_EQ(Contents("/var/lib/dpkg/statoverride"),
            "root messagebus 4754 "
            "/usr/lib/dbus-1.0/dbus-daemon-launch-helper\n");
  for (const char* path : {"/etc/shadow", "/etc/gshadow"}) {
    EXPECT_EQ(Root().Find(path)->entry.mode, 0640U);
    EXPECT_EQ(Root().Find(path)->entry.gid, groups.at("shadow"));
  }
  EXPECT_EQ(Root().Find("/tmp")->entry.mode, 01777U);
}

TEST(DebianTest, StatusListsEveryPackageAsInstalled) {
  const std::string status = Contents("/var/lib/dpkg/status");
  std::set<std::string> names;
  size_t begin = 0;
  while (begin < status.size()) {
    const size_t end = status.find("\n\n", begin);
    ASSERT_NE(end, std::string::npos);
    const std::string paragraph = status.substr(begin, end - begin + 1);
    begin = end + 2;
    const std::string name = ControlField(paragraph, "Package");
    ASSERT_NE(name, "");
    EXPECT_EQ(ControlField(paragraph, "Status"), "install ok installed");
    EXPECT_NE(ControlField(paragraph, "Version"), "") << name;
    EXPECT_NE(ControlField(paragraph, "Architecture"), "") << name;
    EXPECT_NE(ControlField(paragraph, "Description"), "") << name;
    const bool same = ControlField(paragraph, "Multi-Arch") == "same";
    const std::string list =
        "/var/lib/dpkg/info/" + name + (same ? ":amd64" : "") + ".list";
    EXPECT_NE(Root().Find(list), nullptr) << list;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(names.size(), InfoFiles(".list").size());
  EXPECT_EQ(names.size(), Arguments().size() - 3);
}

TEST(DebianTest, EveryListedFileIsThereOrExcluded) {
  const std::vector<std::string> lists = InfoFiles(".list");
  ASSERT_FALSE(lists.empty());
  for (const std::string& list : lists) {
    for (const std::string& path : SplitLines(Contents(list))) {
      EXPECT_TRUE(Root().Find(path == "/." ? "/" : path) != nullptr ||
                  IsExcluded(path))
          << path << " of " << list;
    }
  }
}

TEST(DebianTest, FilesHaveThePackagesChecksums) {
  size_t compared = 0;
  for (const std::string& list : InfoFiles(".md5sums")) {
    for (const std::string& line : SplitLines(Contents(list))) {
      const size_t blanks = line.find("  ");
      ASSERT_NE(blanks, std::string::npos) << list;
      const std::string path = "/" + line.substr(blanks + 2);
      const Node* node = Root().Resolve(path);
      if (node == nullptr) {
        EXPECT_TRUE(IsExcluded(path)) << path;
        continue;
      }
      EXPECT_EQ(Md5Hex(node->contents), line.substr(0, blanks)) << path;
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000U);
}

TEST(DebianTest, SymlinksLeadSomewhereInTheTree) {
  // What they lead to is made at run time, or left out.
  const std::vector<std::string> expected_to_dangle = {
      "dev/*",           "etc/mtab",
      "etc/resolv.conf", "etc/vconsole.conf",
      "usr/share/doc/*", "var/log/README"};
  for (const TarMember& member : Members()) {
    const std::string& path = member.entry.path;
    if (member.entry.type != TarType::kSymlink ||
        member.entry.link_target.starts_with("/dev/") ||
        member.entry.link_target.starts_with("/run/") ||
        Root().Resolve(path) != nullptr) {
      continue;
    }
    const bool expected = std::ranges::any_of(
        expected_to_dangle, [&path](const std::string& glob) {
          return fnmatch(glob.c_str(), path.c_str(), 0) == 0;
        });
    EXPECT_TRUE(expected) << path << " -> " << member.entry.link_target;
  }
  // Relative, absolute, and chained over two folders.
  EXPECT_EQ(Root().Find("/bin")->entry.link_target, "usr/bin");
  EXPECT_EQ(Root().Resolve("/bin/nawk")->entry.path, "usr/bin/mawk");
}

TEST(DebianTest, TrustsCertificatesByNameAndHash) {
  const std::string bundle = Contents("/etc/ssl/certs/ca-certificates.crt");
  size_t in_bundle = 0;
  for (size_t at = 0; (at = bundle.find("BEGIN CERT", at)) != std::string::npos;
       ++at) {
    ++in_bundle;
  }
  size_t by_hash = 0;
  for (const std::string& path : Root().List("/etc/ssl/certs")) {
    if (path.ends_with(".0") || path.ends_with(".1")) ++by_hash;
  }
  EXPECT_GT(in_bundle, 100U);
  EXPECT_EQ(by_hash, in_bundle);
  // OpenSSL's hash of a certificate that many know: ISRG Root X1.
  EXPECT_EQ(Root().Find("/etc/ssl/certs/4042bcee.0")->entry.link_target,
            "ISRG_Root_X1.pem");
}

TEST(DebianTest, NamesNoMirror) {
  for (const std::string& line :
       SplitLines(Contents("/etc/apt/sources.list"))) {
    EXPECT_TRUE(line.starts_with('#')) << line;
  }
  EXPECT_TRUE(Root().List("/etc/apt/sources.list.d").empty());
}

// The packages in the opposite order must give the same bytes.
TEST(DebianTest, IsTheSameWhenMadeAgain) {
  const std::string output =
      std::string(std::getenv("TEST_TMPDIR")) + "/again.tar";
  std::vector<std::string> words = {Arguments()[1], "--output=" + output,
                                    "--manifests=" + Arguments()[2]};
  words.insert(words.end(), Arguments().rbegin(), Arguments().rend() - 3);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  ASSERT_EQ(
      posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  // Not EXPECT_EQ: it would print both.
  EXPECT_TRUE(ReadArchive(output) == ReadArchive(Arguments()[0]));
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 5) {
    std::fprintf(stderr,
                 "usage: debian_test TREE MKROOT MANIFESTS PACKAGE...\n");
    return 1;
  }
  driveroot::Arguments().assign(argv + 1, argv + argc);
  return RUN_ALL_TESTS();
}
