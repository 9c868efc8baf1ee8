// SPDX-License-Identifier: Apache-2.0
#include "driveroot/base/tar/tar.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/tar/byte_stream.h"
#include "driveroot/base/tar/raw_tar.h"

namespace driveroot {
namespace {

using namespace std::string_literals;

struct Member {
  TarEntry entry;
  std::string data;
};

std::string WriteTar(const std::vector<Member>& members) {
  std::string archive;
  StringSink sink(&archive);
  TarWriter writer(&sink);
  for (const Member& member : members) {
    EXPECT_TRUE(writer.WriteEntry(member.entry));
    EXPECT_TRUE(writer.WriteData(member.data));
  }
  EXPECT_TRUE(writer.Finish());
  return archive;
}

Result<std::vector<Member>> ReadTar(std::string_view archive) {
  StringSource source(archive);
  TarReader reader(&source);
  std::vector<Member> members;
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, reader.Next());
    if (!entry) return members;
    std::string data(entry->size, '\0');
    size_t filled = 0;
    while (filled < data.size()) {
      DRIVEROOT_ASSIGN_OR_RETURN(
          const size_t n, reader.ReadData(std::span(data).subspan(filled)));
      filled += n;
    }
    members.push_back({*std::move(entry), std::move(data)});
  }
}

ErrorCode ReadError(std::string_view archive) {
  const auto members = ReadTar(archive);
  EXPECT_FALSE(members.has_value());
  return members ? ErrorCode::kInternal : members.error().code();
}

TarEntry Entry(std::string path, TarType type) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.mode = 0644;
  return entry;
}

TEST(TarTest, KeepsEveryKindOfEntry) {
  std::vector<Member> members;
  members.push_back({Entry(".", TarType::kDirectory), ""});
  TarEntry file = Entry("usr/bin/su", TarType::kFile);
  file.mode = 04755;
  file.uid = 1000;
  file.gid = 4'000'000'000;
  file.user = "somebody";
  file.group = "a group with a name that is longer than a header's field";
  file.size = 600;
  file.modified = {1'700'000'000, 123'456'789};
  file.accessed = TarTime{5, 0};
  file.changed = TarTime{-3, 250'000'000};
  file.xattrs = {{"user.a=b%c", "value\nwith = and \0 bytes"s},
                 {"user.empty", ""},
                 {"security.capability", std::string(20, '\x01')}};
  members.push_back({file, std::string(600, 'x')});
  TarEntry hard_link = Entry("usr/bin/other", TarType::kHardLink);
  hard_link.link_target = "usr/bin/su";
  members.push_back({hard_link, ""});
  TarEntry symlink = Entry("usr/lib64", TarType::kSymlink);
  symlink.link_target = "../" + std::string(300, 'l') + "//./x/";
  members.push_back({symlink, ""});
  TarEntry device = Entry("dev/console", TarType::kCharDevice);
  device.device_major = 5;
  device.device_minor = 1;
  members.push_back({device, ""});
  device.path = "dev/sda";
  device.type = TarType::kBlockDevice;
  device.device_major = 2'000'000;
  members.push_back({device, ""});
  members.push_back({Entry("run/pipe", TarType::kFifo), ""});
  members.push_back(
      {Entry("s\xc3\xa4/" + std::string(200, 'n'), TarType::kDirectory), ""});
  members.push_back({Entry("before", TarType::kFile), ""});
  members.back().entry.modified = {-7'000'000'000, 1};

  const auto read = ReadTar(WriteTar(members));
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ((*read)[i].entry, members[i].entry) << members[i].entry.path;
    EXPECT_EQ((*read)[i].data, members[i].data) << members[i].entry.path;
  }
}

TEST(TarTest, PlainEntriesNeedNoPaxHeader) {
  TarEntry file = Entry("a", TarType::kFile);
  file.modified = {1, 0};
  EXPECT_EQ(WriteTar({{file, ""}}).size(), 512U + 1024U);
  file.modified = {1, 1};
  EXPECT_EQ(WriteTar({{file, ""}}).size(), 3 * 512U + 1024U);
}

TEST(TarTest, SizesAboveEightGibibytesTravelInARecord) {
  TarEntry file = Entry("big", TarType::kFile);
  file.size = uint64_t{1} << 40;
  std::string archive;
  StringSink sink(&archive);
  TarWriter writer(&sink);
  ASSERT_TRUE(writer.WriteEntry(file));
  EXPECT_FALSE(writer.Finish());
  StringSource source(archive);
  TarReader reader(&source);
  const auto entry = reader.Next();
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->size, uint64_t{1} << 40);
  // The contents are not there.
  EXPECT_FALSE(reader.Next());
}

TEST(TarTest, NextSkipsUnreadContents) {
  TarEntry file = Entry("a", TarType::kFile);
  file.size = 100'000;
  const std::string archive = WriteTar(
      {{file, std::string(100'000, 'x')}, {Entry("b", TarType::kFile), ""}});
  StringSource source(archive);
  TarReader reader(&source);
  ASSERT_TRUE(reader.Next());
  const auto second = reader.Next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->path, "b");
  const auto end = reader.Next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST(TarTest, ReadsGnuLongNamesAndBase256Numbers) {
  const std::string long_name = "d/" + std::string(200, 'n');
  const std::string long_link = std::string(150, 'l');
  std::string big_uid("\x80\0\0\0\x7f\xff\xff\xff", 8);
  std::string before_1970(12, '\xff');
  const std::string archive = RawTarHeader({{0, "././@LongLink"},
                                            {124, "00000000313"},
                                            {156, "L"},
                                            {257, "ustar  "}}) +
                              RawTarPadded(long_name + '\0') +
                              RawTarHeader({{0, "././@LongLink"},
                                            {124, "00000000227"},
                                            {156, "K"},
                                            {257, "ustar  "}}) +
                              RawTarPadded(long_link + '\0') +
                              RawTarHeader({{0, long_name.substr(0, 100)},
                                            {100, "0000777"},
                                            {108, big_uid},
                                            {116, "0000001"},
                                            {124, "00000000000"},
                                            {136, before_1970},
                                            {156, "2"},
                                            {157, "llll"},
                                            {257, "ustar  "},
                                            {265, "root"},
                                            {345, "14000000000"}}) +
                              kRawTarEnd;
  const auto members = ReadTar(archive);
  ASSERT_TRUE(members) << members.error();
  ASSERT_EQ(members->size(), 1U);
  const TarEntry& entry = members->front().entry;
  EXPECT_EQ(entry.path, long_name);
  EXPECT_EQ(entry.link_target, long_link);
  EXPECT_EQ(entry.uid, 0x7fffffffU);
  EXPECT_EQ(entry.modified, (TarTime{-1, 0}));
  EXPECT_EQ(entry.user, "root");
}

TEST(TarTest, ReadsUstarPrefixesAndOldDirectories) {
  const std::string archive = RawTarHeader({{0, "name"},
                                            {124, "0"},
                                            {156, "0"},
                                            {257, "ustar\0"s + "00"},
                                            {345, "some/prefix"}}) +
                              RawTarHeader({{0, "./old/"}, {124, "0"}}) +
                              kRawTarEnd;
  const auto members = ReadTar(archive);
  ASSERT_TRUE(members) << members.error();
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ((*members)[0].entry.path, "some/prefix/name");
  EXPECT_EQ((*members)[1].entry.path, "old");
  EXPECT_EQ((*members)[1].entry.type, TarType::kDirectory);
}

TEST(TarTest, GlobalRecordsHoldForAllThatFollows) {
  const std::string record = "13 gname=abc\n";
  const std::string file = RawTarHeader({{0, "f"}, {156, "0"}, {257, "ustar"}});
  const auto members = ReadTar(
      RawTarHeader(
          {{0, "g"}, {124, "00000000015"}, {156, "g"}, {257, "ustar"}}) +
      RawTarPadded(record) + file + file + kRawTarEnd);
  ASSERT_TRUE(members) << members.error();
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ((*members)[1].entry.group, "abc");
}

TEST(TarTest, RefusesPathsThatLeadOut) {
  for (const std::string name : {"../x", "a/../../x", "..", "a/.."}) {
    EXPECT_EQ(ReadError(RawTarHeader({{0, name}, {156, "0"}}) + kRawTarEnd),
              ErrorCode::kDataLoss)
        << name;
  }
  const auto absolute =
      ReadTar(RawTarHeader({{0, "/etc//./x"}, {156, "0"}}) + kRawTarEnd);
  ASSERT_TRUE(absolute);
  EXPECT_EQ(absolute->front().entry.path, "etc/x");
}

TEST(TarTest, RefusesTruncatedArchivesAtEveryLength) {
  TarEntry file = Entry(std::string(120, 'p'), TarType::kFile);
  file.size = 700;
  const std::string archive = WriteTar({{file, std::string(700, 'x')}});
  // One zero block is an end marker, as some programs write it.
  for (size_t length = 0; length < archive.size() - 512; ++length) {
    ASSERT_EQ(ReadError(archive.substr(0, length)), ErrorCode::kDataLoss)
        << length;
  }
  EXPECT_TRUE(ReadTar(archive.substr(0, archive.size() - 512)));
}

TEST(TarTest, EveryFlippedByteOfAHeaderIsNoticed) {
  const std::string archive = WriteTar({{Entry("abc", TarType::kFile), ""}});
  for (size_t i = 0; i < 512; ++i) {
    std::string damaged = archive;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x15);
    const bool in_checksum_end = i == 155;  // The space behind the digits.
    EXPECT_EQ(ReadTar(damaged).has_value(), in_checksum_end) << i;
  }
}

TEST(TarTest, RefusesMalformedPaxRecords) {
  for (const std::string& records :
       {"5 a=b\n"s, "7 a=b\n"s, "6 a=b."s, "99999999999999999999999 a=b\n"s,
        "0 a=b\n"s, "6 abc\n"s, "5 =b\n"s, "x a=b\n"s, "-6 a=b\n"s,
        "17 mtime=1.x5\n"s, "13 uid=-1234\n"s, "20 uid=99999999999\n"s}) {
    char size[12];
    std::snprintf(size, sizeof size, "%011zo", records.size());
    EXPECT_EQ(ReadError(RawTarHeader({{0, "x"}, {124, size}, {156, "x"}}) +
                        RawTarPadded(records) +
                        RawTarHeader({{0, "f"}, {156, "0"}}) + kRawTarEnd),
              ErrorCode::kDataLoss)
        << records;
  }
}

TEST(TarTest, RefusesHugeExtensionsAndNumbers) {
  EXPECT_EQ(
      ReadError(RawTarHeader({{0, "x"}, {124, "77777777777"}, {156, "x"}}) +
                kRawTarEnd),
      ErrorCode::kDataLoss);
  const std::string huge = "\x80"s + std::string(11, '\xff');
  EXPECT_EQ(
      ReadError(RawTarHeader({{0, "f"}, {124, huge}, {156, "0"}}) + kRawTarEnd),
      ErrorCode::kDataLoss);
  const std::string negative(12, '\xff');
  EXPECT_EQ(ReadError(RawTarHeader({{0, "f"}, {124, negative}, {156, "0"}}) +
                      kRawTarEnd),
            ErrorCode::kDataLoss);
}

TEST(TarTest, SaysWhatItDoesNotSupport) {
  EXPECT_EQ(ReadError(RawTarHeader({{0, "f"}, {156, "M"}}) + kRawTarEnd),
            ErrorCode::kNotSupported);
  EXPECT_EQ(ReadError(RawTarHeader({{0, "f"}, {156, "?"}}) + kRawTarEnd),
            ErrorCode::kNotSupported);
  EXPECT_EQ(ReadError(RawTarWithRecords({{"GNU.volume.offset", "512"}})),
            ErrorCode::kNotSupported);
}

TEST(TarTest, WriterRefusesWhatBreaksTheContract) {
  std::string archive;
  StringSink sink(&archive);
  for (const std::string path : {"", "/a", "a/", "./a", "a/../b", "a//b"}) {
    TarWriter writer(&sink);
    EXPECT_FALSE(writer.WriteEntry(Entry(path, TarType::kFile))) << path;
  }
  TarWriter writer(&sink);
  EXPECT_FALSE(writer.WriteEntry(Entry("a", TarType::kSymlink)));
  TarEntry directory = Entry("a", TarType::kDirectory);
  directory.size = 1;
  EXPECT_FALSE(writer.WriteEntry(directory));
  TarEntry file = Entry("a", TarType::kFile);
  file.size = 2;
  ASSERT_TRUE(writer.WriteEntry(file));
  EXPECT_FALSE(writer.WriteData("abc"));
  EXPECT_FALSE(writer.WriteEntry(file));
}

}  // namespace
}  // namespace driveroot
