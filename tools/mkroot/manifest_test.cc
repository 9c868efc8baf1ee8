// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/manifest.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace driveroot {
namespace {

class ManifestTest : public testing::Test {
 protected:
  // Runs `text` over tree_ and returns the error's message, or "".
  std::string Run(std::string_view text) {
    const auto directives = ParseManifest("test", text);
    if (!directives) return directives.error().message();
    Accounts accounts;
    const Status done = ManifestRunner(&tree_, &accounts).Run(*directives);
    return done ? "" : done.error().message();
  }

  std::string Contents(std::string_view path) {
    return tree_.ReadFile(path).value_or("none");
  }

  std::string Target(std::string_view path) {
    const Node* node = tree_.Find(path);
    return node == nullptr ? "none" : node->entry.link_target;
  }

  Tree tree_{TarTime{1, 0}};
};

TEST_F(ManifestTest, MakesFilesFoldersAndLinks) {
  EXPECT_EQ(Run("# comment\n"
                "directory /srv 2775 root mail\n"
                "file /etc/issue 0600 root shadow\n"
                "    | first  \n"
                "    |\n"
                "    |   indented | \"bar\"\n"
                "file /etc/empty 0644 root root\n"
                "symlink \"/etc/with blank\" ../issue\n"
                "copy /etc/issue /etc/issue.net\n"
                "copy /etc/issue /etc/public 0644 root root\n"
                "permissions /etc/empty 0400 backup backup\n"),
            "");
  EXPECT_EQ(Contents("/etc/issue"), "first  \n\n  indented | \"bar\"\n");
  EXPECT_EQ(Contents("/etc/empty"), "");
  EXPECT_EQ(Target("/etc/with blank"), "../issue");
  EXPECT_EQ(tree_.Find("/srv")->entry.mode, 02775U);
  EXPECT_EQ(tree_.Find("/srv")->entry.group, "mail");
  EXPECT_EQ(tree_.Find("/etc/issue.net")->entry.mode, 0600U);
  EXPECT_EQ(Contents("/etc/public"), Contents("/etc/issue"));
  EXPECT_EQ(tree_.Find("/etc/public")->entry.mode, 0644U);
  EXPECT_EQ(tree_.Find("/etc/empty")->entry.user, "backup");
}

TEST_F(ManifestTest, ErrorsNameTheLine) {
  EXPECT_TRUE(Run("\nunknown /x\n").starts_with("test:2: "));
  EXPECT_TRUE(Run("directory /x 0755 root\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("directory /x 0985 root root\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("directory /x 10000 root root\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("symlink /a b\n| text\n").starts_with("test:2: "));
  EXPECT_TRUE(Run("copy /nothing /x\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("permissions /nothing 0 a a\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("generate nothing\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("slave a /b /c\n").starts_with("test:1: "));
  EXPECT_TRUE(Run("enable nothing.service\n").starts_with("test:1: "));
}

TEST_F(ManifestTest, SubstitutesWhatOccursOnce) {
  tree_.AddFile("/f", "one\n$two\nthree three\n");
  EXPECT_EQ(Run("substitute /f \"$two\\n\" \"2\\t2 2\\n\"\n"), "");
  EXPECT_EQ(Contents("/f"), "one\n2\t2 2\nthree three\n");
  EXPECT_NE(Run("substitute /f three 3\n"), "");
  EXPECT_NE(Run("substitute /f four 4\n"), "");
  EXPECT_EQ(Contents("/f"), "one\n2\t2 2\nthree three\n");
}

TEST_F(ManifestTest, InstallsAlternatives) {
  tree_.AddFile("/usr/bin/mawk", "");
  EXPECT_EQ(Run("alternative awk /usr/bin/awk /usr/bin/mawk 5\n"
                "    slave nawk /usr/bin/nawk /usr/bin/mawk\n"
                "    slave awk.1.gz /usr/share/awk.1.gz /usr/share/mawk.1.gz\n"
                "symlink /after x\n"),
            "");
  EXPECT_EQ(Target("/usr/bin/awk"), "/etc/alternatives/awk");
  EXPECT_EQ(Target("/etc/alternatives/awk"), "/usr/bin/mawk");
  EXPECT_EQ(Target("/usr/bin/nawk"), "/etc/alternatives/nawk");
  // Its target is not there.
  EXPECT_EQ(Target("/usr/share/awk.1.gz"), "none");
  EXPECT_EQ(Contents("/var/lib/dpkg/alternatives/awk"),
            "auto\n/usr/bin/awk\n"
            "awk.1.gz\n/usr/share/awk.1.gz\nnawk\n/usr/bin/nawk\n\n"
            "/usr/bin/mawk\n5\n/usr/share/mawk.1.gz\n/usr/bin/mawk\n\n");
  EXPECT_NE(Run("alternative vi /usr/bin/vi /usr/bin/vim 5\n"), "");
}

TEST_F(ManifestTest, EnablesUnits) {
  tree_.AddFile("/usr/lib/systemd/system/a.service",
                "[Unit]\nWantedBy=no.target\n[Install]\n"
                "WantedBy=multi-user.target other.target\n"
                "Alias=b.service\nAlso=c.socket\n");
  tree_.AddFile("/usr/lib/systemd/system/c.socket",
                "[Install]\nRequiredBy=sockets.target\nAlso=a.service\n");
  tree_.AddFile("/usr/lib/systemd/system/getty@.service",
                "[Install]\nWantedBy=getty.target\n");
  EXPECT_EQ(Run("enable a.service\nsystemctl-enable getty@tty1.service\n"), "");
  const std::string etc = "/etc/systemd/system/";
  const std::string vendor = "/usr/lib/systemd/system/";
  EXPECT_EQ(Target(etc + "multi-user.target.wants/a.service"),
            vendor + "a.service");
  EXPECT_EQ(Target(etc + "other.target.wants/a.service"), vendor + "a.service");
  EXPECT_EQ(Target(etc + "b.service"), vendor + "a.service");
  EXPECT_EQ(Target(etc + "sockets.target.requires/c.socket"),
            vendor + "c.socket");
  EXPECT_EQ(Target(etc + "no.target.wants/a.service"), "none");
  EXPECT_EQ(Target(etc + "getty.target.wants/getty@tty1.service"),
            vendor + "getty@.service");
  const std::string state = "/var/lib/systemd/deb-systemd-helper-enabled/";
  EXPECT_EQ(Contents(state + "a.service.dsh-also"),
            etc + "b.service\n" + etc + "multi-user.target.wants/a.service\n" +
                etc + "other.target.wants/a.service\n" + etc +
                "sockets.target.requires/c.socket\n");
  EXPECT_EQ(Contents(state + "b.service"), "");
  EXPECT_EQ(Contents(state + "getty@tty1.service.dsh-also"), "none");
}

TEST_F(ManifestTest, CollectsPathRules) {
  const auto directives =
      ParseManifest("test", "path-exclude /a/*\npath-include /a/b\n");
  ASSERT_TRUE(directives);
  EXPECT_EQ(FilterOf(*directives).ConfigurationText(),
            "path-exclude=/a/*\npath-include=/a/b\n");
}

}  // namespace
}  // namespace driveroot
