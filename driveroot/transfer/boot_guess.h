// SPDX-License-Identifier: Apache-2.0
//
// BootGuess tells, of a tree that no machine has booted from yet, which files a
// machine is likely to read until its login prompt, and in which order: what
// `push` puts side by side when it is given no trace. It follows what the tree
// itself says: init and the libraries of programs, systemd's units from the
// default target on with the programs that they start, PAM's and NSS's modules.
// A tree without an init, as of data, gets no guess.
//
// Paths are relative to the tree's top. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_BOOT_GUESS_H_
#define DRIVEROOT_TRANSFER_BOOT_GUESS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace driveroot {

class BootGuess {
 public:
  // Whether the contents of a file are worth being kept until all of the tree
  // is known.
  static bool MayBeRead(std::string_view path, uint64_t size);

  void AddSymlink(std::string_view path, std::string_view target);
  // `bytes` outlives this.
  void AddFile(std::string_view path, std::string_view bytes);

  // The files, as they were added, in the order of their likely use.
  std::vector<std::string> Files();

 private:
  // A file's path, or that of a link to one or through one; empty: no file.
  std::string Resolve(std::string_view path) const;
  // Those below `folder`, files and links, by name.
  std::vector<std::string> Below(std::string_view folder) const;

  // Each takes files in, with the libraries of programs right after them.
  void Take(std::string_view path);
  void TakeSmall(std::string_view folder);
  void TakeLibrary(std::string_view name);

  // A path, or a name that is looked for as a shell does.
  void TakeProgram(std::string_view name);

  void TakeUnits();
  // Takes a unit with what it starts; returns the units that it pulls in.
  std::vector<std::string> TakeUnit(std::string_view name);
  void TakeNss();
  void TakePam();
  void TakeShells();

  std::map<std::string, std::string_view, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> links_;
  std::unordered_map<std::string, std::string> libraries_;  // path by name
  std::vector<std::string> taken_;
  std::set<std::string, std::less<>> is_taken_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_BOOT_GUESS_H_
