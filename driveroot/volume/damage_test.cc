// SPDX-License-Identifier: Apache-2.0
//
// Damage in every place: each byte of each object changed, each object cut off,
// missing, or replaced by another one. What is then read is what was written,
// or an error that says so; never anything else.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/volume/check.h"
#include "driveroot/volume/golden_volume.h"
#include "driveroot/volume/state_model.h"
#include "driveroot/volume/volume_test_util.h"

namespace driveroot {
namespace {

// Segments are all alike inside: not every byte of them.
constexpr size_t kSegmentStep = 7;

class DamageEverywhereTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeGoldenVolume(account_));
    const auto volume = OpenOn(account_, ReadOnly());
    ASSERT_TRUE(volume) << volume.error();
    const auto fingerprint = Fingerprint(**volume);
    ASSERT_TRUE(fingerprint) << fingerprint.error();
    fingerprint_ = *fingerprint;
  }

  static VolumeOptions ReadOnly() {
    VolumeOptions options = TestOptions();
    options.read_only = true;
    return options;
  }

  // Reads the volume as it is in `account`, all of it.
  void ExpectRightOrReported(const std::shared_ptr<FakeAccount>& account,
                             const std::string& damage) {
    ++damages_;
    const auto volume = OpenOn(account, ReadOnly());
    const Result<uint64_t> fingerprint =
        volume ? Fingerprint(**volume) : std::unexpected(volume.error());
    if (fingerprint) {
      EXPECT_EQ(*fingerprint, fingerprint_) << damage;
      return;
    }
    ++reported_;
    const ErrorCode code = fingerprint.error().code();
    EXPECT_TRUE(code == ErrorCode::kDataLoss ||
                code == ErrorCode::kUnsupportedVersion)
        << damage << ": " << fingerprint.error();
  }

  // The same with the bytes of one object changed.
  void Change(const ObjectId& id, const std::string& damage,
              std::string bytes) {
    const auto account = std::make_shared<FakeAccount>(*account_);
    account->objects.at(id).bytes = std::move(bytes);
    ExpectRightOrReported(account, "object " + id + ": " + damage);
  }

  size_t StepOf(const ObjectId& id) const {
    const bool is_segment =
        account_->objects.at(id).kind == ObjectKind::kSegment;
    return is_segment ? kSegmentStep : 1;
  }

  const std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
  uint64_t fingerprint_ = 0;
  int damages_ = 0;
  int reported_ = 0;
};

TEST_F(DamageEverywhereTest, ChangedBytes) {
  for (const auto& [id, object] : account_->objects) {
    for (size_t at = 0; at < object.bytes.size(); at += StepOf(id)) {
      std::string bytes = object.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      Change(id, "byte " + std::to_string(at), std::move(bytes));
    }
  }
  for (size_t at = 0; at < account_->superblock->size(); ++at) {
    const auto account = std::make_shared<FakeAccount>(*account_);
    char& byte = account->superblock->at(at);
    byte = static_cast<char>(byte ^ (1 << at % 8));
    ExpectRightOrReported(account, "superblock, byte " + std::to_string(at));
  }
  std::cout << damages_ << " damages, " << reported_
            << " reported, the others without effect\n";
  EXPECT_GT(reported_, damages_ / 4);
  EXPECT_LT(reported_, damages_);
}

TEST_F(DamageEverywhereTest, ObjectsCutOff) {
  for (const auto& [id, object] : account_->objects) {
    for (size_t length = 0; length < object.bytes.size();
         length += 5 * StepOf(id)) {
      Change(id, "cut to " + std::to_string(length),
             object.bytes.substr(0, length));
    }
    Change(id, "one byte more", object.bytes + '\0');
  }
  EXPECT_GT(reported_, damages_ / 4);
}

TEST_F(DamageEverywhereTest, ObjectsInPlaceOfOthers) {
  for (const auto& [id, object] : account_->objects) {
    for (const auto& [other_id, other] : account_->objects) {
      if (id != other_id) Change(id, "is " + other_id, other.bytes);
    }
  }
  EXPECT_GT(reported_, 10);
}

// What only the way here damaged is fetched again, by all who read.
TEST_F(DamageEverywhereTest, ADownloadThatIsDamagedOnce) {
  for (const auto& [id, object] : account_->objects) {
    for (const size_t at : {size_t{9}, object.bytes.size() / 2}) {
      int damaged = 0;
      const auto damage_once = [&, target = id](const ObjectId& read,
                                                uint64_t offset,
                                                std::string& bytes) {
        if (read != target || at < offset || at >= offset + bytes.size() ||
            damaged > 0) {
          return;
        }
        ++damaged;
        bytes[at - offset] ^= 1;
      };
      const auto make_store = [&] {
        auto store = std::make_unique<FaultyObjectStore>(
            std::make_unique<FakeObjectStore>(account_), nullptr);
        store->set_damage(damage_once);
        return store;
      };
      const auto volume = Volume::Open(make_store(), ReadOnly());
      ASSERT_TRUE(volume) << id << ": " << volume.error();
      EXPECT_EQ(Fingerprint(**volume).value_or(0), fingerprint_) << id;
      damages_ += damaged;
      damaged = 0;
      const auto report = CheckVolume(*make_store(), CheckOptions());
      ASSERT_TRUE(report) << report.error();
      EXPECT_EQ(report->problems, std::vector<std::string>()) << id;
      damages_ += damaged;
    }
  }
  EXPECT_GE(damages_, 20);
}

TEST_F(DamageEverywhereTest, ASuperblockThatIsDamagedOnce) {
  class OnceDamaged : public FakeObjectStore {
   public:
    using FakeObjectStore::FakeObjectStore;
    Result<std::string> ReadSuperblock() override {
      Result<std::string> bytes = FakeObjectStore::ReadSuperblock();
      if (bytes && ++reads_ == 1) bytes->resize(10);
      return bytes;
    }
    Result<std::vector<ObjectInfo>> List(ObjectKind kind) override {
      // It is not needed.
      EXPECT_NE(kind, ObjectKind::kCheckpoint);
      return FakeObjectStore::List(kind);
    }

   private:
    int reads_ = 0;
  };
  const auto volume =
      Volume::Open(std::make_unique<OnceDamaged>(account_), ReadOnly());
  ASSERT_TRUE(volume) << volume.error();
  EXPECT_EQ(Fingerprint(**volume).value_or(0), fingerprint_);
}

// One 404 of a record is asked about again when anything tells of later ones.
TEST_F(DamageEverywhereTest, ARecordThatIsNotFoundOnce) {
  std::vector<ObjectId> records = account_->Ids(ObjectKind::kLogRecord);
  std::ranges::sort(records, {}, [this](const ObjectId& id) {
    return account_->objects.at(id).name;
  });
  // Nothing tells of the last one.
  records.pop_back();
  for (const ObjectId& record : records) {
    int reads = 0;
    const auto volume =
        OpenOn(account_, ReadOnly(),
               [&](const StoreCall& call) -> std::optional<Fault> {
                 if (call.id != record || ++reads > 1) return std::nullopt;
                 return Fault{.error{ErrorCode::kNotFound, "404"}};
               });
    ASSERT_TRUE(volume) << volume.error();
    EXPECT_EQ(Fingerprint(**volume).value_or(0), fingerprint_) << record;
  }
}

TEST_F(DamageEverywhereTest, MissingObjects) {
  std::string last;
  for (const ObjectId& id : account_->Ids(ObjectKind::kLogRecord)) {
    last = std::max(last, account_->objects.at(id).name);
  }
  for (const auto& [id, object] : account_->objects) {
    // The last one leaves no trace, as after a crash.
    if (object.kind == ObjectKind::kLogRecord && object.name == last) continue;
    const auto account = std::make_shared<FakeAccount>(*account_);
    account->objects.erase(id);
    ExpectRightOrReported(account, "object " + id + " missing");
  }
  // The segment at least. An older checkpoint and the records after it stand in
  // for one that is lost.
  EXPECT_GE(reported_, 1);
}

}  // namespace
}  // namespace driveroot
