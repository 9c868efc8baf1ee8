// SPDX-License-Identifier: Apache-2.0
//
// The model: POSIX.1-2017 and the manual pages of Linux, as plainly as can be.
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>

#include "driveroot/fs/model_subject.h"

namespace driveroot {
namespace {

struct ModelNode {
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;
  TimeNs mtime = 0;
  TimeNs ctime = 0;
  std::string data;     // a file's, or a symlink's target
  std::string is_data;  // for each byte 1, or 0 in a hole
  std::map<std::string, std::string> xattrs;
  std::map<std::string, std::shared_ptr<ModelNode>> entries;

  bool IsDirectory() const { return S_ISDIR(mode); }
  void Resize(uint64_t size) {
    data.resize(size);
    is_data.resize(size);
  }
};

using NodePtr = std::shared_ptr<ModelNode>;

// An errno value; 0: it went well.
using Errno = int;

class Model : public ModelSubject {
 public:
  Model() {
    root_->mode = S_IFDIR | 0755;
    root_->nlink = 2;
  }

  uint32_t TypeOf(const std::string& path) override {
    NodePtr node;
    return Find(path, node) == 0 ? node->mode & S_IFMT : 0;
  }

  bool IsOpen(int slot) const override {
    return open_.at(static_cast<size_t>(slot)) != nullptr;
  }

  Outcome Do(const Operation& op) override {
    now_ = op.now;
    Outcome outcome;
    outcome.error = Perform(op, outcome);
    return outcome;
  }

 private:
  Errno Perform(const Operation& op, Outcome& out) {
    switch (op.action) {
      case Action::kCreate:
        return Make(op.path, S_IFREG | op.mode);
      case Action::kMakeDirectory:
        return Make(op.path, S_IFDIR | op.mode);
      case Action::kMakeFifo:
        return Make(op.path, S_IFIFO | op.mode);
      case Action::kMakeSymlink:
        return Make(op.path, S_IFLNK | 0777, op.bytes);
      case Action::kLink:
        return Link(op);
      case Action::kUnlink:
        return Unlink(op.path);
      case Action::kRemoveDirectory:
        return RemoveDirectory(op.path);
      case Action::kRename:
        return Rename(op);
      case Action::kOpen:
        return Open(op);
      case Action::kClose:
        open_.at(static_cast<size_t>(op.slot)) = nullptr;
        return 0;
      default:
        break;
    }
    NodePtr node;
    if (op.slot >= 0) {
      node = open_.at(static_cast<size_t>(op.slot));
    } else if (const Errno error = Find(op.path, node); error != 0) {
      return error;
    }
    return OnNode(op, *node, out);
  }

  Errno OnNode(const Operation& op, ModelNode& node, Outcome& out) {
    switch (op.action) {
      case Action::kStat:
        out.result = StatText(node.mode, node.nlink, node.uid, node.gid,
                              node.data.size());
        out.details = "mtime " + std::to_string(node.mtime) + ", ctime " +
                      std::to_string(node.ctime);
        return 0;
      case Action::kReadLink:
        if (!S_ISLNK(node.mode)) return EINVAL;
        out.result = node.data;
        return 0;
      case Action::kList:
        if (S_ISLNK(node.mode)) return ENOENT;  // followed to nowhere
        if (!node.IsDirectory()) return ENOTDIR;
        for (const auto& [name, entry] : node.entries) {
          out.result += name + ":" + std::to_string(entry->mode & S_IFMT) + " ";
        }
        return 0;
      case Action::kSetXattr:
      case Action::kGetXattr:
      case Action::kListXattrs:
      case Action::kRemoveXattr:
        return OnXattrs(op, node, out);
      default:
        break;
    }
    if (S_ISLNK(node.mode)) return ENOENT;
    switch (op.action) {
      case Action::kChangeMode:
        node.mode = (node.mode & S_IFMT) | (op.mode & 07777);
        node.ctime = now_;
        return 0;
      case Action::kChangeOwner:
        node.uid = op.uid;
        node.gid = op.gid;
        if (!node.IsDirectory()) {
          node.mode &= ~uint32_t{S_ISUID};
          if ((node.mode & S_IXGRP) != 0) node.mode &= ~uint32_t{S_ISGID};
        }
        node.ctime = now_;
        return 0;
      default:
        return OnData(op, node, out);
    }
  }

  Errno OnXattrs(const Operation& op, ModelNode& node, Outcome& out) {
    const bool possible = S_ISREG(node.mode) || node.IsDirectory();
    const bool exists = node.xattrs.contains(op.name);
    switch (op.action) {
      case Action::kSetXattr:
        if (!possible) return EPERM;
        if ((op.flags & XATTR_CREATE) != 0 && exists) return EEXIST;
        if ((op.flags & XATTR_REPLACE) != 0 && !exists) return ENODATA;
        node.xattrs[op.name] = op.bytes;
        node.ctime = now_;
        return 0;
      case Action::kGetXattr:
        if (!exists) return ENODATA;
        out.result = node.xattrs[op.name];
        return 0;
      case Action::kListXattrs:
        for (const auto& [name, value] : node.xattrs) out.result += name + " ";
        return 0;
      default:
        if (!possible) return EPERM;
        if (!exists) return ENODATA;
        node.xattrs.erase(op.name);
        node.ctime = now_;
        return 0;
    }
  }

  Errno OnData(const Operation& op, ModelNode& node, Outcome& out) {
    // Both files are opened before anything is copied.
    if (op.action == Action::kCopy) return Copy(op, node, out);
    if (node.IsDirectory()) return EISDIR;
    const uint64_t size = node.data.size();
    switch (op.action) {
      case Action::kRead:
        if (op.offset < size)
          out.result = node.data.substr(op.offset, op.length);
        return 0;
      case Action::kWrite:
        Put(node, op.offset, op.bytes, std::string(op.bytes.size(), 1));
        return 0;
      case Action::kTruncate:
        node.Resize(op.length);
        node.mtime = node.ctime = now_;
        return 0;
      case Action::kAllocate:
        return Allocate(op, node);
      default:
        return Seek(op, node, out);
    }
  }

  void Put(ModelNode& node, uint64_t offset, const std::string& bytes,
           const std::string& is_data) {
    if (bytes.empty()) return;
    node.Resize(std::max<uint64_t>(node.data.size(), offset + bytes.size()));
    node.data.replace(offset, bytes.size(), bytes);
    node.is_data.replace(offset, bytes.size(), is_data);
    node.mtime = node.ctime = now_;
  }

  Errno Allocate(const Operation& op, ModelNode& node) {
    const bool punch = (op.flags & FALLOC_FL_PUNCH_HOLE) != 0;
    const bool zero = (op.flags & FALLOC_FL_ZERO_RANGE) != 0;
    const bool keep_size = (op.flags & FALLOC_FL_KEEP_SIZE) != 0;
    if (op.length == 0) return EINVAL;
    if ((punch && zero) || (punch && !keep_size)) return EOPNOTSUPP;
    const uint64_t size = node.data.size();
    const uint64_t end = op.offset + op.length;
    if (punch || zero) {
      for (uint64_t at = op.offset; at < std::min(end, size); ++at) {
        node.data[at] = node.is_data[at] = 0;
      }
    }
    if (!keep_size && end > size) node.Resize(end);
    node.mtime = node.ctime = now_;
    return 0;
  }

  Errno Copy(const Operation& op, ModelNode& from, Outcome& out) {
    NodePtr to;
    if (const Errno error = Find(op.other_path, to); error != 0) return error;
    if (S_ISLNK(to->mode)) return ENOENT;
    if (to->IsDirectory() || from.IsDirectory()) return EISDIR;
    out.result = "0";
    if (op.offset >= from.data.size()) return 0;
    const std::string bytes = from.data.substr(op.offset, op.length);
    const bool overlap = &from == to.get() &&
                         op.offset < op.other_offset + bytes.size() &&
                         op.other_offset < op.offset + bytes.size();
    if (overlap) {
      out.result = "";
      return EINVAL;
    }
    out.result = std::to_string(bytes.size());
    Put(*to, op.other_offset, bytes, from.is_data.substr(op.offset, op.length));
    return 0;
  }

  static Errno Seek(const Operation& op, const ModelNode& node, Outcome& out) {
    if (op.offset >= node.data.size()) return ENXIO;
    const bool for_data = op.flags == SEEK_DATA;
    size_t at = node.is_data.find(for_data ? '\1' : '\0', op.offset);
    if (at == std::string::npos) {
      if (for_data) return ENXIO;
      at = node.data.size();
    }
    out.details = std::to_string(at);
    return 0;
  }

  // What `path` names, without following a symlink at its end.
  Errno Find(const std::string& path, NodePtr& ret_node) const {
    NodePtr node = root_;
    for (const std::string& part : SplitPath(path)) {
      if (S_ISLNK(node->mode)) return ENOENT;  // followed to nowhere
      if (!node->IsDirectory()) return ENOTDIR;
      if (part.size() > 255) return ENAMETOOLONG;
      const auto found = node->entries.find(part);
      if (found == node->entries.end()) return ENOENT;
      node = found->second;
    }
    ret_node = node;
    return 0;
  }

  // The directory in which the last name of `path` is looked for.
  Errno FindParent(const std::string& path, NodePtr& ret_parent,
                   std::string& ret_name) const {
    const size_t slash = path.rfind('/');
    ret_name = slash == std::string::npos ? path : path.substr(slash + 1);
    const std::string above =
        slash == std::string::npos ? "" : path.substr(0, slash);
    if (const Errno error = Find(above, ret_parent); error != 0) return error;
    if (S_ISLNK(ret_parent->mode)) return ENOENT;
    return ret_parent->IsDirectory() ? 0 : ENOTDIR;
  }

  Errno Make(const std::string& path, uint32_t mode,
             const std::string& data = {}) {
    NodePtr parent;
    std::string name;
    if (const Errno error = FindParent(path, parent, name); error != 0) {
      return error;
    }
    if (name.size() > 255) return ENAMETOOLONG;
    if (parent->entries.contains(name)) return EEXIST;
    const auto node = std::make_shared<ModelNode>();
    node->mode = mode;
    if ((parent->mode & S_ISGID) != 0) {
      node->gid = parent->gid;
      if (node->IsDirectory()) node->mode |= S_ISGID;
    }
    node->nlink = node->IsDirectory() ? 2 : 1;
    node->data = data;
    node->mtime = node->ctime = now_;
    parent->entries[name] = node;
    parent->nlink += node->IsDirectory() ? 1 : 0;
    Touch(*parent);
    return 0;
  }

  void Touch(ModelNode& directory) const {
    directory.mtime = directory.ctime = now_;
  }

  Errno Link(const Operation& op) {
    NodePtr node;
    NodePtr parent;
    std::string name;
    if (const Errno error = Find(op.path, node); error != 0) return error;
    if (const Errno error = FindParent(op.other_path, parent, name);
        error != 0) {
      return error;
    }
    if (name.size() > 255) return ENAMETOOLONG;
    if (parent->entries.contains(name)) return EEXIST;
    if (node->IsDirectory()) return EPERM;
    ++node->nlink;
    node->ctime = now_;
    parent->entries[name] = node;
    Touch(*parent);
    return 0;
  }

  void Drop(ModelNode& node) const {
    node.nlink = node.IsDirectory() ? 0 : node.nlink - 1;
    node.ctime = now_;
  }

  Errno Unlink(const std::string& path) {
    NodePtr node;
    NodePtr parent;
    std::string name;
    if (const Errno error = Find(path, node); error != 0) return error;
    if (node->IsDirectory()) return EISDIR;
    FindParent(path, parent, name);
    parent->entries.erase(name);
    Touch(*parent);
    Drop(*node);
    return 0;
  }

  Errno RemoveDirectory(const std::string& path) {
    NodePtr node;
    NodePtr parent;
    std::string name;
    if (const Errno error = Find(path, node); error != 0) return error;
    if (!node->IsDirectory()) return ENOTDIR;
    if (!node->entries.empty()) return ENOTEMPTY;
    FindParent(path, parent, name);
    parent->entries.erase(name);
    --parent->nlink;
    Touch(*parent);
    Drop(*node);
    return 0;
  }

  static bool IsWithin(const ModelNode& node, const ModelNode& ancestor) {
    if (&node == &ancestor) return true;
    return std::ranges::any_of(ancestor.entries, [&](const auto& entry) {
      return entry.second->IsDirectory() && IsWithin(node, *entry.second);
    });
  }

  Errno Rename(const Operation& op) {
    NodePtr from_parent;
    NodePtr to_parent;
    std::string from;
    std::string to;
    if (const Errno error = FindParent(op.path, from_parent, from);
        error != 0) {
      return error;
    }
    if (const Errno error = FindParent(op.other_path, to_parent, to);
        error != 0) {
      return error;
    }
    if (from.size() > 255) return ENAMETOOLONG;
    const auto found = from_parent->entries.find(from);
    if (found == from_parent->entries.end()) return ENOENT;
    if (to.size() > 255) return ENAMETOOLONG;
    const NodePtr source = found->second;
    const auto there = to_parent->entries.find(to);
    const NodePtr target =
        there == to_parent->entries.end() ? nullptr : there->second;
    const bool exchange = (op.flags & RENAME_EXCHANGE) != 0;
    if (target != nullptr && (op.flags & RENAME_NOREPLACE) != 0) return EEXIST;
    if (target == nullptr && exchange) return ENOENT;
    if (source->IsDirectory() && IsWithin(*to_parent, *source)) return EINVAL;
    if (target != nullptr && target->IsDirectory() &&
        IsWithin(*from_parent, *target)) {
      return exchange ? EINVAL : ENOTEMPTY;
    }
    if (source == target) return 0;
    if (exchange) {
      std::swap(from_parent->entries[from], to_parent->entries[to]);
      target->ctime = now_;
    } else {
      if (target != nullptr) {
        if (source->IsDirectory() && !target->IsDirectory()) return ENOTDIR;
        if (!source->IsDirectory() && target->IsDirectory()) return EISDIR;
        if (!target->entries.empty()) return ENOTEMPTY;
      }
      from_parent->entries.erase(from);
      to_parent->entries[to] = source;
      if (target != nullptr) Drop(*target);
    }
    source->ctime = now_;
    for (ModelNode* parent : {from_parent.get(), to_parent.get()}) {
      Touch(*parent);
      parent->nlink = 2;
      for (const auto& [name, entry] : parent->entries) {
        parent->nlink += entry->IsDirectory() ? 1 : 0;
      }
    }
    return 0;
  }

  Errno Open(const Operation& op) {
    NodePtr node;
    if (const Errno error = Find(op.path, node); error != 0) return error;
    if (S_ISLNK(node->mode)) return ENOENT;
    if (node->IsDirectory()) return EISDIR;
    open_.at(static_cast<size_t>(op.slot)) = node;
    return 0;
  }

  const NodePtr root_ = std::make_shared<ModelNode>();
  std::array<NodePtr, kSlots> open_;
  TimeNs now_ = 0;
};

}  // namespace

std::unique_ptr<ModelSubject> MakeModel() { return std::make_unique<Model>(); }

}  // namespace driveroot
