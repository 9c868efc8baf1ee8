// SPDX-License-Identifier: Apache-2.0
#include "driveroot/transfer/elf_needs.h"

#include <elf.h>

#include <bit>
#include <climits>
#include <cstdint>
#include <cstring>
#include <optional>

#include "rapidjson/document.h"

namespace driveroot {
namespace {

static_assert(std::endian::native == std::endian::little);

// systemd.io/ELF_DLOPEN_METADATA
constexpr uint32_t kDlopenNote = 0x407c0c0a;
constexpr std::string_view kDlopenOwner("FDO\0", 4);

// More are not taken seriously.
constexpr size_t kMaxHeaders = 256;

class ElfFile {
 public:
  explicit ElfFile(std::string_view bytes) : bytes_(bytes) {}

  ElfNeeds Read() {
    const auto header = At<Elf64_Ehdr>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_phentsize != sizeof(Elf64_Phdr) ||
        header->e_phnum > kMaxHeaders) {
      return {};
    }
    for (size_t i = 0; i < header->e_phnum; ++i) {
      const auto segment =
          At<Elf64_Phdr>(header->e_phoff + i * sizeof(Elf64_Phdr));
      if (!segment) return {};
      segments_.push_back(*segment);
    }
    for (const Elf64_Phdr& segment : segments_) {
      const std::string_view part = Part(segment.p_offset, segment.p_filesz);
      if (segment.p_type == PT_INTERP) needs_.interpreter = Text(part);
      if (segment.p_type == PT_DYNAMIC) ReadDynamic(part);
      if (segment.p_type == PT_NOTE) ReadNotes(part);
    }
    return std::move(needs_);
  }

 private:
  template <typename T>
  static std::optional<T> Get(std::string_view bytes, uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
      return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }
  template <typename T>
  std::optional<T> At(uint64_t offset) const {
    return Get<T>(bytes_, offset);
  }

  // Empty when it does not lie in the file.
  std::string_view Part(uint64_t offset, uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) return {};
    return bytes_.substr(offset, length);
  }

  // Up to a NUL, and no longer than a path may be.
  static std::string Text(std::string_view bytes) {
    bytes = bytes.substr(0, PATH_MAX);
    return std::string(bytes.substr(0, bytes.find('\0')));
  }

  std::optional<uint64_t> OffsetOf(uint64_t address) const {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
          address - segment.p_vaddr < segment.p_filesz) {
        return segment.p_offset + (address - segment.p_vaddr);
      }
    }
    return std::nullopt;
  }

  void ReadDynamic(std::string_view table) {
    std::vector<uint64_t> names;
    std::optional<uint64_t> strings;
    for (uint64_t at = 0; const auto item = Get<Elf64_Dyn>(table, at);
         at += sizeof(Elf64_Dyn)) {
      if (item->d_tag == DT_NULL) break;
      if (item->d_tag == DT_NEEDED) names.push_back(item->d_un.d_val);
      if (item->d_tag == DT_STRTAB) strings = OffsetOf(item->d_un.d_ptr);
    }
    if (!strings || *strings > bytes_.size()) return;
    const std::string_view texts = bytes_.substr(*strings);
    for (const uint64_t name : names) {
      if (name < texts.size()) Add(Text(texts.substr(name)));
    }
  }

  void ReadNotes(std::string_view notes) {
    const auto aligned = [](uint64_t size) { return (size + 3) / 4 * 4; };
    uint64_t at = 0;
    while (const auto note = Get<Elf64_Nhdr>(notes, at)) {
      at += sizeof(Elf64_Nhdr);
      const uint64_t end =
          at + aligned(note->n_namesz) + aligned(note->n_descsz);
      if (end > notes.size()) return;
      const std::string_view owner = notes.substr(at, note->n_namesz);
      if (note->n_type == kDlopenNote && owner == kDlopenOwner) {
        std::string_view json =
            notes.substr(at + aligned(note->n_namesz), note->n_descsz);
        ReadDlopen(json.substr(0, json.find('\0')));
      }
      at = end;
    }
  }

  void ReadDlopen(std::string_view json) {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
    if (document.HasParseError() || !document.IsArray()) return;
    for (const rapidjson::Value& feature : document.GetArray()) {
      if (!feature.IsObject()) continue;
      const auto names = feature.FindMember("soname");
      if (names == feature.MemberEnd() || !names->value.IsArray()) continue;
      for (const rapidjson::Value& name : names->value.GetArray()) {
        if (name.IsString()) Add(name.GetString());
      }
    }
  }

  void Add(std::string name) {
    // With room for the interpreter.
    if (name.empty() || size_ + name.size() > kMaxElfNeedsBytes - PATH_MAX) {
      return;
    }
    size_ += name.size();
    needs_.libraries.push_back(std::move(name));
  }

  const std::string_view bytes_;
  std::vector<Elf64_Phdr> segments_;
  ElfNeeds needs_;
  size_t size_ = 0;  // of the libraries' names
};

}  // namespace

ElfNeeds ReadElfNeeds(std::string_view bytes) { return ElfFile(bytes).Read(); }

}  // namespace driveroot
