// SPDX-License-Identifier: Apache-2.0
//
// For tests: driveroot's FileSystem as a Subject.
#ifndef DRIVEROOT_FS_FILE_SYSTEM_SUBJECT_H_
#define DRIVEROOT_FS_FILE_SYSTEM_SUBJECT_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/fs/file_system.h"
#include "driveroot/fs/model_subject.h"
#include "driveroot/fuse/errno_map.h"
#include "driveroot/store/fake/fake_object_store.h"

namespace driveroot {

// FileSystem, with the kernel's part of each operation: walking a path, and
// what is done before a file can be used.
class FileSystemSubject : public Subject {
 public:
  FileSystemSubject() {
    FakeObjectStore store(account_);
    EXPECT_TRUE(Volume::Format(store, {}));
    Open();
  }
  ~FileSystemSubject() override { Close(); }

  // As an unmount and a mount, with nothing open.
  void Reopen() {
    Close();
    Open();
  }
  void Sync() { EXPECT_TRUE(fs_->Sync()); }

  Outcome Do(const Operation& op) override {
    now_ = op.now;
    Outcome outcome;
    if (const Status status = Perform(op, outcome); !status) {
      outcome = {.error = ErrnoFor(status.error().code())};
    }
    for (const InodeNumber number : std::exchange(taken_, {})) {
      fs_->Forget(number, 1);
    }
    return outcome;
  }

 private:
  const Caller kRoot = {};

  void Open() {
    VolumeOptions options;
    options.commit_interval = std::chrono::hours(1);
    options.max_inline_bytes = 10'000;
    auto volume =
        Volume::Open(std::make_unique<FakeObjectStore>(account_), options);
    ASSERT_TRUE(volume) << volume.error();
    volume_ = *std::move(volume);
    fs_ = std::make_unique<FileSystem>(volume_.get(), [this] { return now_; });
  }

  void Close() {
    EXPECT_TRUE(fs_->Sync());
    fs_.reset();
    EXPECT_TRUE(volume_->Close());
    volume_.reset();
  }

  // What `path` names, without following a symlink at its end.
  Result<Node> Find(const std::string& path) {
    DRIVEROOT_ASSIGN_OR_RETURN(Node node, fs_->GetAttributes(kRootInode));
    for (const std::string& part : SplitPath(path)) {
      DRIVEROOT_RETURN_IF_ERROR(CheckFollowed(node));
      DRIVEROOT_ASSIGN_OR_RETURN(node, fs_->Lookup(node.number, part));
      taken_.push_back(node.number);
    }
    return node;
  }

  static Status CheckFollowed(const Node& node) {
    if (!S_ISLNK(node.attributes.mode)) return {};
    return Fail(ErrorCode::kNotFound, "a symlink that leads nowhere");
  }

  // The same for an operation that follows it.
  Result<Node> FindFollowed(const std::string& path) {
    DRIVEROOT_ASSIGN_OR_RETURN(const Node node, Find(path));
    DRIVEROOT_RETURN_IF_ERROR(CheckFollowed(node));
    return node;
  }

  Result<std::pair<InodeNumber, std::string>> FindParent(
      const std::string& path) {
    const size_t slash = path.rfind('/');
    const bool in_root = slash == std::string::npos;
    DRIVEROOT_ASSIGN_OR_RETURN(
        const Node parent, FindFollowed(in_root ? "" : path.substr(0, slash)));
    if (!S_ISDIR(parent.attributes.mode)) {
      return Fail(ErrorCode::kNotDirectory, "no directory");
    }
    return std::pair(parent.number, in_root ? path : path.substr(slash + 1));
  }

  Status Perform(const Operation& op, Outcome& out) {
    switch (op.action) {
      case Action::kCreate:
      case Action::kMakeDirectory:
      case Action::kMakeFifo:
      case Action::kMakeSymlink:
        return Make(op);
      case Action::kLink:
      case Action::kUnlink:
      case Action::kRemoveDirectory:
      case Action::kRename:
        return ChangeNames(op);
      case Action::kStat:
      case Action::kReadLink:
      case Action::kSetXattr:
      case Action::kGetXattr:
      case Action::kListXattrs:
      case Action::kRemoveXattr: {
        DRIVEROOT_ASSIGN_OR_RETURN(const Node node,
                                   op.slot >= 0 ? AtSlot(op) : Find(op.path));
        return OnInode(op, node, out);
      }
      case Action::kList:
        return List(op, out);
      case Action::kOpen: {
        DRIVEROOT_ASSIGN_OR_RETURN(const Node node, FindFollowed(op.path));
        if (S_ISDIR(node.attributes.mode)) {
          return Fail(ErrorCode::kIsDirectory, "opened for writing");
        }
        // The reference goes to the slot.
        std::erase(taken_, node.number);
        slots_.at(static_cast<size_t>(op.slot)) = node.number;
        return {};
      }
      case Action::kClose: {
        InodeNumber& number = slots_.at(static_cast<size_t>(op.slot));
        if (number != kNoInode) fs_->Forget(number, 1);
        number = kNoInode;
        return {};
      }
      default:
        break;
    }
    DRIVEROOT_ASSIGN_OR_RETURN(
        const Node node, op.slot >= 0 ? AtSlot(op) : FindFollowed(op.path));
    if (op.slot < 0) DRIVEROOT_RETURN_IF_ERROR(CheckOpened(op, node));
    return OnFile(op, node.number, out);
  }

  // Directories are not opened for writing.
  static Status CheckOpened(const Operation& op, const Node& node) {
    const bool writes = op.action == Action::kWrite ||
                        op.action == Action::kTruncate ||
                        op.action == Action::kAllocate;
    if (!writes || !S_ISDIR(node.attributes.mode)) return {};
    return Fail(ErrorCode::kIsDirectory, "opened for writing");
  }

  Result<Node> AtSlot(const Operation& op) {
    return fs_->GetAttributes(slots_.at(static_cast<size_t>(op.slot)));
  }

  Status Take(const Result<Node>& made) {
    if (!made) return std::unexpected(made.error());
    taken_.push_back(made->number);
    return {};
  }

  Status Make(const Operation& op) {
    DRIVEROOT_ASSIGN_OR_RETURN(const auto place, FindParent(op.path));
    const auto& [parent, name] = place;
    switch (op.action) {
      case Action::kCreate:
        return Take(fs_->Create(parent, name, S_IFREG | op.mode, 0, kRoot));
      case Action::kMakeDirectory:
        return Take(fs_->MakeDirectory(parent, name, op.mode, kRoot));
      case Action::kMakeFifo:
        return Take(fs_->Create(parent, name, S_IFIFO | op.mode, 0, kRoot));
      default:
        return Take(fs_->MakeSymlink(parent, name, op.bytes, kRoot));
    }
  }

  Status ChangeNames(const Operation& op) {
    if (op.action == Action::kLink) {
      DRIVEROOT_ASSIGN_OR_RETURN(const Node node, Find(op.path));
      DRIVEROOT_ASSIGN_OR_RETURN(const auto place, FindParent(op.other_path));
      return Take(fs_->Link(node.number, place.first, place.second));
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const auto from, FindParent(op.path));
    if (op.action == Action::kUnlink) {
      return fs_->Unlink(from.first, from.second);
    }
    if (op.action == Action::kRemoveDirectory) {
      return fs_->RemoveDirectory(from.first, from.second);
    }
    DRIVEROOT_ASSIGN_OR_RETURN(const auto to, FindParent(op.other_path));
    DRIVEROOT_RETURN_IF_ERROR(Find(op.path));
    return fs_->Rename(from.first, from.second, to.first, to.second,
                       static_cast<uint32_t>(op.flags), kRoot);
  }

  Status OnInode(const Operation& op, const Node& node, Outcome& out) {
    const Attributes& attributes = node.attributes;
    switch (op.action) {
      case Action::kStat:
        out.result = StatText(attributes.mode, attributes.nlink, attributes.uid,
                              attributes.gid, attributes.size);
        out.details = "mtime " + std::to_string(attributes.mtime) + ", ctime " +
                      std::to_string(attributes.ctime);
        return {};
      case Action::kReadLink: {
        DRIVEROOT_ASSIGN_OR_RETURN(out.result, fs_->ReadLink(node.number));
        return {};
      }
      case Action::kSetXattr:
        return fs_->SetXattr(node.number, op.name, op.bytes, op.flags, kRoot);
      case Action::kGetXattr: {
        DRIVEROOT_ASSIGN_OR_RETURN(out.result,
                                   fs_->GetXattr(node.number, op.name));
        return {};
      }
      case Action::kListXattrs: {
        DRIVEROOT_ASSIGN_OR_RETURN(out.result,
                                   fs_->ListXattrs(node.number, kRoot));
        std::ranges::replace(out.result, '\0', ' ');
        return {};
      }
      default:
        return fs_->RemoveXattr(node.number, op.name);
    }
  }

  Status List(const Operation& op, Outcome& out) {
    DRIVEROOT_ASSIGN_OR_RETURN(const Node node, FindFollowed(op.path));
    std::vector<std::string> names;
    DRIVEROOT_RETURN_IF_ERROR(fs_->ReadDirectory(
        node.number, 0, /*with_attributes=*/false, AccessNote::kNone,
        [&](const DirectoryEntry& entry) {
          if (entry.name != "." && entry.name != "..") {
            names.push_back(std::string(entry.name) + ":" +
                            std::to_string(entry.mode) + " ");
          }
          return true;
        }));
    std::ranges::sort(names);
    for (const std::string& name : names) out.result += name;
    return {};
  }

  Status OnFile(const Operation& op, InodeNumber number, Outcome& out) {
    AttributeChange change;
    switch (op.action) {
      case Action::kChangeMode:
        change.mode = op.mode;
        break;
      case Action::kChangeOwner:
        change.uid = op.uid;
        change.gid = op.gid;
        break;
      case Action::kTruncate:
        change.size = op.length;
        break;
      case Action::kRead: {
        DRIVEROOT_ASSIGN_OR_RETURN(const FileBytes bytes,
                                   fs_->Read(number, op.offset, op.length));
        out.result = bytes.Joined();
        return {};
      }
      case Action::kWrite:
        return fs_->Write(number, op.offset, op.bytes, Caller());
      case Action::kAllocate:
        return fs_->Allocate(number, static_cast<uint32_t>(op.flags), op.offset,
                             op.length, Caller());
      case Action::kSeek: {
        DRIVEROOT_ASSIGN_OR_RETURN(const uint64_t position,
                                   fs_->Seek(number, op.offset, op.flags));
        out.details = std::to_string(position);
        return {};
      }
      default:
        return Copy(op, number, out);
    }
    const Result<Node> changed = fs_->SetAttributes(number, change, Caller());
    if (!changed) return std::unexpected(changed.error());
    return {};
  }

  Status Copy(const Operation& op, InodeNumber from, Outcome& out) {
    DRIVEROOT_ASSIGN_OR_RETURN(const Node to, FindFollowed(op.other_path));
    DRIVEROOT_ASSIGN_OR_RETURN(
        const uint64_t count,
        fs_->CopyRange(from, op.offset, to.number, op.other_offset, op.length,
                       Caller()));
    out.result = std::to_string(count);
    return {};
  }

  const std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  TimeNs now_ = 0;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<FileSystem> fs_;
  std::array<InodeNumber, kSlots> slots_ = {};
  std::vector<InodeNumber> taken_;  // references to be given back
};

}  // namespace driveroot

#endif  // DRIVEROOT_FS_FILE_SYSTEM_SUBJECT_H_
