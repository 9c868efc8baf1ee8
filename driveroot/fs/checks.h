// SPDX-License-Identifier: Apache-2.0
//
// Checks that many operations of FileSystem begin with. Pure functions over
// metadata that the caller has locked.
#ifndef DRIVEROOT_FS_CHECKS_H_
#define DRIVEROOT_FS_CHECKS_H_

#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/fs/file_system.h"
#include "driveroot/volume/metadata.h"

namespace driveroot {

// kStale when there is no such inode.
Result<const Inode*> FindInode(const Metadata& metadata, InodeNumber number);

// Also kNotDirectory.
Result<const Inode*> FindDirectory(const Metadata& metadata,
                                   InodeNumber number);

// Also kIsDirectory, and kInvalidArgument for what is neither.
Result<const Inode*> FindFile(const Metadata& metadata, InodeNumber number);

// What a name must be to be looked for: kNameTooLong, kInvalidArgument.
Status CheckName(std::string_view name);

// The inode of an entry. kNotFound when there is none.
Result<InodeNumber> FindEntry(const Metadata& metadata, InodeNumber directory,
                              std::string_view name);

// Whether an entry `name` can be made in a directory: kAlreadyExists, also for
// "." and ".."; kNotFound when the directory itself was removed.
Status CheckNewEntry(const Metadata& metadata, InodeNumber directory,
                     std::string_view name);

// The mode without what lets a program run as somebody else, after `caller`
// changed its contents or owner, as setattr_should_drop_suidgid of Linux. A
// set-group-id bit without group execution meant mandatory locking once: who is
// of the group keeps it.
//
// File capabilities go then, too, but the kernel sees to that: it removes the
// attribute (ATTR_KILL_PRIV in setattr_prepare). What sets an owner or a size
// without that, as overlayfs when it copies a file, wants to keep them.
uint32_t WithoutSetId(const Attributes& attributes, const Caller& caller);
}  // namespace driveroot

#endif  // DRIVEROOT_FS_CHECKS_H_
