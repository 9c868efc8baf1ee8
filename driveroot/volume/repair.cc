// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/repair.h"

#include <string_view>
#include <utility>

#include "driveroot/volume/log_reader.h"
#include "driveroot/volume/past_check.h"
#include "driveroot/volume/recovery.h"
#include "driveroot/volume/salvage.h"
#include "driveroot/volume/superblock.h"
#include "driveroot/volume/tree_check.h"
#include "driveroot/volume/writer_identity.h"

namespace driveroot {
namespace {

// Whoever has more than this many problems needs no list of all of them.
constexpr size_t kMaxSentences = 1000;

void Append(std::vector<std::string>& list, std::vector<std::string> more) {
  for (std::string& text : more) list.push_back(std::move(text));
}

// A store that others use as well.
class BorrowedStore : public ObjectStore {
 public:
  explicit BorrowedStore(ObjectStore& store) : store_(store) {}

  Result<std::vector<ObjectId>> NewIds(int count) override {
    return store_.NewIds(count);
  }
  Status Create(const ObjectId& id, ObjectKind kind, std::string_view name,
                std::string_view bytes) override {
    return store_.Create(id, kind, name, bytes);
  }
  Result<bool> Holds(const ObjectId& id, std::string_view bytes) override {
    return store_.Holds(id, bytes);
  }
  void PrepareCreate(const ObjectId& id, ObjectKind kind,
                     std::string_view name) override {
    store_.PrepareCreate(id, kind, name);
  }
  Result<std::string> Read(const ObjectId& id, uint64_t offset,
                           uint64_t length) override {
    return store_.Read(id, offset, length);
  }
  Status ReadTo(const ObjectId& id, uint64_t offset, uint64_t length,
                const ByteSink& sink) override {
    return store_.ReadTo(id, offset, length, sink);
  }
  Status Remove(const ObjectId& id) override { return store_.Remove(id); }
  Result<std::vector<ObjectInfo>> List(ObjectKind kind) override {
    return store_.List(kind);
  }
  Result<std::string> ReadSuperblock() override {
    return store_.ReadSuperblock();
  }
  Status WriteSuperblock(std::string_view bytes) override {
    return store_.WriteSuperblock(bytes);
  }
  Status CreateSuperblock(std::string_view bytes) override {
    return store_.CreateSuperblock(bytes);
  }
  Result<StoreSpace> Space() override { return store_.Space(); }

 private:
  ObjectStore& store_;
};

class Repairer {
 public:
  Repairer(ObjectStore& store, const VolumeOptions& options)
      : store_(store), options_(options) {
    options_.for_repair = true;
  }

  Result<std::vector<std::string>> Run() {
    {
      Metadata metadata;
      const Result<RecoveredLog> recovered = Recover(store_, metadata);
      if (!recovered) {
        DRIVEROOT_RETURN_IF_ERROR(SalvageFrom(recovered.error()));
      } else if (recovered->is_detour) {
        done_.push_back(recovered->notes.back());
      }
    }
    Result<std::unique_ptr<Volume>> volume = Open();
    if (!volume) {
      // Its log ends where another record was, and cannot go on.
      DRIVEROOT_RETURN_IF_ERROR(SalvageFrom(volume.error()));
      volume = Open();
    }
    if (!volume) return std::unexpected(volume.error());
    DRIVEROOT_RETURN_IF_ERROR(RepairPast(**volume));
    {
      DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock,
                                 (*volume)->Write());
      Append(done_, RepairTree(*lock, NowNs(), kMaxSentences));
    }
    DRIVEROOT_RETURN_IF_ERROR((*volume)->Close());
    DRIVEROOT_RETURN_IF_ERROR(WriteReadme((*volume)->GetStatus().uuid));
    return std::move(done_);
  }

 private:
  Result<std::unique_ptr<Volume>> Open() {
    return Volume::Open(std::make_unique<BorrowedStore>(store_), options_);
  }

  // Makes a volume that cannot be opened one that can.
  Status SalvageFrom(const Error& why) {
    if (why.code() != ErrorCode::kDataLoss) return std::unexpected(why);
    done_.push_back(WithoutRemedy(why));
    DRIVEROOT_ASSIGN_OR_RETURN(
        SalvageReport report,
        Salvage(store_,
                MakeWriterIdentity(options_.host_name, options_.boot_id,
                                   options_.writer_id),
                options_.steal, NowNs()));
    done_.push_back("began anew from checkpoint " +
                    std::to_string(report.checkpoint_record) + " and " +
                    std::to_string(report.records) + " records after it");
    for (const uint64_t sequence : report.lost_records) {
      done_.push_back("log record " + std::to_string(sequence) +
                      " could not be used");
    }
    Append(done_, std::move(report.done));
    return {};
  }

  // Past states that cannot be had, so that they are not looked for again.
  Status RepairPast(Volume& volume) {
    // Nobody else has this volume.
    const KeptPast past(*volume.Read());
    DRIVEROOT_ASSIGN_OR_RETURN(std::vector<PastProblem> problems,
                               CheckPast(store_, past, /*read_all=*/true));
    DRIVEROOT_ASSIGN_OR_RETURN(const Volume::WriteLock lock, volume.Write());
    GiveUpLostPast(*lock, problems);
    for (PastProblem& problem : problems) {
      done_.push_back(std::move(problem.text));
    }
    return {};
  }

  Status WriteReadme(std::string_view uuid) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> readme,
                               store_.List(ObjectKind::kReadme));
    if (!readme.empty()) return {};
    DRIVEROOT_ASSIGN_OR_RETURN(const std::vector<ObjectId> ids,
                               store_.NewIds(1));
    DRIVEROOT_RETURN_IF_ERROR(store_.Create(ids.front(), ObjectKind::kReadme,
                                            "README.txt", ReadmeText(uuid)));
    done_.push_back("README.txt was missing: written anew");
    return {};
  }

  ObjectStore& store_;
  VolumeOptions options_;
  std::vector<std::string> done_;
};

}  // namespace

Result<std::vector<std::string>> RepairVolume(
    std::unique_ptr<ObjectStore> store, const VolumeOptions& options) {
  return Repairer(*store, options).Run();
}

}  // namespace driveroot
