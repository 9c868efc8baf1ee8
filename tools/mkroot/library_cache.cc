// SPDX-License-Identifier: Apache-2.0
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "tools/mkroot/generators.h"
#include "tools/mkroot/string_table.h"
#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kTarget = "/etc/ld.so.cache";

// The file format: sysdeps/generic/dl-cache.h of glibc, `cache_file_new`.
constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr uint8_t kLittleEndian = 2;
constexpr size_t kHeaderSize = 48;
constexpr size_t kEntrySize = 24;
// FLAG_ELF_LIBC6 | FLAG_X8664_LIB64.
constexpr uint32_t kFlags = 0x0303;

// Searched besides those of ld.so.conf.
constexpr std::string_view kTrustedFolders[] = {"/lib", "/usr/lib"};

template <typename T>
std::optional<T> ReadAt(std::string_view bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Where the loaded address `address` lies in the file.
std::optional<uint64_t> FileOffset(const std::vector<Elf64_Phdr>& segments,
                                   uint64_t address) {
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address - segment.p_vaddr < segment.p_filesz) {
      return segment.p_offset + (address - segment.p_vaddr);
    }
  }
  return std::nullopt;
}

// The SONAME of an x86-64 shared object, "" if it has none; nullopt for any
// other file.
std::optional<std::string> SonameOf(std::string_view file) {
  const auto header = ReadAt<Elf64_Ehdr>(file, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_machine != EM_X86_64 || header->e_type != ET_DYN ||
      header->e_phentsize != sizeof(Elf64_Phdr)) {
    return std::nullopt;
  }
  std::vector<Elf64_Phdr> segments;
  for (uint64_t i = 0; i < header->e_phnum; ++i) {
    const auto segment =
        ReadAt<Elf64_Phdr>(file, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) return std::nullopt;
    segments.push_back(*segment);
  }
  const auto dynamic =
      std::ranges::find(segments, uint32_t{PT_DYNAMIC}, &Elf64_Phdr::p_type);
  if (dynamic == segments.end()) return std::nullopt;
  std::optional<uint64_t> name;
  std::optional<uint64_t> strings;
  for (uint64_t i = 0; i < dynamic->p_filesz; i += sizeof(Elf64_Dyn)) {
    const auto entry = ReadAt<Elf64_Dyn>(file, dynamic->p_offset + i);
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_SONAME) name = entry->d_un.d_val;
    if (entry->d_tag == DT_STRTAB) {
      strings = FileOffset(segments, entry->d_un.d_ptr);
    }
  }
  if (!name) return "";
  if (!strings || *name > file.size() || *strings + *name >= file.size()) {
    return std::nullopt;
  }
  const std::string_view text = file.substr(*strings + *name);
  return std::string(text.substr(0, text.find('\0')));
}

// How ldconfig orders sonames: numbers inside them count as numbers.
int CompareSonames(std::string_view left, std::string_view right) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto take_number = [&](std::string_view* text) {
    uint64_t number = 0;
    while (!text->empty() && is_digit(text->front())) {
      number = number * 10 + static_cast<uint64_t>(text->front() - '0');
      text->remove_prefix(1);
    }
    return number;
  };
  while (!left.empty() && !right.empty()) {
    const bool left_digit = is_digit(left.front());
    if (left_digit != is_digit(right.front())) return left_digit ? 1 : -1;
    if (left_digit) {
      const uint64_t left_number = take_number(&left);
      const uint64_t right_number = take_number(&right);
      if (left_number != right_number) {
        return left_number < right_number ? -1 : 1;
      }
      continue;
    }
    if (left.front() != right.front()) return left.front() - right.front();
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  return static_cast<int>(left.size()) - static_cast<int>(right.size());
}

// Adds the folders that the configuration file `path` names, and those of the
// files that it includes.
Status ReadConfiguration(const Tree& tree, const std::string& path,
                         std::vector<std::string>* folders) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, tree.ReadFile(path));
  for (const std::string& line : SplitLines(text)) {
    const std::vector<std::string> words =
        SplitWords(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    if (words[0] != "include") {
      folders->push_back(words[0]);
      continue;
    }
    constexpr std::string_view kAnyName = "*.conf";
    if (words.size() != 2 || !words[1].ends_with(kAnyName)) {
      return Fail(ErrorCode::kNotSupported,
                  path + ": only \"include FOLDER/*.conf\" is supported");
    }
    const std::string folder =
        words[1].substr(0, words[1].size() - kAnyName.size());
    for (const std::string& file : tree.List(folder)) {
      if (file.ends_with(".conf")) {
        DRIVEROOT_RETURN_IF_ERROR(ReadConfiguration(tree, file, folders));
      }
    }
  }
  return {};
}

// The sonames that lead to a library in the folder `path`.
Result<std::set<std::string>> SonamesIn(const std::string& path, Tree* tree) {
  std::set<std::string> sonames;
  for (const std::string& file : tree->List(path)) {
    const std::string name = file.substr(file.rfind('/') + 1);
    if (name == "glibc-hwcaps") {
      return Fail(ErrorCode::kNotSupported,
                  "/" + file +
                      ": libraries for special processors are not "
                      "supported in the cache");
    }
    if ((!name.starts_with("lib") && !name.starts_with("ld-")) ||
        name.find(".so") == std::string::npos) {
      continue;
    }
    const Node* node = tree->Resolve(file);
    if (node == nullptr || node->entry.type != TarType::kFile) continue;
    std::optional<std::string> soname = SonameOf(node->contents);
    if (!soname) continue;
    if (soname->empty()) soname = name;
    if (tree->Find(path + "/" + *soname) == nullptr) {
      tree->AddSymlink(path + "/" + *soname, name);
    }
    sonames.insert(*soname);
  }
  return sonames;
}

}  // namespace

Status GenerateLibraryCache(Tree* tree) {
  std::vector<std::string> folders;
  DRIVEROOT_RETURN_IF_ERROR(
      ReadConfiguration(*tree, "/etc/ld.so.conf", &folders));
  folders.insert(folders.end(), std::begin(kTrustedFolders),
                 std::end(kTrustedFolders));
  std::set<std::string> seen;
  std::vector<std::pair<std::string, std::string>> libraries;  // Soname, path.
  for (const std::string& folder : folders) {
    const Node* real = tree->Resolve(folder);
    if (real == nullptr || real->entry.type != TarType::kDirectory) continue;
    const std::string real_path = real->entry.path;
    if (!seen.insert(real_path).second) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::set<std::string> sonames,
                               SonamesIn(real_path, tree));
    for (const std::string& soname : sonames) {
      libraries.emplace_back(soname, folder + "/" + soname);
    }
  }
  // Of one soname in two folders, the folder that is searched first wins.
  std::ranges::stable_sort(libraries, [](const auto& left, const auto& right) {
    return CompareSonames(left.first, right.first) > 0;
  });
  StringTable strings;
  // Paths first: they end with the sonames, which then need no room.
  for (const auto& [soname, path] : libraries) strings.Add(path);
  const size_t strings_offset = kHeaderSize + kEntrySize * libraries.size();
  std::string cache(kMagic);
  AppendLittleEndian(libraries.size(), 4, &cache);
  AppendLittleEndian(strings.bytes().size(), 4, &cache);
  AppendLittleEndian(kLittleEndian, 4, &cache);  // One byte, padded.
  cache.resize(kHeaderSize);                     // No extensions.
  for (const auto& [soname, path] : libraries) {
    AppendLittleEndian(kFlags, 4, &cache);
    AppendLittleEndian(strings_offset + strings.Add(soname), 4, &cache);
    AppendLittleEndian(strings_offset + strings.Add(path), 4, &cache);
    AppendLittleEndian(0, 12, &cache);  // No oldest kernel, no capabilities.
  }
  tree->AddFile(kTarget, cache + strings.bytes());
  return {};
}

}  // namespace driveroot
