// SPDX-License-Identifier: Apache-2.0
//
// The operations that *.cases call, each of which is a system call or little
// more, with its answer as text: "0", the name of an errno value, or what was
// asked for. Paths are relative to the folder that the process is in. README.md
// of this folder lists them. Not thread-safe.
#ifndef DRIVEROOT_FUSE_POSIX_OPERATIONS_H_
#define DRIVEROOT_FUSE_POSIX_OPERATIONS_H_

#include <span>
#include <string>
#include <unordered_map>

#include "driveroot/base/unique_fd.h"

namespace driveroot::posix {

// What is held open under a name during a case.
using Held = std::unordered_map<std::string, UniqueFd>;

// `words` are the operation and what it is given. An operation that there is
// not, or that is given too little, answers with "mistake: ...".
std::string Perform(std::span<const std::string> words, Held& held);

// "0" or the name of errno, for a call that gives -1 on failure.
std::string Answer(long result);

// Parts of the table, one per file.
using Arguments = std::span<const std::string>;
using Operation = std::string (*)(Arguments, Held&);
struct OperationEntry {
  size_t min_arguments = 0;
  Operation run = nullptr;
};
using OperationTable = std::unordered_map<std::string, OperationEntry>;
void AddNameOperations(OperationTable& table);
void AddAttributeOperations(OperationTable& table);
void AddDataOperations(OperationTable& table);
void AddXattrOperations(OperationTable& table);

// How arguments are read.
mode_t Octal(const std::string& text);
long long Number(const std::string& text);
// Names of open(2) without O_, in small letters, with commas between.
int OpenFlags(const std::string& text);

}  // namespace driveroot::posix

#endif  // DRIVEROOT_FUSE_POSIX_OPERATIONS_H_
