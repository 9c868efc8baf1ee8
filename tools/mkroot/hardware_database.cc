// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/mkroot/generators.h"
#include "tools/mkroot/string_table.h"
#include "tools/mkroot/text.h"

namespace driveroot {
namespace {

constexpr std::string_view kSource = "/usr/lib/udev/hwdb.d";
constexpr std::string_view kTarget = "/usr/lib/udev/hwdb.bin";

// The file format: src/libsystemd/sd-hwdb/hwdb-internal.h of systemd.
constexpr std::string_view kSignature = "KSLPHHRH";
// The version of the program that wrote it, for people: that of Debian 13.
constexpr uint64_t kToolVersion = 257;
constexpr size_t kHeaderSize = 80;
constexpr size_t kNodeSize = 24;
constexpr size_t kChildSize = 16;
constexpr size_t kValueSize = 32;

struct Value {
  uint64_t key;
  uint64_t value;
  uint64_t file_name;
  uint32_t line_number;
  uint16_t file_priority;
};

// A node of a radix tree over the match patterns, characters unsigned.
struct TrieNode {
  std::string prefix;
  std::map<uint8_t, std::unique_ptr<TrieNode>> children;
  std::map<std::string, Value> values;  // By key.
};

// Where a property was read.
struct Origin {
  std::string file_name;
  uint32_t line_number;
  uint16_t file_priority;
};

// Leaves the first `length` characters in `node` and moves the rest to a child.
void Split(TrieNode* node, size_t length) {
  auto child = std::make_unique<TrieNode>();
  child->prefix = node->prefix.substr(length + 1);
  child->children = std::move(node->children);
  child->values = std::move(node->values);
  const auto branch = static_cast<uint8_t>(node->prefix[length]);
  node->prefix.resize(length);
  node->children.clear();
  node->values.clear();
  node->children[branch] = std::move(child);
}

// The node that stands for `pattern`, made where there is none.
TrieNode* FindOrAdd(TrieNode* node, std::string_view pattern) {
  while (true) {
    size_t common = 0;
    while (common < node->prefix.size() && common < pattern.size() &&
           node->prefix[common] == pattern[common]) {
      ++common;
    }
    if (common < node->prefix.size()) Split(node, common);
    pattern.remove_prefix(common);
    if (pattern.empty()) return node;
    std::unique_ptr<TrieNode>& child =
        node->children[static_cast<uint8_t>(pattern[0])];
    pattern.remove_prefix(1);
    if (child == nullptr) {
      child = std::make_unique<TrieNode>();
      child->prefix = pattern;
    }
    node = child.get();
  }
}

class Compiler {
 public:
  // Reads the records of one file: match lines, then properties that begin
  // with a blank, up to an empty line.
  Status AddFile(const std::string& path, std::string_view text,
                 uint16_t priority) {
    Origin origin{"/" + path, 0, priority};
    std::vector<std::string> matches;
    bool in_properties = false;
    for (std::string line : SplitLines(text)) {
      ++origin.line_number;
      if (line.starts_with('#')) continue;
      line = line.substr(0, line.find('#'));
      line.erase(line.find_last_not_of(" \t\r") + 1);
      if (line.empty()) {
        matches.clear();
        in_properties = false;
      } else if (line[0] == ' ') {
        in_properties = true;
        DRIVEROOT_RETURN_IF_ERROR(AddProperty(line, matches, origin));
      } else if (in_properties) {
        return Bad(origin, "an empty line is missing between records");
      } else {
        matches.push_back(line);
      }
    }
    return {};
  }

  std::string Write() {
    // Offsets of strings count from the file's beginning, so the size of the
    // nodes must be known first.
    strings_offset_ = kHeaderSize + SizeOf(root_);
    std::string nodes;
    const uint64_t root = WriteNode(root_, &nodes);
    std::string file(kSignature);
    const uint64_t size = strings_offset_ + strings_.bytes().size();
    for (const uint64_t number :
         {kToolVersion, size, uint64_t{kHeaderSize}, uint64_t{kNodeSize},
          uint64_t{kChildSize}, uint64_t{kValueSize}, root,
          uint64_t{nodes.size()}, uint64_t{strings_.bytes().size()}}) {
      AppendLittleEndian(number, 8, &file);
    }
    return file + nodes + strings_.bytes();
  }

 private:
  static std::unexpected<Error> Bad(const Origin& origin,
                                    std::string_view what) {
    return Fail(ErrorCode::kDataLoss, origin.file_name + ":" +
                                          std::to_string(origin.line_number) +
                                          ": " + std::string(what));
  }

  // `line` is " KEY=VALUE"; one blank before the key belongs to it.
  Status AddProperty(std::string_view line,
                     const std::vector<std::string>& matches,
                     const Origin& origin) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos || matches.empty()) {
      return Bad(origin, "a property needs KEY=VALUE and a match before it");
    }
    std::string_view key = line.substr(0, equals);
    while (key.size() > 1 && std::isspace(static_cast<uint8_t>(key[1])) != 0) {
      key.remove_prefix(1);
    }
    const Value value{strings_.Add(key), strings_.Add(line.substr(equals + 1)),
                      strings_.Add(origin.file_name), origin.line_number,
                      origin.file_priority};
    for (const std::string& match : matches) {
      // Of the same property for the same match, the last file's counts.
      FindOrAdd(&root_, match)->values[std::string(key)] = value;
    }
    return {};
  }

  // Adds the prefixes to the strings while at it.
  uint64_t SizeOf(const TrieNode& node) {
    strings_.Add(node.prefix);
    uint64_t size = kNodeSize + kChildSize * node.children.size() +
                    kValueSize * node.values.size();
    for (const auto& [character, child] : node.children) size += SizeOf(*child);
    return size;
  }

  // Children come before their parent; returns the node's offset in the file.
  uint64_t WriteNode(const TrieNode& node, std::string* nodes) {
    std::vector<uint64_t> offsets;
    for (const auto& [character, child] : node.children) {
      offsets.push_back(WriteNode(*child, nodes));
    }
    const uint64_t offset = kHeaderSize + nodes->size();
    AppendLittleEndian(StringOffset(strings_.Add(node.prefix)), 8, nodes);
    AppendLittleEndian(node.children.size(), 8, nodes);  // One byte, padded.
    AppendLittleEndian(node.values.size(), 8, nodes);
    size_t index = 0;
    for (const auto& [character, child] : node.children) {
      AppendLittleEndian(character, 8, nodes);  // One byte, padded.
      AppendLittleEndian(offsets[index++], 8, nodes);
    }
    for (const auto& [key, value] : node.values) {
      AppendLittleEndian(StringOffset(value.key), 8, nodes);
      AppendLittleEndian(StringOffset(value.value), 8, nodes);
      AppendLittleEndian(StringOffset(value.file_name), 8, nodes);
      AppendLittleEndian(value.line_number, 4, nodes);
      AppendLittleEndian(value.file_priority, 4, nodes);  // Two, padded.
    }
    return offset;
  }

  uint64_t StringOffset(uint64_t in_table) const {
    return strings_offset_ + in_table;
  }

  TrieNode root_;
  StringTable strings_;
  uint64_t strings_offset_ = 0;
};

}  // namespace

Status GenerateHardwareDatabase(Tree* tree) {
  Compiler compiler;
  uint16_t priority = 1;
  for (const std::string& path : tree->List(kSource)) {
    if (!path.ends_with(".hwdb")) continue;
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, tree->ReadFile(path));
    DRIVEROOT_RETURN_IF_ERROR(compiler.AddFile(path, text, priority++));
  }
  tree->AddFile(kTarget, compiler.Write());
  // As systemd-hwdb makes it: nobody edits it.
  tree->Find(kTarget)->entry.mode = 0444;
  return {};
}

}  // namespace driveroot
