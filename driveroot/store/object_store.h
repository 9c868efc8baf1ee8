// SPDX-License-Identifier: Apache-2.0
//
// ObjectStore is everything that driveroot asks of the place where a volume
// lives: immutable objects, addressed by ids that the client holds before it
// writes. One ObjectStore stands for one volume's folder. A backend (drive/,
// dir/) implements this interface and nothing above it changes.
//
// The only synchronisation primitive is that Create() fails for an id that was
// ever created: compare-and-swap by create. The volume's log is built on it.
//
// Thread-safety: every method may be called from any thread at the same time.
// All methods block; none calls back. A backend retries what its protocol calls
// transient by the one retry policy (driveroot/net/retry.h) within the limits
// that it was made with, and returns kUnavailable when these are used up.
//
// Errors common to all methods: kUnavailable, kUnauthenticated,
// kPermissionDenied, kCancelled (after the store was told to stop waiting), kIo
// (local stores).
#ifndef DRIVEROOT_STORE_OBJECT_STORE_H_
#define DRIVEROOT_STORE_OBJECT_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

// Opaque, given by NewIds(); at most 128 bytes of [A-Za-z0-9_-].
using ObjectId = std::string;

// What an object is, so that a person who opens the folder finds their way.
enum class ObjectKind : uint8_t {
  kLogRecord,   // log/
  kSegment,     // segments/, or in the folder itself
  kCheckpoint,  // checkpoints/
  kReadme,      // README.txt, in the folder itself
};

struct ObjectInfo {
  ObjectId id;
  ObjectKind kind = ObjectKind::kSegment;
  std::string name;   // e.g. "00000000012345"; need not be unique
  uint64_t size = 0;  // bytes
};

// Bytes [offset, offset + length) of an object.
struct ObjectRange {
  ObjectId id;
  uint64_t offset = 0;
  uint64_t length = 0;

  friend bool operator==(const ObjectRange&, const ObjectRange&) = default;
};

// The account's storage, in bytes. No total means no limit.
struct StoreSpace {
  std::optional<uint64_t> total;
  uint64_t used = 0;
};

class ObjectStore {
 public:
  // Takes bytes in their order; false: no more of them are wanted.
  using ByteSink = std::function<bool(std::string_view)>;

  ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;
  virtual ~ObjectStore() = default;

  // `count` (1 to 1000) ids that nobody else is ever given.
  virtual Result<std::vector<ObjectId>> NewIds(int count) = 0;

  // Stores `bytes` under `id`, all or nothing. `name` is for people. Success
  // means that the store has confirmed the object's id, size and content: no
  // backend takes a server's "200 OK" alone for that.
  //
  // kAlreadyExists: the store says that the id was created before, perhaps by
  // this very call when an answer was lost on the way, perhaps by somebody
  // else, perhaps wrongly: Holds() tells.
  // kOutOfSpace: the quota is used up; nothing was stored.
  virtual Status Create(const ObjectId& id, ObjectKind kind,
                        std::string_view name, std::string_view bytes) = 0;

  // Whether object `id` holds exactly `bytes`, by evidence: its size and a
  // checksum that the store computed, or the bytes themselves.
  //
  // kNotFound: no such object.
  virtual Result<bool> Holds(const ObjectId& id, std::string_view bytes) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string there,
                               Read(id, 0, bytes.size() + 1));
    return there == bytes;
  }

  // Create() of many bytes with these arguments is going to follow: what takes
  // the store time before it can take the bytes may be done meanwhile. Returns
  // at once. Nothing is stored by it, and nothing wrong if it does not follow.
  virtual void PrepareCreate(const ObjectId& id, ObjectKind kind,
                             std::string_view name) {
    (void)id, (void)kind, (void)name;
  }

  // Bytes [offset, offset + length) of an object, fewer where it ends before
  // that, none at or past its end. Not verified: the caller holds the hashes.
  //
  // kNotFound: no such object.
  virtual Result<std::string> Read(const ObjectId& id, uint64_t offset,
                                   uint64_t length) = 0;

  // The same, given to `sink` while it arrives, on the thread that called: for
  // ranges so long that the first bytes are of use before the last are there.
  // What was given is never given again, whatever has to be retried.
  //
  // kNotFound: as above. kCancelled: `sink` wanted no more.
  virtual Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                        const ByteSink& sink) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string bytes,
                               Read(id, offset, length));
    if (bytes.empty() || sink(bytes)) return {};
    return Fail(ErrorCode::kCancelled, "the rest is not wanted");
  }

  // Deletes an object for good. kNotFound when it is not there.
  virtual Status Remove(const ObjectId& id) = 0;

  // All objects of one kind; may lag behind Create and Remove. For fsck and gc
  // only: nothing is found through it in ordinary work.
  virtual Result<std::vector<ObjectInfo>> List(ObjectKind kind) = 0;

  // The superblock: the one mutable object, a hint that may be stale. Writing
  // replaces it whole. kNotFound: there is none, so this is no volume.
  virtual Result<std::string> ReadSuperblock() = 0;
  virtual Status WriteSuperblock(std::string_view bytes) = 0;
  // The same for the first one, as when a volume is made. kAlreadyExists: there
  // is one, perhaps by this very call when an answer was lost on the way.
  virtual Status CreateSuperblock(std::string_view bytes) = 0;

  // A copy of the superblock that came along when the store was opened, for
  // nothing: perhaps not the newest one, perhaps damaged. Given once, since it
  // ages, and not after a superblock was written; none where there is no such
  // thing.
  virtual std::optional<std::string> TakeSuperblockCopy() { return {}; }

  // The storage that the volume's account has.
  virtual Result<StoreSpace> Space() = 0;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_OBJECT_STORE_H_
