// SPDX-License-Identifier: Apache-2.0
//
// What the tests of volumes share: small files by name, and volumes on an
// account in memory.
#ifndef DRIVEROOT_VOLUME_VOLUME_TEST_UTIL_H_
#define DRIVEROOT_VOLUME_VOLUME_TEST_UTIL_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "driveroot/base/noise.h"
#include "driveroot/store/fake/fake_object_store.h"
#include "driveroot/volume/volume.h"

namespace driveroot {

// Options for tests: no commit but by Sync, and no long waits.
inline VolumeOptions TestOptions() {
  VolumeOptions options;
  options.commit_interval = std::chrono::hours(1);
  options.retry_delay = std::chrono::milliseconds(1);
  return options;
}

inline std::shared_ptr<FakeAccount> FormattedAccount() {
  auto account = std::make_shared<FakeAccount>();
  FakeObjectStore store(account);
  const Status formatted = Volume::Format(store, {});
  EXPECT_TRUE(formatted) << formatted.error();
  return account;
}

inline Result<std::unique_ptr<Volume>> OpenOn(
    const std::shared_ptr<FakeAccount>& account,
    const VolumeOptions& options = TestOptions(),
    FaultyObjectStore::Rule rule = nullptr) {
  return Volume::Open(
      std::make_unique<FaultyObjectStore>(
          std::make_unique<FakeObjectStore>(account), std::move(rule)),
      options);
}

// Makes a file in the root directory, or replaces what is in it.
inline Status PutFile(Volume& volume, const std::string& name,
                      std::string_view bytes) {
  DRIVEROOT_ASSIGN_OR_RETURN(Volume::WriteLock lock, volume.Write());
  InodeNumber number = lock->Lookup(kRootInode, name);
  if (number == kNoInode) {
    number = lock->CreateInode({.mode = S_IFREG | 0644, .nlink = 1});
    lock->PutDentry(kRootInode, name, number);
  }
  Attributes attributes = lock->Find(number)->attributes;
  attributes.size = 0;
  lock->SetAttributes(number, attributes);
  lock->WriteData(number, 0, bytes);
  attributes.size = bytes.size();
  lock->SetAttributes(number, attributes);
  return {};
}

inline Status RemoveFile(Volume& volume, const std::string& name) {
  DRIVEROOT_ASSIGN_OR_RETURN(Volume::WriteLock lock,
                             volume.Write(Volume::Room::kNotNeeded));
  const InodeNumber number = lock->Lookup(kRootInode, name);
  lock->RemoveDentry(kRootInode, name);
  lock->RemoveInode(number);
  return {};
}

inline Result<std::string> GetFile(Volume& volume, const std::string& name) {
  std::string bytes;
  std::vector<StoredPiece> pieces;
  {
    const Volume::ReadLock lock = volume.Read();
    const InodeNumber number = lock->Lookup(kRootInode, name);
    if (number == kNoInode) return Fail(ErrorCode::kNotFound, name);
    bytes.resize(lock->Find(number)->attributes.size);
    pieces = lock->ReadData(number, 0, bytes);
  }
  DRIVEROOT_RETURN_IF_ERROR(volume.ReadStored(pieces, bytes));
  return bytes;
}

using Files = std::map<std::string, std::string>;

// All files of the root directory.
inline Result<Files> GetFiles(Volume& volume) {
  std::vector<std::string> names;
  {
    const Volume::ReadLock lock = volume.Read();
    const Directory& root = lock->Find(kRootInode)->directory();
    for (const Directory::Entry* entry = root.After(0); entry != nullptr;
         entry = root.After(entry->cookie)) {
      names.push_back(entry->name);
    }
  }
  Files files;
  for (const std::string& name : names) {
    DRIVEROOT_ASSIGN_OR_RETURN(files[name], GetFile(volume, name));
  }
  return files;
}

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_VOLUME_TEST_UTIL_H_
