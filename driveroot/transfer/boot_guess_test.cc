// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/boot_guess.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "driveroot/transfer/elf_needs.h"
#include "driveroot/transfer/tree.h"

namespace driveroot {
namespace {

template <typename T>
void Append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// A program of nothing but its needs: headers, then the texts, the table of the
// dynamic linker, and a note about what may be loaded later.
std::string Program(const std::string& interpreter,
                    const std::vector<std::string>& needed,
                    const std::string& dlopen_json = "[]") {
  std::string texts(1, '\0');
  std::vector<Elf64_Dyn> dynamic;
  for (const std::string& name : needed) {
    dynamic.push_back({DT_NEEDED, {texts.size()}});
    texts += name + '\0';
  }
  std::string note;
  const std::string json =
      dlopen_json + std::string(4 - dlopen_json.size() % 4, '\0');
  Append(note, Elf64_Nhdr{4, static_cast<uint32_t>(json.size()), 0x407c0c0a});
  note += std::string("FDO\0", 4) + json;

  const uint64_t texts_at = sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Phdr);
  const uint64_t interpreter_at = texts_at + texts.size();
  const uint64_t dynamic_at = interpreter_at + interpreter.size() + 1;
  constexpr uint64_t kAddress = 0x1000;
  dynamic.push_back({DT_STRTAB, {kAddress}});
  dynamic.push_back({DT_NULL, {0}});
  const uint64_t dynamic_size = dynamic.size() * sizeof(Elf64_Dyn);

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 4;
  std::string bytes;
  Append(bytes, header);
  const auto segment = [&](uint32_t type, uint64_t at, uint64_t size,
                           uint64_t address) {
    Elf64_Phdr part = {};
    part.p_type = type;
    part.p_offset = at;
    part.p_filesz = size;
    part.p_vaddr = address;
    Append(bytes, part);
  };
  segment(PT_LOAD, texts_at, texts.size(), kAddress);
  segment(PT_INTERP, interpreter_at, interpreter.size() + 1, 0);
  segment(PT_DYNAMIC, dynamic_at, dynamic_size, 0);
  segment(PT_NOTE, dynamic_at + dynamic_size, note.size(), 0);
  bytes += texts + interpreter + '\0';
  for (const Elf64_Dyn& item : dynamic) Append(bytes, item);
  return bytes + note;
}

TEST(ElfNeedsTest, NamesInterpreterAndLibraries) {
  const ElfNeeds needs = ReadElfNeeds(
      Program("/lib/ld.so", {"liba.so.1", "libb.so"},
              R"([{"feature":"x","soname":["libc.so.3","libd.so"]}])"));
  EXPECT_EQ(needs.interpreter, "/lib/ld.so");
  EXPECT_EQ(needs.libraries,
            (std::vector<std::string>{"liba.so.1", "libb.so", "libc.so.3",
                                      "libd.so"}));
}

TEST(ElfNeedsTest, DamagedFilesNeedLessAndBreakNothing) {
  const std::string whole =
      Program("/lib/ld.so", {"liba.so.1"}, R"([{"x":1}])");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_LE(ReadElfNeeds(whole.substr(0, size)).libraries.size(), 1u);
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int value : {0x00, 0x7f, 0xff}) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(value);
      (void)ReadElfNeeds(bytes);
    }
  }
  EXPECT_TRUE(ReadElfNeeds("#!/bin/sh\n").libraries.empty());
}

class BootGuessTest : public testing::Test {
 protected:
  void File(const std::string& path, const std::string& bytes = "text") {
    guess_.AddFile(path, files_[path] = bytes);
  }
  void Link(const std::string& path, const std::string& target) {
    guess_.AddSymlink(path, target);
  }

  std::map<std::string, std::string> files_;
  BootGuess guess_;
};

TEST_F(BootGuessTest, FollowsUnitsProgramsAndLibraries) {
  Link("sbin", "usr/sbin");
  Link("lib", "usr/lib");
  Link("usr/sbin/init", "../lib/systemd/systemd");
  File("usr/lib/systemd/systemd", Program("/lib/ld.so", {"libcore.so.1"}));
  File("usr/lib/ld.so", Program("", {}));
  Link("usr/lib/libcore.so.1", "libcore.so.1.2");
  File("usr/lib/libcore.so.1.2", Program("", {"libdeep.so"}));
  File("usr/lib/libdeep.so", Program("", {}));
  File("usr/lib/libother.so", Program("", {}));
  Link("etc/systemd/system/default.target",
       "/lib/systemd/system/graphical.target");
  File("usr/lib/systemd/system/graphical.target",
       "[Unit]\nRequires=multi-user.target\n");
  File("usr/lib/systemd/system/multi-user.target", "[Unit]\n");
  Link("etc/systemd/system/multi-user.target.wants/net.service", "anywhere");
  File("usr/lib/systemd/system/net.service",
       "[Service]\nExecStart=-!!/usr/sbin/netd --now\nExecStop=/bin/rm\n");
  File("usr/sbin/netd", Program("", {}));
  File("bin/rm", Program("", {}));
  File("usr/lib/systemd/system/rare.service",
       "[Unit]\nConditionSecurity=tpm2\n[Service]\nExecStart=/bin/tpm\n");
  Link("usr/lib/systemd/system/sysinit.target.wants/rare.service", "x");
  File("usr/lib/systemd/system/sysinit.target", "[Unit]\n");
  File("bin/tpm", Program("", {}));
  File("usr/lib/systemd/system/getty@.service",
       "[Service]\nExecStart=-/sbin/agetty - $TERM\n");
  File("usr/sbin/agetty", Program("", {}));
  File("etc/nsswitch.conf", "passwd: files fancy\n");
  File("usr/lib/libnss_fancy.so.2", Program("", {}));
  File("etc/pam.d/login", "auth required pam_unix.so nullok\n");
  File("usr/lib/security/pam_unix.so", Program("", {}));
  File("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
  File("bin/bash", Program("", {}));
  File("bin/unused", Program("", {}));

  const std::vector<std::string> files = guess_.Files();
  const std::vector<std::string> first(files.begin(), files.begin() + 4);
  EXPECT_EQ(first, (std::vector<std::string>{
                       "usr/lib/systemd/systemd", "usr/lib/ld.so",
                       "usr/lib/libcore.so.1.2", "usr/lib/libdeep.so"}));
  for (const char* path :
       {"usr/sbin/netd", "usr/sbin/agetty", "usr/lib/libnss_fancy.so.2",
        "usr/lib/security/pam_unix.so", "bin/bash", "etc/passwd",
        "usr/lib/systemd/system/multi-user.target"}) {
    EXPECT_EQ(std::ranges::count(files, path), 1) << path;
  }
  for (const char* path :
       {"bin/rm", "bin/tpm", "bin/unused", "usr/lib/libother.so"}) {
    EXPECT_EQ(std::ranges::count(files, path), 0) << path;
  }
}

TEST_F(BootGuessTest, LinksThatLeadNowhereAreLeftOut) {
  Link("sbin/init", "/init");
  Link("init", "init");
  File("etc/passwd");
  EXPECT_TRUE(guess_.Files().empty());
}

TEST_F(BootGuessTest, ATreeOfDataHasNoBoot) {
  File("bin/tool", Program("", {}));
  File("etc/passwd", "root:x:0:0:root:/root:/bin/tool\n");
  EXPECT_TRUE(guess_.Files().empty());
}

// What a machine really read of it is among the files.
TEST_F(BootGuessTest, FindsWhatDebianReads) {
  const auto source = OpenTreeSource("rootfs/debian.tar");
  ASSERT_TRUE(source) << source.error();
  uint64_t all = 0;
  while (true) {
    const auto entry = (*source)->Next();
    ASSERT_TRUE(entry) << entry.error();
    if (!*entry) break;
    const TarEntry& file = **entry;
    all += file.size;
    if (file.type == TarType::kSymlink) Link(file.path, file.link_target);
    if (file.type != TarType::kFile ||
        !BootGuess::MayBeRead(file.path, file.size)) {
      continue;
    }
    std::string bytes(file.size, '\0');
    for (size_t at = 0; at < bytes.size();) {
      const auto count = (*source)->ReadData(std::span(bytes).subspan(at));
      ASSERT_TRUE(count && *count > 0);
      at += *count;
    }
    File(file.path, bytes);
  }
  const std::vector<std::string> files = guess_.Files();
  uint64_t chosen = 0;
  for (const std::string& path : files) chosen += files_.at(path).size();
  EXPECT_LT(chosen, all / 2);
  const std::string libraries = "usr/lib/x86_64-linux-gnu/";
  for (const std::string& path :
       {std::string("usr/lib/systemd/systemd-executor"),
        std::string("usr/lib/systemd/systemd-journald"),
        std::string("usr/lib/systemd/systemd-networkd"),
        std::string("usr/lib/systemd/systemd-logind"),
        std::string("usr/bin/udevadm"), std::string("usr/bin/systemd-tmpfiles"),
        std::string("usr/bin/dbus-daemon"), std::string("usr/bin/kmod"),
        std::string("usr/sbin/agetty"), std::string("usr/bin/login"),
        std::string("usr/bin/bash"), libraries + "libc.so.6",
        libraries + "systemd/libsystemd-shared-257.so",
        libraries + "libcrypto.so.3", libraries + "libkmod.so.2.5.1",
        libraries + "security/pam_systemd.so"}) {
    EXPECT_EQ(std::ranges::count(files, path), 1) << path;
  }
  for (const char* path : {"usr/bin/apt", "usr/bin/dpkg", "usr/bin/find"}) {
    EXPECT_EQ(std::ranges::count(files, path), 0) << path;
  }
}

}  // namespace
}  // namespace driveroot
