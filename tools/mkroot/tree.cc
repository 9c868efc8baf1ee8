// SPDX-License-Identifier: Apache-2.0
#include "tools/mkroot/tree.h"

#include <algorithm>
#include <utility>

#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

// As the kernel's limit, path_resolution(7).
constexpr int kMaxSymlinks = 40;

std::string ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? "."
                                                     : path.substr(0, slash));
}

TarEntry MakeEntry(std::string_view path, TarType type, uint32_t mode,
                   TarTime time) {
  TarEntry entry;
  entry.path = TreePath(path);
  entry.type = type;
  entry.mode = mode;
  entry.modified = time;
  return entry;
}

}  // namespace

std::string TreePath(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.empty() ? "." : std::string(path);
}

void Tree::Add(TarEntry entry, std::string contents) {
  if (entry.path != ".") AddDirectory(ParentOf(entry.path));
  entry.size = contents.size();
  std::string path = entry.path;
  nodes_[std::move(path)] = Node{std::move(entry), std::move(contents)};
}

void Tree::AddFile(std::string_view path, std::string contents) {
  Add(MakeEntry(path, TarType::kFile, 0644, time_), std::move(contents));
}

void Tree::AddSymlink(std::string_view path, std::string_view target) {
  TarEntry entry = MakeEntry(path, TarType::kSymlink, 0777, time_);
  entry.link_target = target;
  Add(std::move(entry), "");
}

void Tree::AddDirectory(std::string_view path) {
  if (nodes_.contains(TreePath(path))) return;
  Add(MakeEntry(path, TarType::kDirectory, 0755, time_), "");
}

const Node* Tree::Find(std::string_view path) const {
  const auto found = nodes_.find(TreePath(path));
  return found == nodes_.end() ? nullptr : &found->second;
}

Node* Tree::Find(std::string_view path) {
  return const_cast<Node*>(std::as_const(*this).Find(path));
}

const Node* Tree::Resolve(std::string_view path) const {
  std::vector<std::string> pending;  // Components still to walk, last first.
  const auto push = [&pending](std::string_view text) {
    const std::vector<std::string> parts = SplitFields(text, '/');
    pending.insert(pending.end(), parts.rbegin(), parts.rend());
  };
  push(path);
  std::string here = ".";
  int symlinks = 0;
  while (!pending.empty()) {
    const std::string part = std::move(pending.back());
    pending.pop_back();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      here = ParentOf(here);
      continue;
    }
    const std::string next = here == "." ? part : here + "/" + part;
    const Node* node = Find(next);
    if (node == nullptr) return nullptr;
    if (node->entry.type != TarType::kSymlink) {
      here = next;
      continue;
    }
    if (++symlinks > kMaxSymlinks) return nullptr;
    if (node->entry.link_target.starts_with('/')) here = ".";
    push(node->entry.link_target);
  }
  const Node* node = Find(here);
  if (node != nullptr && node->entry.type == TarType::kHardLink) {
    return Find(node->entry.link_target);
  }
  return node;
}

Result<std::string> Tree::ReadFile(std::string_view path) const {
  const Node* node = Resolve(path);
  if (node == nullptr || node->entry.type != TarType::kFile) {
    return Fail(ErrorCode::kNotFound,
                "the root tree has no file " + std::string(path));
  }
  return node->contents;
}

std::vector<std::string> Tree::List(std::string_view path) const {
  const std::string folder = TreePath(path);
  const std::string prefix = folder == "." ? "" : folder + "/";
  std::vector<std::string> paths;
  for (auto it = nodes_.lower_bound(prefix);
       it != nodes_.end() && it->first.starts_with(prefix); ++it) {
    const std::string_view name =
        std::string_view(it->first).substr(prefix.size());
    if (!name.empty() && name != "." &&
        name.find('/') == std::string_view::npos) {
      paths.push_back(it->first);
    }
  }
  return paths;
}

Status Tree::Finish() {
  AddDirectory(".");
  std::map<std::string, std::string> first_names;
  for (auto& [path, node] : nodes_) {
    const Node* parent = Find(ParentOf(path));
    if (parent->entry.type != TarType::kDirectory) {
      return Fail(ErrorCode::kInvalidArgument, "/" + path + " lies below /" +
                                                   parent->entry.path +
                                                   ", which is not a folder");
    }
    if (node.entry.type != TarType::kHardLink) continue;
    if (const auto first = first_names.find(node.entry.link_target);
        first != first_names.end()) {
      node.entry.link_target = first->second;
      continue;
    }
    Node* target = Find(node.entry.link_target);
    if (target == nullptr || target->entry.type == TarType::kDirectory ||
        target->entry.type == TarType::kHardLink) {
      return Fail(ErrorCode::kInvalidArgument,
                  "/" + path + " is a hard link to /" + node.entry.link_target +
                      ", which is no file");
    }
    const std::string target_path = target->entry.path;
    first_names[target_path] = std::min(path, target_path);
    if (path < target_path) {
      node.entry.link_target = path;
      std::swap(node, *target);
      node.entry.path = path;
      target->entry.path = target_path;
      first_names[path] = path;
    }
  }
  return {};
}

Status Tree::WriteTar(ByteSink* sink) const {
  TarWriter writer(sink);
  for (const auto& [path, node] : nodes_) {
    DRIVEROOT_RETURN_IF_ERROR(writer.WriteEntry(node.entry));
    DRIVEROOT_RETURN_IF_ERROR(writer.WriteData(node.contents));
  }
  return writer.Finish();
}

}  // namespace driveroot
