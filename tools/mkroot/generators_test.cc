// SPDX-License-Identifier: Apache-2.0
//
// What the generators make is compared with what Debian's own programs make in
// //rootfs, by hand, when the packages change; here are the rules that would go
// wrong unseen.
#include "tools/mkroot/generators.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/mkroot/string_table.h"

namespace driveroot {
namespace {

uint64_t NumberAt(std::string_view bytes, size_t offset, size_t width = 8) {
  uint64_t value = 0;
  for (size_t i = width; i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>(bytes.at(offset + i));
  }
  return value;
}

std::string TextAt(const std::string& bytes, uint64_t offset) {
  return bytes.substr(offset, bytes.find('\0', offset) - offset);
}

// The value of `key` for the exact pattern `match` in a hardware database.
std::string Lookup(const std::string& file, uint64_t node,
                   std::string_view match, const std::string& key) {
  const std::string prefix = TextAt(file, NumberAt(file, node));
  if (!match.starts_with(prefix)) return "none";
  match.remove_prefix(prefix.size());
  const uint64_t children = NumberAt(file, node + 8, 1);
  uint64_t position = node + 24;
  for (uint64_t i = 0; i < children; ++i, position += 16) {
    if (!match.empty() &&
        NumberAt(file, position, 1) == static_cast<uint8_t>(match[0])) {
      return Lookup(file, NumberAt(file, position + 8), match.substr(1), key);
    }
  }
  if (!match.empty()) return "none";
  for (uint64_t i = 0; i < NumberAt(file, node + 16); ++i, position += 32) {
    if (TextAt(file, NumberAt(file, position)) == key) {
      return TextAt(file, NumberAt(file, position + 8));
    }
  }
  return "none";
}

TEST(StringTableTest, SharesSuffixes) {
  StringTable table;
  const uint64_t path = table.Add("/lib/libz.so.1");
  EXPECT_EQ(table.Add("libz.so.1"), path + 5);
  EXPECT_EQ(table.Add("/lib/libz.so.1"), path);
  EXPECT_EQ(TextAt(table.bytes(), table.Add("other")), "other");
  EXPECT_EQ(TextAt(table.bytes(), table.Add("")), "");
}

TEST(HardwareDatabaseTest, LaterFilesReplaceEarlierOnes) {
  Tree tree(TarTime{1, 0});
  tree.AddFile("/usr/lib/udev/hwdb.d/10-a.hwdb",
               "# comment\nusb:v1*\nusb:v12*\n ID_A=first # trailing\n ID_B=b\n"
               "\nusb:x\n   ID_A=x\n");
  tree.AddFile("/usr/lib/udev/hwdb.d/20-b.hwdb", "usb:v12*\n ID_A=second\n");
  ASSERT_TRUE(GenerateHardwareDatabase(&tree));
  const std::string file = *tree.ReadFile("/usr/lib/udev/hwdb.bin");
  ASSERT_EQ(file.substr(0, 8), "KSLPHHRH");
  EXPECT_EQ(NumberAt(file, 16), file.size());
  const uint64_t root = NumberAt(file, 56);
  EXPECT_EQ(Lookup(file, root, "usb:v1*", " ID_A"), "first");
  EXPECT_EQ(Lookup(file, root, "usb:v12*", " ID_A"), "second");
  EXPECT_EQ(Lookup(file, root, "usb:v12*", " ID_B"), "b");
  EXPECT_EQ(Lookup(file, root, "usb:x", " ID_A"), "x");
  EXPECT_EQ(Lookup(file, root, "usb:v", " ID_A"), "none");
}

TEST(HardwareDatabaseTest, RefusesMalformedRecords) {
  for (const std::string& text :
       {std::string(" ID_A=property without match\n"),
        std::string("match\n no equals sign\n"),
        std::string("match\n A=b\nmatch without empty line\n")}) {
    Tree tree(TarTime{1, 0});
    tree.AddFile("/usr/lib/udev/hwdb.d/10-a.hwdb", text);
    EXPECT_FALSE(GenerateHardwareDatabase(&tree)) << text;
  }
}

TEST(MessageCatalogTest, FindsMessagesByIdentifierAndLanguage) {
  const std::string id = "00112233445566778899aabbccddeeff";
  Tree tree(TarTime{1, 0});
  tree.AddFile("/usr/lib/systemd/catalog/x.catalog",
               "# comment\n\n-- " + id + "\nSubject: one\n\nBody\n");
  tree.AddFile("/usr/lib/systemd/catalog/x.de.catalog",
               "-- " + id + "\nSubject: eins\n");
  ASSERT_TRUE(GenerateMessageCatalog(&tree));
  const std::string file = *tree.ReadFile("/var/lib/systemd/catalog/database");
  ASSERT_EQ(NumberAt(file, 24), 2U);
  const uint64_t strings = 40 + 2 * 56;
  EXPECT_EQ(NumberAt(file, 40), 0x7766554433221100U);
  EXPECT_EQ(TextAt(file, strings + NumberAt(file, 40 + 48)),
            "Subject: one\n\nBody\n");
  EXPECT_EQ(TextAt(file, 96 + 16), "de");
  EXPECT_EQ(TextAt(file, strings + NumberAt(file, 96 + 48)), "Subject: eins\n");
}

TEST(LibraryCacheTest, IgnoresWhatIsNoLibrary) {
  Tree tree(TarTime{1, 0});
  tree.AddFile("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
  tree.AddFile("/etc/ld.so.conf.d/a.conf", "# comment\n/lib/x\n");
  tree.AddFile("/lib/x/libtext.so", "INPUT(libc.so)");
  tree.AddFile("/lib/x/libcut.so.1", std::string("\x7f"
                                                 "ELF\2\1\1",
                                                 7));
  ASSERT_TRUE(GenerateLibraryCache(&tree));
  const std::string file = *tree.ReadFile("/etc/ld.so.cache");
  EXPECT_EQ(file.substr(0, 20), "glibc-ld.so.cache1.1");
  EXPECT_EQ(NumberAt(file, 20, 4), 0U);
}

TEST(DebconfTest, TakesQuestionsOverWithoutTranslations) {
  Tree tree(TarTime{1, 0});
  tree.AddFile("/var/lib/dpkg/info/hello:amd64.templates",
               "Template: hello/ask\nType: boolean\nDefault: true\n"
               "Description: Ask?\n First line\n goes on.\n .\n  - item\n"
               " End.\nDescription-de.UTF-8: Fragen?\n Nein.\n");
  ASSERT_TRUE(GenerateDebconf(&tree));
  EXPECT_EQ(tree.ReadFile("/var/cache/debconf/config.dat"),
            "Name: hello/ask\nTemplate: hello/ask\nOwners: hello\n\n");
  EXPECT_EQ(tree.ReadFile("/var/cache/debconf/templates.dat"),
            "Name: hello/ask\nDefault: true\nDescription: Ask?\n"
            "Extended_description: First line goes on.\\n\\n - item\\nEnd.\n"
            "Type: boolean\nOwners: hello/ask\n\n");
}

TEST(GeneratorsTest, CertificatesMustBeCertificates) {
  Tree tree(TarTime{1, 0});
  EXPECT_FALSE(GenerateCertificates(&tree));
  tree.AddFile("/usr/share/ca-certificates/x.crt", "text");
  EXPECT_FALSE(GenerateCertificates(&tree));
}

}  // namespace
}  // namespace driveroot
