// SPDX-License-Identifier: Apache-2.0
//
// The tree of files and folders, in memory and in the data folder:
//
//   files/ID.json    one record each, replaced by rename: the commit point
//   content/NAME     the bytes, named by the record
//   spool/           whatever is unfinished; emptied at the start
//
// A process killed at any moment leaves every change whole or not made.
// Content that no record names is removed at the start.
//
// Lives on one thread. Errors are the local disk's.
#ifndef VMTEST_FAKEDRIVE_DRIVE_FILE_STORE_H_
#define VMTEST_FAKEDRIVE_DRIVE_FILE_STORE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/fakedrive/drive/content.h"
#include "vmtest/fakedrive/drive/file_record.h"

namespace driveroot::fakedrive {

class FileStore {
 public:
  // Loads `folder`; makes the root folder with `root_id` if it is new.
  static Result<std::unique_ptr<FileStore>> Open(const std::string& folder,
                                                 const std::string& root_id);

  // Live records only.
  const FileRecord* Find(const std::string& id) const;
  // Whether the id was ever taken.
  bool WasUsed(const std::string& id) const { return files_.contains(id); }

  // All records, deleted ones included, by id.
  const std::map<std::string, FileRecord>& all() const { return files_; }
  const std::set<std::string>& Children(const std::string& id) const;

  // What `record`, a live one, was at a time: itself, or what it was before
  // changes that came later. Of each file the last few are remembered, until
  // the end of the process.
  const FileRecord& AsOf(const FileRecord& record, int64_t time_ms) const;

  // Whether it or a folder above it is in the trash.
  bool IsTrashed(const FileRecord& record) const;
  // The number of folders above.
  size_t Depth(const FileRecord& record) const;
  // Whether `id` is `ancestor` or lies below it.
  bool IsWithin(const std::string& id, const std::string& ancestor) const;

  uint64_t bytes_used() const { return bytes_used_; }
  uint64_t bytes_in_trash() const;
  uint64_t last_change() const { return last_change_; }

  // Adds the record or replaces the one of the same id; with new content if
  // there is some, and then what it had before becomes a revision. Sets
  // version, change and the content's fields.
  Status Put(FileRecord record, Content* content);

  // Deletes for good, with everything below. Children go first, so that a kill
  // in between leaves no orphan.
  Status Delete(const std::string& id);

  std::string ContentPath(const FileRecord& record) const {
    return folder_ + "/content/" + record.content;
  }
  std::string spool_folder() const { return folder_ + "/spool"; }
  // A fresh name in the spool folder.
  std::string NewSpoolPath();

 private:
  FileStore(std::string folder, std::string root_id)
      : folder_(std::move(folder)), root_id_(std::move(root_id)) {}

  Status Load();
  Status RemoveUnnamedContent() const;
  Status Save(const FileRecord& record) const;
  void RemoveContent(const std::set<std::string>& names) const;

  const std::string folder_;
  const std::string root_id_;
  std::map<std::string, FileRecord> files_;
  std::map<std::string, std::set<std::string>> children_;
  struct Replaced {
    int64_t at_ms;
    FileRecord record;
  };
  std::map<std::string, std::deque<Replaced>> replaced_;  // oldest first
  uint64_t bytes_used_ = 0;
  uint64_t last_change_ = 0;
  uint64_t next_spool_ = 0;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_DRIVE_FILE_STORE_H_
