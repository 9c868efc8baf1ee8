// SPDX-License-Identifier: Apache-2.0
#include "driveroot/unsent/unsent_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "driveroot/base/files.h"
#include "driveroot/base/json_writer.h"
#include "driveroot/net/json.h"
#include "driveroot/volume/checkpoint.h"
#include "driveroot/volume/hash.h"
#include "driveroot/volume/record.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

constexpr uint64_t kMaxAboutBytes = 64 << 10;
constexpr size_t kMaxIdBytes = 128;
constexpr char kAbout[] = "/about.json";
constexpr char kLog[] = "/log/";
constexpr char kSegments[] = "/segments/";

std::unexpected<Error> FailWithErrno(const std::string& what) {
  return std::unexpected(Error::FromErrno(errno, what));
}

Status SyncFolder(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) {
    return FailWithErrno("cannot sync " + path);
  }
  return {};
}

// Whole or not at all, and on the disk.
Status WriteDurably(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".new";
  {
    const UniqueFd fd(
        open(temporary.c_str(),
             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid()) return FailWithErrno("cannot create " + path);
    DRIVEROOT_RETURN_IF_ERROR(WriteFully(fd.get(), bytes, path));
    if (fsync(fd.get()) != 0) return FailWithErrno("cannot sync " + path);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return FailWithErrno("cannot create " + path);
  }
  return SyncFolder(stdfs::path(path).parent_path());
}

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return FailWithErrno("cannot make the folder " + path);
}

// Makes the folder and those above it; what was there before stays as it is.
Status MakeBase(const std::string& base) {
  std::string path;
  for (const stdfs::path& part : stdfs::path(base)) {
    path = stdfs::path(path) / part;
    DRIVEROOT_RETURN_IF_ERROR(MakeFolder(path));
  }
  return {};
}

// Whether only this user, and root, can get at what lies in it.
Status CheckPrivate(const std::string& path) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) {
    return FailWithErrno("cannot look at " + path);
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
      (info.st_mode & 077) != 0) {
    return Fail(ErrorCode::kPermissionDenied,
                path +
                    " is not a folder of this user alone: make it one "
                    "(chmod 700), or name another with --unsent_dir");
  }
  return {};
}

std::string ToJson(const UnsentNote& note) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.StartObject();
  PutMember(writer, "format", uint64_t{1});
  PutMember(writer, "volume", note.volume);
  PutMember(writer, "uuid", note.uuid);
  PutMember(writer, "mount_point", note.mount_point);
  PutMember(writer, "ended", note.ended);
  PutMember(writer, "reason", note.reason);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

Result<UnsentNote> ParseNote(std::string_view text, const std::string& path) {
  DRIVEROOT_ASSIGN_OR_RETURN(const rapidjson::Document document,
                             ParseJsonObject(text, path));
  if (JsonUint64(document, "format") != 1) {
    return Fail(ErrorCode::kUnsupportedVersion,
                path + " is of a newer driveroot");
  }
  const auto text_of = [&](const char* name) {
    return std::string(JsonString(document, name).value_or(""));
  };
  return UnsentNote{.volume = text_of("volume"),
                    .uuid = text_of("uuid"),
                    .mount_point = text_of("mount_point"),
                    .ended = text_of("ended"),
                    .reason = text_of("reason")};
}

std::string Readme(const UnsentNote& note, const std::string& name) {
  return "The mount of " + note.volume + " at " + note.mount_point +
         " ended at " + note.ended +
         "\nand could not store all that was "
         "written to it:\n  " +
         note.reason +
         "\n\nWhat is missing on the volume lies here. The next mount of it "
         "on this machine\nstores it:\n"
         "  driveroot mount VOLUME DIR\n"
         "unless the volume was changed from elsewhere meanwhile. To get at "
         "the changed\nfiles without that, or to let go of them:\n"
         "  driveroot unsent list\n"
         "  driveroot unsent save " +
         name +
         " FILE.tar\n"
         "  driveroot unsent discard " +
         name + "\n";
}

// An object's id as it comes in a file's name: one component of a path.
bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes &&
         std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

// "WORD-ID".
struct ObjectFile {
  std::string word;
  ObjectId id;
  UnsentFolder::Object object;
};

std::vector<ObjectFile> ListObjects(const std::string& folder) {
  std::vector<ObjectFile> files;
  std::error_code error;
  for (stdfs::directory_iterator entry(folder, error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path();
    const std::string name = entry->path().filename();
    const size_t dash = name.find('-');
    struct stat info = {};
    if (dash == name.npos || lstat(path.c_str(), &info) != 0 ||
        !S_ISREG(info.st_mode) || !IsId(name.substr(dash + 1))) {
      continue;
    }
    files.push_back({.word = name.substr(0, dash),
                     .id = name.substr(dash + 1),
                     .object = {.path = path,
                                .size = static_cast<uint64_t>(info.st_size)}});
  }
  return files;
}

Result<UnsentFolder> ReadFolder(const std::string& path,
                                const std::string& name) {
  UnsentFolder folder;
  folder.name = name;
  folder.path = path;
  DRIVEROOT_RETURN_IF_ERROR(CheckPrivate(path));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string about,
                             ReadFile(path + kAbout, kMaxAboutBytes));
  DRIVEROOT_ASSIGN_OR_RETURN(folder.note, ParseNote(about, path + kAbout));
  for (const ObjectFile& file : ListObjects(path + kLog)) {
    const std::optional<uint64_t> sequence = ParseObjectName(file.word);
    if (!sequence) continue;
    folder.records[*sequence] = {file.object, file.id};
    folder.bytes += file.object.size;
  }
  for (const ObjectFile& file : ListObjects(path + kSegments)) {
    if (!HashFromHex(file.word)) continue;
    folder.segments[file.id] = file.object;
    folder.bytes += file.object.size;
  }
  return folder;
}

Result<UniqueFd> LockFolder(const std::string& path) {
  UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return FailWithErrno("cannot open " + path);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorCode::kBusy, path + " is in use by another driveroot");
  }
  return fd;
}

}  // namespace

Result<std::string> DefaultUnsentBase() {
  if (geteuid() == 0) return "/var/lib/driveroot/unsent";
  const char* state = getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') {
    return std::string(state) + "/driveroot/unsent";
  }
  const char* home = getenv("HOME");
  if (home != nullptr && home[0] == '/') {
    return std::string(home) + "/.local/state/driveroot/unsent";
  }
  return Fail(ErrorCode::kNotFound,
              "neither HOME nor XDG_STATE_HOME is set: name a folder for what "
              "a mount cannot store with --unsent_dir=DIR");
}

Result<std::unique_ptr<UnsentWriter>> UnsentWriter::Make(
    const std::string& base, const UnsentNote& note, dev_t not_on) {
  DRIVEROOT_RETURN_IF_ERROR(MakeBase(base));
  DRIVEROOT_RETURN_IF_ERROR(CheckPrivate(base));
  struct stat info = {};
  if (stat(base.c_str(), &info) != 0 || info.st_dev == not_on) {
    return Fail(ErrorCode::kBusy, base +
                                      " lies on the volume itself: name "
                                      "another folder with --unsent_dir=DIR");
  }
  std::string stem = note.uuid + "-" + note.ended;
  std::erase(stem, ':');
  std::string name = stem;
  int number = 1;
  while (mkdir((base + "/" + name).c_str(), 0700) != 0) {
    if (errno != EEXIST)
      return FailWithErrno("cannot make a folder in " + base);
    name = stem + "." + std::to_string(++number);
  }
  const std::string path = base + "/" + name;
  DRIVEROOT_ASSIGN_OR_RETURN(UniqueFd lock, LockFolder(path));
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(path + kLog));
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(path + kSegments));
  DRIVEROOT_RETURN_IF_ERROR(
      WriteDurably(path + "/README.txt", Readme(note, name)));
  DRIVEROOT_RETURN_IF_ERROR(WriteDurably(path + kAbout, ToJson(note)));
  DRIVEROOT_RETURN_IF_ERROR(SyncFolder(base));
  return std::unique_ptr<UnsentWriter>(new UnsentWriter(path, std::move(lock)));
}

Status UnsentWriter::Add(const ObjectId& id, ObjectKind kind,
                         std::string_view name, std::string_view bytes) {
  if (!IsId(id)) return Fail(ErrorCode::kInvalidArgument, "no id: " + id);
  const bool is_record = kind == ObjectKind::kLogRecord;
  DRIVEROOT_RETURN_IF_ERROR(WriteDurably(
      is_record ? path_ + kLog + std::string(name) + "-" + id
                : path_ + kSegments + HexOf(Sha256(bytes)) + "-" + id,
      bytes));
  const std::lock_guard lock(mutex_);
  bytes_ += bytes.size();
  if (is_record) ++records_;
  return {};
}

uint64_t UnsentWriter::records() const {
  const std::lock_guard lock(mutex_);
  return records_;
}

uint64_t UnsentWriter::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

Result<UnsentFolder> UnsentWriter::Reread() const {
  return ReadFolder(path_, stdfs::path(path_).filename());
}

void UnsentWriter::Discard() {
  std::error_code ignored;
  stdfs::remove_all(path_, ignored);
}

Result<std::string> UnsentFolder::Read(const Object& object) {
  DRIVEROOT_ASSIGN_OR_RETURN(std::string bytes,
                             ReadFile(object.path, kMaxRecordBytes));
  const std::string name = stdfs::path(object.path).filename();
  const std::optional<Hash> hash = HashFromHex(name.substr(0, name.find('-')));
  if (hash && Sha256(bytes) != *hash) {
    return Fail(ErrorCode::kDataLoss, object.path + " does not match its hash");
  }
  return bytes;
}

Result<std::vector<UnsentFolder>> ListUnsent(const std::string& base) {
  std::vector<UnsentFolder> folders;
  struct stat info = {};
  if (lstat(base.c_str(), &info) != 0 && errno == ENOENT) return folders;
  DRIVEROOT_RETURN_IF_ERROR(CheckPrivate(base));
  std::error_code error;
  for (stdfs::directory_iterator entry(base, error), end;
       !error && entry != end; entry.increment(error)) {
    Result<UnsentFolder> folder =
        ReadFolder(entry->path(), entry->path().filename());
    if (folder) folders.push_back(*std::move(folder));
  }
  if (error) {
    return std::unexpected(
        Error::FromErrno(error.value(), "cannot list " + base));
  }
  std::ranges::sort(folders, {}, [](const UnsentFolder& folder) {
    return std::pair(folder.note.ended, folder.name);
  });
  return folders;
}

Result<UniqueFd> LockUnsent(const UnsentFolder& folder) {
  return LockFolder(folder.path);
}

Status DiscardUnsent(const UnsentFolder& folder) {
  std::error_code error;
  stdfs::remove_all(folder.path, error);
  if (!error) return {};
  return std::unexpected(
      Error::FromErrno(error.value(), "cannot remove " + folder.path));
}

}  // namespace driveroot
