// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/random_changes.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

namespace driveroot {
namespace {

// A tree that is small enough to be compared thousands of times.
constexpr size_t kManyInodes = 60;
constexpr size_t kMaxLargeFiles = 1;
constexpr uint64_t kLargeFile = 70'000;

// Whether `directory` is `ancestor` or lies below it.
bool LiesWithin(const StateModel& model, InodeNumber directory,
                InodeNumber ancestor) {
  while (directory != ancestor) {
    if (directory == kRootInode) return false;
    directory = model.Get(directory).parent;
  }
  return true;
}

}  // namespace

Status RandomChanges::Make(Volume& volume) {
  static constexpr auto kChanges = std::to_array<Change>({
      &RandomChanges::CreateFile,
      &RandomChanges::CreateFile,
      &RandomChanges::CreateFile,
      &RandomChanges::CreateSpecial,
      &RandomChanges::CreateDirectory,
      &RandomChanges::CreateSymlink,
      &RandomChanges::Link,
      &RandomChanges::Unlink,
      &RandomChanges::RemoveDirectory,
      &RandomChanges::Rename,
      &RandomChanges::Rename,
      &RandomChanges::Write,
      &RandomChanges::Write,
      &RandomChanges::Write,
      &RandomChanges::Write,
      &RandomChanges::Write,
      &RandomChanges::WriteMuch,
      &RandomChanges::Truncate,
      &RandomChanges::Punch,
      &RandomChanges::Share,
      &RandomChanges::ChangeMode,
      &RandomChanges::ChangeXattr,
      &RandomChanges::ReapOrphan,
  });
  Change change = kChanges.at(Below(kChanges.size()));
  if (model_.inodes().size() > kManyInodes) {
    change =
        Below(2) == 0 ? &RandomChanges::Unlink : &RandomChanges::ReapOrphan;
  }
  DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume.Write());
  metadata_ = &*lock;
  (this->*change)();
  // In any case a state of its own.
  Touch(kRootInode);
  metadata_ = nullptr;
  return {};
}

void RandomChanges::CreateFile() {
  const InodeNumber file = Create(S_IFREG | 0644);
  if (Below(4) > 0) WriteBytes(file, 0, Bytes(Below(3000)));
}

void RandomChanges::CreateSpecial() {
  Create(Below(2) == 0 ? S_IFIFO | 0600 : S_IFCHR | 0666);
}

void RandomChanges::CreateDirectory() { Create(S_IFDIR | 0755); }

void RandomChanges::CreateSymlink() {
  Create(S_IFLNK | 0777, std::string(1 + Below(50), 't'));
}

InodeNumber RandomChanges::Create(uint32_t mode,
                                  std::string_view symlink_target) {
  const InodeNumber parent = AnyDirectory();
  const bool is_directory = S_ISDIR(mode);
  const TimeNs now = Now();
  const Attributes attributes = {.mode = mode,
                                 .uid = static_cast<uint32_t>(Below(3)),
                                 .nlink = is_directory ? 2u : 1u,
                                 .size = symlink_target.size(),
                                 .rdev = S_ISCHR(mode) ? Below(1000) : 0,
                                 .atime = now,
                                 .mtime = now,
                                 .ctime = now,
                                 .btime = now};
  const InodeNumber number =
      metadata_->CreateInode(attributes, is_directory ? parent : kNoInode,
                             std::string(symlink_target));
  model_.CreateInode(number, attributes, parent, symlink_target);
  PutEntry(parent, NewName(), number);
  Touch(parent, 0, is_directory ? 1 : 0);
  return number;
}

void RandomChanges::Link() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  const InodeNumber parent = AnyDirectory();
  PutEntry(parent, NewName(), file);
  Touch(parent);
  Touch(file, 0, 1);
}

void RandomChanges::Unlink() {
  const std::vector<Entry> entries = Entries(/*directories=*/false);
  if (entries.empty()) return;
  const Entry& entry = entries[Below(entries.size())];
  RemoveEntry(entry.directory, entry.name);
  Touch(entry.directory);
  DropLink(entry.inode);
}

void RandomChanges::DropLink(InodeNumber number) {
  Touch(number, 0, -1);
  if (model_.Get(number).attributes.nlink > 0) return;
  // Some files stay for a while, as if somebody had them open.
  if (Below(3) == 0) return;
  metadata_->RemoveInode(number);
  model_.RemoveInode(number);
}

void RandomChanges::ReapOrphan() {
  for (const auto& [number, inode] : model_.inodes()) {
    if (inode.attributes.nlink > 0) continue;
    metadata_->RemoveInode(number);
    model_.RemoveInode(number);
    return;
  }
}

void RandomChanges::RemoveDirectory() {
  for (const Entry& entry : Entries(/*directories=*/true)) {
    if (!model_.Get(entry.inode).entries.empty()) continue;
    RemoveEntry(entry.directory, entry.name);
    Touch(entry.directory, 0, -1);
    metadata_->RemoveInode(entry.inode);
    model_.RemoveInode(entry.inode);
    return;
  }
}

void RandomChanges::Rename() {
  const std::vector<Entry> entries = Entries(/*directories=*/Below(4) == 0);
  if (entries.empty()) return;
  const Entry& from = entries[Below(entries.size())];
  const bool is_directory = S_ISDIR(model_.Get(from.inode).attributes.mode);
  Entry to = {AnyDirectory(), NewName(), kNoInode};
  // Files replace other files, as programs do that write a new version.
  if (!is_directory && Below(2) == 0) to = entries[Below(entries.size())];
  if (to.inode == from.inode) return;
  if (is_directory && LiesWithin(model_, to.directory, from.inode)) return;
  RemoveEntry(from.directory, from.name);
  PutEntry(to.directory, to.name, from.inode);
  if (is_directory) {
    metadata_->SetParent(from.inode, to.directory);
    model_.SetParent(from.inode, to.directory);
  }
  Touch(from.directory, 0, is_directory ? -1 : 0);
  Touch(to.directory, 0, is_directory ? 1 : 0);
  if (to.inode != kNoInode) DropLink(to.inode);
}

void RandomChanges::Write() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  const uint64_t size = model_.Get(file).data.size();
  // Within the file, at its end, or beyond it.
  const uint64_t offset = Below(3) == 0 ? size : Below(size + 500);
  WriteBytes(file, offset, Bytes(1 + Below(2000)));
}

void RandomChanges::WriteMuch() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  std::vector<InodeNumber> large = Inodes(S_IFREG);
  std::erase_if(large, [&](InodeNumber number) {
    return number == file || model_.Get(number).data.size() < kLargeFile;
  });
  if (large.size() >= kMaxLargeFiles) {
    Attributes attributes = model_.Get(large.front()).attributes;
    attributes.size = Below(kLargeFile);
    SetAttributes(large.front(), attributes);
  }
  // Several frames, so several segments.
  WriteBytes(file, Below(2) * Below(model_.Get(file).data.size() + 1),
             Bytes(2 * kLargeFile + Below(2 * kLargeFile)));
  if (model_.Get(file).data.size() <= 5 * kLargeFile) return;
  Attributes attributes = model_.Get(file).attributes;
  attributes.size = 5 * kLargeFile;
  SetAttributes(file, attributes);
}

void RandomChanges::Truncate() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  Attributes attributes = model_.Get(file).attributes;
  attributes.size = Below(attributes.size + 1000);
  attributes.mtime = attributes.ctime = Now();
  SetAttributes(file, attributes);
}

void RandomChanges::Punch() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  const uint64_t size = model_.Get(file).data.size();
  if (size == 0) return;
  const uint64_t offset = Below(size);
  const uint64_t length = 1 + Below(size - offset);
  Touch(file);
  metadata_->PunchHole(file, offset, length);
  model_.WriteData(file, offset, std::string(length, '\0'));
}

void RandomChanges::Share() {
  const InodeNumber source = AnyFile();
  const InodeNumber destination = AnyFile();
  if (source == destination) return;
  const std::string& data = model_.Get(source).data;
  if (data.empty() || data.size() > kLargeFile) return;
  const uint64_t from = Below(data.size());
  const std::string bytes = data.substr(from, 1 + Below(data.size() - from));
  const uint64_t to = Below(model_.Get(destination).data.size() + 1);
  Touch(destination, to + bytes.size());
  metadata_->ShareData(source, from, destination, to, bytes.size());
  model_.WriteData(destination, to, bytes);
}

void RandomChanges::ChangeMode() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  Attributes attributes = model_.Get(file).attributes;
  attributes.mode = S_IFREG | static_cast<uint32_t>(Below(010000));
  attributes.gid = static_cast<uint32_t>(random_());
  attributes.atime = -Now();
  SetAttributes(file, attributes);
}

void RandomChanges::ChangeXattr() {
  const InodeNumber file = AnyFile();
  if (file == kNoInode) return;
  const auto& xattrs = model_.Get(file).xattrs;
  if (!xattrs.empty() && Below(2) == 0) {
    const std::string name = xattrs.begin()->first;
    metadata_->RemoveXattr(file, name);
    model_.RemoveXattr(file, name);
    return;
  }
  const std::string name = "user.x" + std::to_string(Below(4));
  const std::string value = Bytes(Below(100));
  metadata_->SetXattr(file, name, value);
  model_.SetXattr(file, name, value);
}

void RandomChanges::SetAttributes(InodeNumber number,
                                  const Attributes& attributes) {
  metadata_->SetAttributes(number, attributes);
  model_.SetAttributes(number, attributes);
}

void RandomChanges::PutEntry(InodeNumber directory, const std::string& name,
                             InodeNumber inode) {
  metadata_->PutDentry(directory, name, inode);
  model_.PutDentry(directory, name, inode);
}

void RandomChanges::RemoveEntry(InodeNumber directory,
                                const std::string& name) {
  metadata_->RemoveDentry(directory, name);
  model_.RemoveDentry(directory, name);
}

void RandomChanges::WriteBytes(InodeNumber number, uint64_t offset,
                               std::string_view bytes) {
  Touch(number, offset + bytes.size());
  metadata_->WriteData(number, offset, bytes);
  model_.WriteData(number, offset, bytes);
}

void RandomChanges::Touch(InodeNumber number, uint64_t size, int nlink_change) {
  Attributes attributes = model_.Get(number).attributes;
  attributes.size = std::max(attributes.size, size);
  attributes.mtime = attributes.ctime = Now();
  attributes.nlink += static_cast<uint32_t>(nlink_change);
  SetAttributes(number, attributes);
}

std::vector<RandomChanges::Entry> RandomChanges::Entries(
    bool directories) const {
  std::vector<Entry> entries;
  for (const auto& [directory, inode] : model_.inodes()) {
    for (const auto& [name, entry] : inode.entries) {
      if (S_ISDIR(model_.Get(entry).attributes.mode) != directories) continue;
      entries.push_back({directory, name, entry});
    }
  }
  return entries;
}

std::vector<InodeNumber> RandomChanges::Inodes(uint32_t type) const {
  std::vector<InodeNumber> numbers;
  for (const auto& [number, inode] : model_.inodes()) {
    if ((inode.attributes.mode & S_IFMT) != type) continue;
    if (inode.attributes.nlink > 0) numbers.push_back(number);
  }
  return numbers;
}

InodeNumber RandomChanges::AnyDirectory() {
  const std::vector<InodeNumber> all = Inodes(S_IFDIR);
  return all[Below(all.size())];
}

InodeNumber RandomChanges::AnyFile() {
  const std::vector<InodeNumber> all = Inodes(S_IFREG);
  return all.empty() ? kNoInode : all[Below(all.size())];
}

std::string RandomChanges::Bytes(size_t length) {
  // Of few kinds, so that the same bytes come again; of none like them; and
  // such that do not compress.
  const uint64_t kind = Below(length < kLargeFile ? 4 : 16);
  const std::string word = std::to_string(kind == 0 ? Below(3) : random_());
  std::string bytes;
  bytes.reserve(length + word.size());
  if (kind == 1) {
    while (bytes.size() < length) {
      const uint64_t word_bits = random_();
      bytes.append(reinterpret_cast<const char*>(&word_bits),
                   sizeof(word_bits));
    }
  }
  while (bytes.size() < length) bytes += word;
  bytes.resize(length);
  return bytes;
}

}  // namespace driveroot
