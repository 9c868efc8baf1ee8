// SPDX-License-Identifier: Apache-2.0
//
// What programs other than ours write into archives.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/tar/raw_tar.h"
#include "driveroot/base/tar/tar.h"

namespace driveroot {
namespace {

using namespace std::string_literals;

struct Read {
  std::vector<TarEntry> entries;
  std::vector<std::string> contents;  // holes as zeros
  std::vector<std::string> losses;    // of all
  uint64_t stray_bytes = 0;
};

Result<Read> ReadTar(std::string_view archive) {
  StringSource source(archive);
  TarReader reader(&source, [](bool is_group, std::string_view name) {
    return name == "known" ? std::optional<uint32_t>(is_group ? 71 : 70)
                           : std::nullopt;
  });
  Read read;
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, reader.Next());
    if (!entry) break;
    read.entries.push_back(*std::move(entry));
    std::string& contents = read.contents.emplace_back();
    read.losses.insert(read.losses.end(), reader.losses().begin(),
                       reader.losses().end());
    std::string buffer(300, '\0');
    while (true) {
      contents.append(reader.SkipHole(), '\0');
      DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, reader.ReadData(buffer));
      if (n == 0) break;
      contents.append(buffer, 0, n);
    }
  }
  read.stray_bytes = reader.stray_bytes();
  return read;
}

TarEntry ReadOne(std::string_view archive) {
  const Result<Read> read = ReadTar(archive);
  EXPECT_TRUE(read) << read.error();
  EXPECT_TRUE(read && read->entries.size() == 1);
  return read && !read->entries.empty() ? read->entries[0] : TarEntry();
}

std::string File(const std::string& name) {
  return RawTarHeader({{0, name}, {156, "0"}});
}

TEST(TarDialectsTest, WhatFollowsTheEndIsReadToo) {
  const std::string one = File("one") + kRawTarEnd;
  const std::string two = File("two") + kRawTarEnd;
  for (const std::string& archive :
       {one + two, one + std::string(20 * 512, '\0') + two,
        File("one") + std::string(512, '\0') + two, one + two + "\0\0"s}) {
    const auto read = ReadTar(archive);
    ASSERT_TRUE(read) << read.error();
    ASSERT_EQ(read->entries.size(), 2u);
    EXPECT_EQ(read->entries[1].path, "two");
    EXPECT_EQ(read->stray_bytes, 0u);
  }
  const auto stray = ReadTar(one + "no archive");
  ASSERT_TRUE(stray) << stray.error();
  EXPECT_EQ(stray->entries.size(), 1u);
  EXPECT_EQ(stray->stray_bytes, 10u);
  // The second one is truncated.
  EXPECT_FALSE(ReadTar(one + File("two")));
  EXPECT_FALSE(ReadTar(one + File("two") + std::string(100, '\0')));
}

TEST(TarDialectsTest, GlobalRecordsEndWithTheirArchive) {
  const std::string global =
      RawTarHeader({{0, "g"}, {124, RawTarOctal(13)}, {156, "g"}}) +
      RawTarPadded("13 gname=abc\n");
  const auto read =
      ReadTar(global + File("one") + kRawTarEnd + File("two") + kRawTarEnd);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->entries.size(), 2u);
  EXPECT_EQ(read->entries[0].group, "abc");
  EXPECT_EQ(read->entries[1].group, "");
  // As `git archive` writes one of nothing.
  const auto empty = ReadTar(global + kRawTarEnd);
  ASSERT_TRUE(empty) << empty.error();
  EXPECT_TRUE(empty->entries.empty());
}

TEST(TarDialectsTest, LabelsAndListsOfFoldersAreNoMembers) {
  const auto read =
      ReadTar(RawTarHeader({{0, "backup"}, {156, "V"}}) +
              RawTarHeader({{0, "dir/"}, {124, RawTarOctal(9)}, {156, "D"}}) +
              RawTarPadded("Yfile\0\0"s) + File("dir/file") + kRawTarEnd);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->entries.size(), 2u);
  EXPECT_EQ(read->entries[0].type, TarType::kDirectory);
  EXPECT_EQ(read->entries[0].size, 0u);
  EXPECT_EQ(read->contents[0], "");
  EXPECT_EQ(read->entries[1].path, "dir/file");
}

TEST(TarDialectsTest, LabelsOfSelinuxAreKeptInAnyForm) {
  const std::string label = "system_u:object_r:etc_t:s0";
  const std::string as_linux_has_it = label + '\0';
  for (const auto& record : std::vector<std::pair<std::string, std::string>>{
           {"RHT.security.selinux", label},
           {"RHT.security.selinux", as_linux_has_it},
           {"SCHILY.xattr.security.selinux", as_linux_has_it},
           {"LIBARCHIVE.xattr.security.selinux",
            "c3lzdGVtX3U6b2JqZWN0X3I6ZXRjX3Q6czAA"}}) {
    const TarEntry entry = ReadOne(RawTarWithRecords({record}));
    ASSERT_TRUE(entry.xattrs.contains("security.selinux")) << record.first;
    EXPECT_EQ(entry.xattrs.at("security.selinux"), as_linux_has_it);
  }
  // The attribute's own bytes win.
  EXPECT_EQ(
      ReadOne(RawTarWithRecords({{"RHT.security.selinux", "other"},
                                 {"SCHILY.xattr.security.selinux", label}}))
          .xattrs.at("security.selinux"),
      label);
}

TEST(TarDialectsTest, AttributesOfLibarchive) {
  const TarEntry entry =
      ReadOne(RawTarWithRecords({{"LIBARCHIVE.xattr.user.a%20b%3D", "AP/+"},
                                 {"LIBARCHIVE.xattr.user.padded", "eHk="}}));
  EXPECT_EQ(entry.xattrs.at("user.a b="), "\0\xff\xfe"s);
  EXPECT_EQ(entry.xattrs.at("user.padded"), "xy");
  const auto read =
      ReadTar(RawTarWithRecords({{"LIBARCHIVE.xattr.user.bad", "!"}}));
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(read->entries[0].xattrs.empty());
  EXPECT_EQ(read->losses.size(), 1u);
}

// As the kernel gives it for this list: version 2, then tag, permissions, id.
const std::string kAcl =
    "\2\0\0\0"
    "\1\0\7\0\xff\xff\xff\xff"
    "\2\0\6\0\5\0\0\0"
    "\4\0\5\0\xff\xff\xff\xff"
    "\10\0\4\0\xe8\3\0\0"
    "\20\0\7\0\xff\xff\xff\xff"
    "\40\0\0\0\xff\xff\xff\xff"s;

TEST(TarDialectsTest, AccessListsBecomeAttributes) {
  for (const std::string list :
       {"user::rwx,user:5:rw-,group::r-x,group:1000:r--,mask::rwx,other::---",
        "u::rwx,g:1000:r,other:-,u:lp:rw-:5,mask:rwx,g::rx",
        "default:user::rwx\ndefault:user:5:rw-\t#effective:r--\n"
        "default:group::r-x\ndefault:group:1000:r--\n"
        "default:mask::rwx\ndefault:other::---\n",
        // Without a mask it is the union of what it bounds.
        "user::rwx,user:5:rw-,group::r-x,group:1000:r--,other::---"}) {
    const TarEntry entry = ReadOne(RawTarWithRecords(
        {{"SCHILY.acl.access", list}, {"SCHILY.acl.default", list}}));
    ASSERT_EQ(entry.xattrs.size(), 2u) << list;
    EXPECT_EQ(entry.xattrs.at("system.posix_acl_access"), kAcl) << list;
    EXPECT_EQ(entry.xattrs.at("system.posix_acl_default"), kAcl) << list;
  }
  // The mode says as much.
  EXPECT_TRUE(ReadOne(RawTarWithRecords({{"SCHILY.acl.access",
                                          "user::rw-,group::r--,other::---"}}))
                  .xattrs.empty());
}

TEST(TarDialectsTest, NamesInAccessListsAreLookedUp) {
  const std::string list = "user::rwx,user:NAME:rw-,group::r-x,other::---";
  const auto with = [&list](const std::string& name) {
    std::string text = list;
    return text.replace(text.find("NAME"), 4, name);
  };
  // Asked for; and learned from the member itself.
  const TarEntry known =
      ReadOne(RawTarWithRecords({{"SCHILY.acl.access", with("known")}}));
  EXPECT_EQ(known.xattrs.at("system.posix_acl_access").substr(16, 4),
            "F\0\0\0"s);
  const TarEntry own = ReadOne(RawTarWithRecords(
      {{"SCHILY.acl.access", with("me")}, {"uname", "me"}, {"uid", "9"}}));
  EXPECT_EQ(own.xattrs.at("system.posix_acl_access").substr(16, 4),
            "\x9\0\0\0"s);
  const auto unknown =
      ReadTar(RawTarWithRecords({{"SCHILY.acl.access", with("nobody.knows")}}));
  ASSERT_TRUE(unknown) << unknown.error();
  EXPECT_TRUE(unknown->entries[0].xattrs.empty());
  ASSERT_EQ(unknown->losses.size(), 1u);
  EXPECT_NE(unknown->losses[0].find("nobody.knows"), std::string::npos);
}

TEST(TarDialectsTest, WhatCannotBeKeptIsTold) {
  for (const auto& record : std::vector<std::pair<std::string, std::string>>{
           {"SCHILY.acl.ace", "owner@:rwx::allow"},
           {"SCHILY.fflags", "uappnd"},
           {"SCHILY.acl.access", "user::rwx"},
           {"SCHILY.acl.access", "nonsense"}}) {
    const auto read = ReadTar(RawTarWithRecords({record}));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->losses.size(), 1u) << record.second;
  }
}

struct SparseCase {
  const char* name;
  std::string archive;
};

// The file "f" of 5000 bytes: "ab" at 1000, "c" at 3000.
std::string SparseContents() {
  std::string contents(5000, '\0');
  return contents.replace(1000, 2, "ab").replace(3000, 1, "c");
}

std::vector<SparseCase> SparseCases() {
  const std::string old_gnu = RawTarHeader({{0, "f"},
                                            {124, RawTarOctal(3)},
                                            {156, "S"},
                                            {257, "ustar  "},
                                            {386, RawTarOctal(1000)},
                                            {398, RawTarOctal(2)},
                                            {410, RawTarOctal(3000)},
                                            {422, RawTarOctal(1)},
                                            {434, RawTarOctal(5000)},
                                            {446, RawTarOctal(0)},
                                            {483, RawTarOctal(5000)}}) +
                              RawTarPadded("abc") + kRawTarEnd;
  const std::string map = RawTarPadded("3\n1000\n2\n3000\n1\n5000\n0\n");
  return {
      {"OldGnu", old_gnu},
      {"Pax00", RawTarWithRecords({{"GNU.sparse.size", "5000"},
                                   {"GNU.sparse.numblocks", "3"},
                                   {"GNU.sparse.offset", "1000"},
                                   {"GNU.sparse.numbytes", "2"},
                                   {"GNU.sparse.offset", "3000"},
                                   {"GNU.sparse.numbytes", "1"},
                                   {"GNU.sparse.offset", "5000"},
                                   {"GNU.sparse.numbytes", "0"}},
                                  "abc")},
      {"Pax01", RawTarWithRecords({{"GNU.sparse.size", "5000"},
                                   {"GNU.sparse.numblocks", "3"},
                                   {"GNU.sparse.name", "f"},
                                   {"GNU.sparse.map", "1000,2,3000,1,5000,0"},
                                   {"path", "GNUSparseFile.0/f"}},
                                  "abc")},
      {"Pax10", RawTarWithRecords({{"GNU.sparse.major", "1"},
                                   {"GNU.sparse.minor", "0"},
                                   {"GNU.sparse.name", "f"},
                                   {"GNU.sparse.realsize", "5000"}},
                                  map + "abc")},
  };
}

TEST(TarDialectsTest, SparseFilesHaveHoles) {
  for (const SparseCase& sparse : SparseCases()) {
    const auto read = ReadTar(sparse.archive);
    ASSERT_TRUE(read) << sparse.name << ": " << read.error();
    ASSERT_EQ(read->entries.size(), 1u) << sparse.name;
    const TarEntry& entry = read->entries[0];
    EXPECT_EQ(entry.path, "f") << sparse.name;
    EXPECT_EQ(entry.size, 5000u) << sparse.name;
    const std::vector<TarRun> runs = {{1000, 2}, {3000, 1}};
    EXPECT_EQ(entry.runs, runs) << sparse.name;
    EXPECT_TRUE(read->contents[0] == SparseContents()) << sparse.name;
  }
}

TEST(TarDialectsTest, HolesAreZerosToWhoDoesNotAskForThem) {
  for (const SparseCase& sparse : SparseCases()) {
    StringSource source(sparse.archive);
    TarReader reader(&source);
    ASSERT_TRUE(*reader.Next());
    std::string contents(6000, '?');
    size_t filled = 0;
    while (true) {
      const auto n = reader.ReadData(std::span(contents).subspan(filled));
      ASSERT_TRUE(n) << n.error();
      if (*n == 0) break;
      filled += *n;
    }
    contents.resize(filled);
    EXPECT_TRUE(contents == SparseContents()) << sparse.name;
  }
}

TEST(TarDialectsTest, MapsOfManyRunsGoOnInFurtherBlocks) {
  std::vector<std::pair<size_t, std::string>> fields = {
      {0, "f"},
      {124, RawTarOctal(30)},
      {156, "S"},
      {482, "\1"},
      {483, RawTarOctal(30'000)}};
  std::string block(512, '\0');
  std::string more(512, '\0');
  for (size_t i = 0; i < 30; ++i) {
    const std::string pair =
        RawTarOctal(i * 1000) + '\0' + RawTarOctal(1) + '\0';
    if (i < 4) {
      fields.emplace_back(386 + 24 * i, pair);
    } else if (i < 25) {
      block.replace(24 * (i - 4), pair.size(), pair);
    } else {
      more.replace(24 * (i - 25), pair.size(), pair);
    }
  }
  block[504] = '\1';
  const auto read =
      ReadTar(RawTarHeader(fields) + block + more +
              RawTarPadded(std::string(30, 'x')) + File("next") + kRawTarEnd);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->entries.size(), 2u);
  EXPECT_EQ(read->entries[0].runs->size(), 30u);
  EXPECT_EQ(read->contents[0].size(), 30'000u);
  EXPECT_EQ(read->contents[0][29'000], 'x');
}

TEST(TarDialectsTest, RefusesMapsThatMakeNoSense) {
  const auto with_map = [](const std::string& size, const std::string& map) {
    return ReadTar(RawTarWithRecords(
        {{"GNU.sparse.size", size}, {"GNU.sparse.map", map}}, "abc"));
  };
  ASSERT_TRUE(with_map("5000", "0,3"));
  for (const auto& [size, map] :
       std::vector<std::pair<std::string, std::string>>{
           {"5000", "0,2"},
           {"5000", "0,4"},
           {"5000", "1000,2,500,1"},
           {"5000", "1000,2,1001,1"},
           {"5000", "4999,3"},
           {"5000", "0"},
           {"5000", "0,x"},
           {"5000", "18446744073709551615,3"},
           {"18446744073709551615", "0,3"},
           {"2", "0,3"}}) {
    const auto read = with_map(size, map);
    ASSERT_FALSE(read) << size << " " << map;
    EXPECT_EQ(read.error().code(), ErrorCode::kDataLoss);
  }
  for (const std::string& map :
       {"3\n0\n3\n"s, "99999999999\n"s, "1\n0\n"s, std::string(600, '1') + "\n",
        "1\n-1\n3\n"s, ""s}) {
    const auto read = ReadTar(RawTarWithRecords(
        {{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "5000"}},
        RawTarPadded(map) + "abc"));
    EXPECT_FALSE(read) << map;
  }
}

TEST(TarDialectsTest, NamesThatAreNoTextSaySo) {
  for (const auto& [name, is_text] :
       {std::pair("plain"s, true), std::pair("\xc3\xa9t\xc3\xa9"s, true),
        std::pair("\xf0\x9f\x90\xa7"s, true), std::pair("caf\xe9"s, false),
        std::pair("\xc0\xaf"s, false), std::pair("\xed\xa0\x80"s, false),
        std::pair("\xf4\x90\x80\x80"s, false), std::pair("\xc3"s, false)}) {
    std::string archive;
    StringSink sink(&archive);
    TarWriter writer(&sink);
    TarEntry entry;
    entry.path = name;
    ASSERT_TRUE(writer.WriteEntry(entry));
    ASSERT_TRUE(writer.Finish());
    EXPECT_EQ(archive.contains("hdrcharset=BINARY"), !is_text) << name;
    EXPECT_EQ(ReadOne(archive).path, name);
  }
}

TEST(TarDialectsTest, WritesHolesAsItReadsThem) {
  std::string archive;
  StringSink sink(&archive);
  TarWriter writer(&sink);
  TarEntry sparse;
  sparse.path = "folder/" + std::string(120, 's');
  sparse.mode = 0600;
  sparse.size = uint64_t{1} << 50;
  sparse.runs = {{.offset = 4096, .length = 3},
                 {.offset = 1 << 30, .length = 2}};
  ASSERT_TRUE(writer.WriteEntry(sparse));
  ASSERT_TRUE(writer.WriteData("abcde"));
  TarEntry hole = sparse;
  hole.path = "hole";
  hole.runs = std::vector<TarRun>();
  ASSERT_TRUE(writer.WriteEntry(hole));
  ASSERT_TRUE(writer.Finish());
  EXPECT_LT(archive.size(), 8192u);

  StringSource source(archive);
  TarReader reader(&source);
  EXPECT_EQ(reader.Next().value(), sparse);
  std::string data(5, '\0');
  EXPECT_EQ(reader.SkipHole(), 4096u);
  EXPECT_EQ(reader.SkipHole(), 0u);
  EXPECT_EQ(reader.ReadData(data).value_or(0), 3u);
  EXPECT_EQ(data.substr(0, 3), "abc");
  EXPECT_EQ(reader.SkipHole(), (1u << 30) - 4099);
  EXPECT_EQ(reader.ReadData(data).value_or(0), 2u);
  EXPECT_EQ(reader.SkipHole(), (uint64_t{1} << 50) - (1 << 30) - 2);
  EXPECT_EQ(reader.ReadData(data).value_or(9), 0u);
  EXPECT_EQ(reader.Next().value(), hole);
  EXPECT_EQ(reader.SkipHole(), uint64_t{1} << 50);
  EXPECT_EQ(reader.Next().value(), std::nullopt);

  TarWriter other(&sink);
  hole.runs = {{.offset = 5, .length = 3}, {.offset = 7, .length = 1}};
  EXPECT_FALSE(other.WriteEntry(hole));
}

}  // namespace
}  // namespace driveroot
