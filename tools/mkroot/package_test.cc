// SPDX-License-Identifier: Apache-2.0
//
// Packages from their bytes to the tree: debian_package.h and dpkg_database.h.
#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tools/mkroot/debian_package.h"
#include "tools/mkroot/dpkg_database.h"

namespace driveroot {
namespace {

std::string Tar(const std::vector<TarMember>& members) {
  std::string archive;
  StringSink sink(&archive);
  TarWriter writer(&sink);
  for (TarMember member : members) {
    member.entry.size = member.contents.size();
    EXPECT_TRUE(writer.WriteEntry(member.entry));
    EXPECT_TRUE(writer.WriteData(member.contents));
  }
  EXPECT_TRUE(writer.Finish());
  return archive;
}

TarMember File(std::string path, std::string contents, uint32_t mode = 0644) {
  TarMember member;
  member.entry.path = std::move(path);
  member.entry.mode = mode;
  member.entry.user = "root";
  member.entry.group = "root";
  member.contents = std::move(contents);
  return member;
}

TarMember Folder(std::string path) {
  TarMember member = File(std::move(path), "", 0755);
  member.entry.type = TarType::kDirectory;
  return member;
}

std::string ArMember(const std::string& name, const std::string& bytes) {
  char header[61];
  std::snprintf(header, sizeof header, "%-16s%-12s%-6s%-6s%-8s%-10zu`\n",
                name.c_str(), "0", "0", "0", "100644", bytes.size());
  return header + bytes + (bytes.size() % 2 == 1 ? "\n" : "");
}

std::string Xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                6, LZMA_CHECK_CRC64, nullptr,
                reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(
      ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string Gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8,
                         Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string input = text;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

constexpr char kControl[] =
    "Package: hello\n"
    "Version: 1.0-1\n"
    "Architecture: amd64\n"
    "Multi-Arch: same\n"
    "Description: greets\n"
    " for a long time\n";

std::string HelloPackage(const std::string& control_suffix,
                         const std::string& control,
                         const std::string& data_suffix,
                         const std::string& data) {
  return "!<arch>\n" + ArMember("debian-binary", "2.0\n") +
         ArMember("control.tar" + control_suffix, control) +
         ArMember("data.tar" + data_suffix, data);
}

std::string HelloControl() {
  return Tar({File("control", kControl),
              File("conffiles", "/etc/hello\nremove-on-upgrade /etc/old\n"),
              File("postinst", "#!/bin/sh\n", 0755),
              File("triggers",
                   "# comment\ninterest-noawait /usr/share/hello\n"
                   "interest greeting\nactivate-noawait ldconfig\n")});
}

std::string HelloData() {
  return Tar({Folder("."), Folder("etc"), File("etc/hello", "world\n"),
              Folder("usr"), File("usr/hello", "program", 0755)});
}

TEST(DebianPackageTest, ReadsEveryCompression) {
  for (const std::string& archive :
       {HelloPackage(".xz", Xz(HelloControl()), ".xz", Xz(HelloData())),
        HelloPackage(".zst", Zstd(HelloControl()), ".zst", Zstd(HelloData())),
        HelloPackage(".gz", Gzip(HelloControl()), ".gz", Gzip(HelloData())),
        HelloPackage("", HelloControl(), "", HelloData())}) {
    const auto package = ReadDebianPackage("hello.deb", archive);
    ASSERT_TRUE(package) << package.error();
    EXPECT_EQ(package->name, "hello");
    EXPECT_EQ(package->DatabaseName(), "hello:amd64");
    EXPECT_EQ(package->Conffiles(), std::vector<std::string>{"/etc/hello"});
    ASSERT_EQ(package->data.size(), 5U);
    EXPECT_EQ(package->data[4].contents, "program");
    EXPECT_EQ(package->control_files.at("postinst").entry.mode, 0755U);
  }
}

TEST(DebianPackageTest, RefusesTruncatedPackages) {
  for (const std::string& archive :
       {HelloPackage(".xz", Xz(HelloControl()), ".xz", Xz(HelloData())),
        HelloPackage(".zst", Zstd(HelloControl()), ".zst", Zstd(HelloData())),
        HelloPackage(".gz", Gzip(HelloControl()), ".gz", Gzip(HelloData()))}) {
    for (size_t length = 0; length + 8 < archive.size(); length += 7) {
      EXPECT_FALSE(ReadDebianPackage("x", archive.substr(0, length))) << length;
    }
  }
  // Members that are whole in the outer archive and cut off inside.
  const std::string xz = Xz(HelloData());
  const std::string zstd = Zstd(HelloData());
  const std::string gzip = Gzip(HelloData());
  for (const auto& [suffix, data] :
       {std::pair(".xz", xz), std::pair(".zst", zstd),
        std::pair(".gz", gzip)}) {
    EXPECT_FALSE(
        ReadDebianPackage("x", HelloPackage("", HelloControl(), suffix,
                                            data.substr(0, data.size() - 9))));
  }
}

TEST(DebianPackageTest, RefusesOtherFiles) {
  EXPECT_FALSE(ReadDebianPackage("x", ""));
  EXPECT_FALSE(ReadDebianPackage("x", "!<arch>\n"));
  EXPECT_FALSE(ReadDebianPackage(
      "x", HelloPackage("", Tar({File("control", "Package: a\n")}), "",
                        HelloData())));
  std::string wrong_size = HelloPackage("", HelloControl(), "", HelloData());
  wrong_size.replace(8 + 48, 10, "9999999999");
  EXPECT_FALSE(ReadDebianPackage("x", wrong_size));
}

class DpkgDatabaseTest : public testing::Test {
 protected:
  static DebianPackage Hello() {
    return *ReadDebianPackage(
        "hello.deb", HelloPackage("", HelloControl(), "", HelloData()));
  }

  std::string Written(const std::string& path) {
    database_.WriteTo(&tree_);
    return tree_.ReadFile("/var/lib/dpkg/" + path).value_or("none");
  }

  Tree tree_{TarTime{1, 0}};
  DpkgDatabase database_;
};

TEST_F(DpkgDatabaseTest, RecordsWhatItInstalls) {
  ASSERT_TRUE(database_.Install(Hello(), {}, &tree_));
  EXPECT_EQ(tree_.ReadFile("/usr/hello"), "program");
  EXPECT_EQ(Written("status"),
            "Package: hello\n"
            "Status: install ok installed\n"
            "Version: 1.0-1\n"
            "Architecture: amd64\n"
            "Multi-Arch: same\n"
            "Description: greets\n"
            " for a long time\n"
            "Conffiles:\n"
            " /etc/hello 591785b794601e212b260e25925636fd\n\n");
  EXPECT_EQ(Written("info/hello:amd64.list"),
            "/.\n/etc\n/etc/hello\n/usr\n/usr/hello\n");
  // The package brings none: made of its files but the configuration.
  EXPECT_EQ(Written("info/hello:amd64.md5sums"),
            "a9c449d4fa44e9e5a41c574ae55ce4d9  usr/hello\n");
  EXPECT_EQ(tree_.Find("/var/lib/dpkg/info/hello:amd64.postinst")->entry.mode,
            0755U);
  EXPECT_EQ(Written("triggers/File"), "/usr/share/hello hello:amd64/noawait\n");
  EXPECT_EQ(Written("triggers/greeting"), "hello:amd64\n");
  EXPECT_EQ(Written("arch"), "amd64\n");
}

TEST_F(DpkgDatabaseTest, TwoPackagesShareFoldersAndNothingElse) {
  ASSERT_TRUE(database_.Install(Hello(), {}, &tree_));
  DebianPackage other = Hello();
  other.name = "other";
  const Status installed = database_.Install(other, {}, &tree_);
  ASSERT_FALSE(installed);
  EXPECT_NE(installed.error().message().find("/etc/hello"), std::string::npos);
  other.data = {Folder("."), Folder("usr"), File("usr/other", "")};
  EXPECT_TRUE(database_.Install(other, {}, &tree_));
}

TEST_F(DpkgDatabaseTest, LeavesOutWhatTheFilterExcludes) {
  PathFilter filter;
  filter.Exclude("/etc/*");
  filter.Include("/etc/he*o");
  EXPECT_EQ(filter.ConfigurationText(),
            "path-exclude=/etc/*\npath-include=/etc/he*o\n");
  EXPECT_TRUE(filter.Excludes(File("etc/other", "").entry));
  EXPECT_FALSE(filter.Excludes(File("etc/hello", "").entry));
  EXPECT_FALSE(filter.Excludes(File("etc", "").entry));
  // An included file may lie below these folders.
  EXPECT_FALSE(filter.Excludes(Folder("etc/here").entry));
  EXPECT_TRUE(filter.Excludes(Folder("etc/x").entry));

  PathFilter all;
  all.Exclude("/usr/*");
  ASSERT_TRUE(database_.Install(Hello(), all, &tree_));
  EXPECT_EQ(tree_.Find("/usr/hello"), nullptr);
  // The list still has it, as dpkg's own does.
  EXPECT_NE(Written("info/hello:amd64.list").find("/usr/hello"),
            std::string::npos);
}

TEST_F(DpkgDatabaseTest, AddsStatOverrides) {
  ASSERT_TRUE(database_.Install(Hello(), {}, &tree_));
  database_.WriteTo(&tree_);
  AddStatOverride("/usr/hello", "4754", "root", "bus", &tree_);
  AddStatOverride("/etc/hello", "600", "root", "root", &tree_);
  EXPECT_EQ(tree_.ReadFile("/var/lib/dpkg/statoverride"),
            "root bus 4754 /usr/hello\nroot root 600 /etc/hello\n");
}

}  // namespace
}  // namespace driveroot
