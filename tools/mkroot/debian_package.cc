// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/debian_package.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "tools/mkroot/decompressor.h"
#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kArMagic = "!<arch>\n";
constexpr size_t kArHeaderSize = 60;

// No file of a root tree comes near; it keeps a damaged size from filling the
// memory.
constexpr uint64_t kMaxFileSize = uint64_t{2} << 30;

std::unexpected<Error> Malformed(std::string what) {
  return Fail(ErrorCode::kDataLoss, "no Debian package: " + std::move(what));
}

Result<std::map<std::string, std::string_view>> ReadArMembers(
    std::string_view archive) {
  if (!archive.starts_with(kArMagic)) return Malformed("no ar archive");
  archive.remove_prefix(kArMagic.size());
  std::map<std::string, std::string_view> members;
  while (!archive.empty()) {
    if (archive.size() < kArHeaderSize) return Malformed("truncated header");
    const std::string_view header = archive.substr(0, kArHeaderSize);
    std::string_view name = StripSpaces(header.substr(0, 16));
    if (name.ends_with('/')) name.remove_suffix(1);
    const std::string_view digits = StripSpaces(header.substr(48, 10));
    size_t size = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), size);
    archive.remove_prefix(kArHeaderSize);
    if (error != std::errc() || end != digits.data() + digits.size() ||
        size > archive.size()) {
      return Malformed("a member's size is wrong");
    }
    members[std::string(name)] = archive.substr(0, size);
    // Members begin at even offsets.
    archive.remove_prefix(std::min(size + size % 2, archive.size()));
  }
  return members;
}

// Compressed streams end with a checksum, behind the archive's end marker.
Status ReadToEnd(ByteSource* source) {
  std::array<char, 4096> waste;
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(const size_t n, source->Read(waste));
    if (n == 0) return {};
  }
}

// The members of the one tar archive called PREFIX, PREFIX.xz, ...
Result<std::vector<TarMember>> ReadTarMemberOf(
    const std::map<std::string, std::string_view>& members,
    std::string_view prefix) {
  const auto found = members.lower_bound(std::string(prefix));
  if (found == members.end() || !found->first.starts_with(prefix)) {
    return Malformed("it has no " + std::string(prefix));
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                             MakeDecompressor(found->first, found->second));
  Result<std::vector<TarMember>> read = ReadTarMembers(source.get());
  if (!read) return std::unexpected(read.error().WithContext(found->first));
  DRIVEROOT_RETURN_IF_ERROR(ReadToEnd(source.get()));
  return read;
}

Result<DebianPackage> ReadPackage(std::string_view archive) {
  DRIVEROOT_ASSIGN_OR_RETURN(const auto members, ReadArMembers(archive));
  const auto version = members.find("debian-binary");
  if (version == members.end() || !version->second.starts_with("2.")) {
    return Malformed("its format is not 2.x");
  }
  DebianPackage package;
  DRIVEROOT_ASSIGN_OR_RETURN(std::vector<TarMember> control,
                             ReadTarMemberOf(members, "control.tar"));
  for (TarMember& member : control) {
    if (member.entry.type != TarType::kFile) continue;
    if (member.entry.path == "control") {
      package.control = StripSpaces(member.contents);
      package.control += '\n';
    } else {
      const std::string name = member.entry.path;
      package.control_files[name] = std::move(member);
    }
  }
  package.name = ControlField(package.control, "Package");
  package.version = ControlField(package.control, "Version");
  package.architecture = ControlField(package.control, "Architecture");
  package.multi_arch_same =
      ControlField(package.control, "Multi-Arch") == "same";
  if (package.name.empty() || package.version.empty() ||
      package.architecture.empty() ||
      package.name.find('/') != std::string::npos ||
      package.control.find("\n\n") != std::string::npos) {
    return Malformed("its control file is not one whole paragraph");
  }
  DRIVEROOT_ASSIGN_OR_RETURN(package.data,
                             ReadTarMemberOf(members, "data.tar"));
  return package;
}

}  // namespace

std::string DebianPackage::DatabaseName() const {
  return multi_arch_same ? name + ":" + architecture : name;
}

std::vector<std::string> DebianPackage::ControlLines(
    const std::string& file) const {
  const auto found = control_files.find(file);
  if (found == control_files.end()) return {};
  return SplitLines(found->second.contents);
}

std::vector<std::string> DebianPackage::Conffiles() const {
  std::vector<std::string> paths;
  for (const std::string& line : ControlLines("conffiles")) {
    // Lines with a flag name files that upgrades remove.
    if (line.starts_with('/')) paths.emplace_back(StripSpaces(line));
  }
  return paths;
}

Result<DebianPackage> ReadDebianPackage(std::string_view file_name,
                                        std::string_view archive) {
  Result<DebianPackage> package = ReadPackage(archive);
  if (!package) return std::unexpected(package.error().WithContext(file_name));
  return package;
}

std::string ControlField(std::string_view paragraph, std::string_view field) {
  for (const std::string& line : SplitLines(paragraph)) {
    if (line.size() > field.size() && line[field.size()] == ':' &&
        line.starts_with(field)) {
      return std::string(
          StripSpaces(std::string_view(line).substr(field.size() + 1)));
    }
  }
  return "";
}

Result<std::vector<TarMember>> ReadTarMembers(ByteSource* source) {
  std::vector<TarMember> members;
  TarReader reader(source);
  while (true) {
    DRIVEROOT_ASSIGN_OR_RETURN(std::optional<TarEntry> entry, reader.Next());
    if (!entry) return members;
    if (entry->size > kMaxFileSize) {
      return Fail(ErrorCode::kDataLoss,
                  "member " + entry->path + " is impossibly big");
    }
    TarMember member{*std::move(entry), ""};
    member.contents.resize(member.entry.size);
    size_t filled = 0;
    while (filled < member.contents.size()) {
      DRIVEROOT_ASSIGN_OR_RETURN(
          const size_t n,
          reader.ReadData(std::span(member.contents).subspan(filled)));
      filled += n;
    }
    members.push_back(std::move(member));
  }
}

}  // namespace driveroot
