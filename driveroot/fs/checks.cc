// SPDX-License-Identifier: Apache-2.0
#include "driveroot/fs/checks.h"

#include <sys/stat.h>

#include <string>

#include "driveroot/fs/file_system.h"

namespace driveroot {
namespace {

bool IsDots(std::string_view name) { return name == "." || name == ".."; }

}  // namespace

Result<const Inode*> FindInode(const Metadata& metadata, InodeNumber number) {
  const Inode* inode = metadata.Find(number);
  if (inode == nullptr) {
    return Fail(ErrorCode::kStale,
                "there is no inode " + std::to_string(number));
  }
  return inode;
}

Result<const Inode*> FindDirectory(const Metadata& metadata,
                                   InodeNumber number) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  if (!inode->IsDirectory()) {
    return Fail(ErrorCode::kNotDirectory,
                "inode " + std::to_string(number) + " is no directory");
  }
  return inode;
}

Result<const Inode*> FindFile(const Metadata& metadata, InodeNumber number) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode, FindInode(metadata, number));
  if (inode->IsDirectory()) {
    return Fail(ErrorCode::kIsDirectory,
                "inode " + std::to_string(number) + " is a directory");
  }
  if (!S_ISREG(inode->attributes.mode)) {
    return Fail(ErrorCode::kInvalidArgument,
                "inode " + std::to_string(number) + " is no regular file");
  }
  return inode;
}

Status CheckName(std::string_view name) {
  if (name.size() > kMaxNameBytes) {
    return Fail(ErrorCode::kNameTooLong, "a name has over 255 bytes");
  }
  if (name.find_first_of(std::string_view("/\0", 2)) !=
      std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "a name has a / or a NUL");
  }
  return {};
}

Result<InodeNumber> FindEntry(const Metadata& metadata, InodeNumber directory,
                              std::string_view name) {
  DRIVEROOT_RETURN_IF_ERROR(FindDirectory(metadata, directory));
  DRIVEROOT_RETURN_IF_ERROR(CheckName(name));
  const InodeNumber number = metadata.Lookup(directory, name);
  if (number == kNoInode) {
    return Fail(ErrorCode::kNotFound, "there is no " + std::string(name));
  }
  return number;
}

Status CheckNewEntry(const Metadata& metadata, InodeNumber directory,
                     std::string_view name) {
  DRIVEROOT_ASSIGN_OR_RETURN(const Inode* inode,
                             FindDirectory(metadata, directory));
  DRIVEROOT_RETURN_IF_ERROR(CheckName(name));
  if (name.empty() || inode->attributes.nlink == 0) {
    return Fail(ErrorCode::kNotFound, "the directory was removed");
  }
  if (IsDots(name) || metadata.Lookup(directory, name) != kNoInode) {
    return Fail(ErrorCode::kAlreadyExists, std::string(name) + " exists");
  }
  return {};
}

uint32_t WithoutSetId(const Attributes& attributes, const Caller& caller) {
  uint32_t mode = attributes.mode;
  if (S_ISDIR(mode)) return mode;
  mode &= ~uint32_t{S_ISUID};
  if ((mode & S_ISGID) == 0) return mode;
  const bool keeps = (mode & S_IXGRP) == 0 &&
                     (caller.privileged() || caller.IsOfGroup(attributes.gid));
  return keeps ? mode : mode & ~uint32_t{S_ISGID};
}

}  // namespace driveroot
