// SPDX-License-Identifier: Apache-2.0
//
// DriveStore against a running fakedrive: the contract of all stores, and what
// only a network and Google do.
#include "driveroot/store/drive/drive_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_volume.h"
#include "driveroot/store/drive/superblock_copy.h"
#include "driveroot/store/object_store.h"
#include "driveroot/store/object_store_contract.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {
namespace {

using fakedrive::FakeDriveProcess;
using fakedrive::FakeDriveStats;
using std::chrono::milliseconds;
using std::chrono::seconds;

DriveClientOptions OptionsFor(const FakeDriveProcess& drive) {
  return {.credentials_file = drive.credentials_file(),
          .drive_endpoint = drive.endpoint(),
          .ca_file = drive.ca_file(),
          .retry_limit = RetryLimit::Within(seconds(60))};
}

// One fakedrive serves all contract tests; each has a volume of its own.
class DriveContractBackend : public ContractBackend {
 public:
  explicit DriveContractBackend(const FakeDriveProcess& drive)
      : options_(OptionsFor(drive)),
        name_("contract-" + std::to_string(++volumes_)) {}

  Result<std::unique_ptr<ObjectStore>> Open() override {
    DRIVEROOT_ASSIGN_OR_RETURN(std::shared_ptr<DriveClient> client,
                               DriveClient::Open(options_));
    if (std::exchange(made_, true)) {
      return OpenDriveVolume(std::move(client), name_);
    }
    return CreateDriveVolume(std::move(client), name_);
  }

 private:
  static inline int volumes_ = 0;
  DriveClientOptions options_;
  std::string name_;
  bool made_ = false;
};

std::unique_ptr<ContractBackend> MakeDriveBackend() {
  static const auto drive = FakeDriveProcess::Start();
  if (!drive) {
    ADD_FAILURE() << drive.error();
    return nullptr;
  }
  return std::make_unique<DriveContractBackend>(**drive);
}

INSTANTIATE_TEST_SUITE_P(Drive, ObjectStoreContractTest,
                         testing::Values(ContractParam{"Drive",
                                                       MakeDriveBackend}),
                         ContractParamName);

class DriveStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = FakeDriveProcess::Start();
    ASSERT_TRUE(started) << started.error();
    drive_ = *std::move(started);
    client_ = Client(OptionsFor(*drive_));
    auto store = CreateDriveVolume(client_, "root");
    ASSERT_TRUE(store) << store.error();
    store_ = *std::move(store);
    Written(*store_);
    auto ids = store_->NewIds(10);
    ASSERT_TRUE(ids) << ids.error();
    ids_ = *std::move(ids);
  }

  static std::shared_ptr<DriveClient> Client(
      const DriveClientOptions& options) {
    auto client = DriveClient::Open(options);
    EXPECT_TRUE(client) << client.error();
    return client ? *client : nullptr;
  }

  static void Written(ObjectStore& store) {
    const Status written = store.WriteSuperblock("{}");
    EXPECT_TRUE(written) << written.error();
  }

  void Fault(const std::string& json) {
    const Status added = drive_->AddFault(json);
    ASSERT_TRUE(added) << added.error();
  }

  uint64_t Requests(const std::string& call_class) {
    auto stats = drive_->Stats();
    EXPECT_TRUE(stats) << stats.error();
    return stats ? stats->requests[call_class] : 0;
  }

  Status Create(const std::string& bytes) {
    return store_->Create(ids_[0], ObjectKind::kSegment, "s", bytes);
  }
  std::string Stored() {
    auto read = store_->Read(ids_[0], 0, 100u << 20);
    return read ? *read : read.error().ToString();
  }

  std::unique_ptr<FakeDriveProcess> drive_;
  std::shared_ptr<DriveClient> client_;
  std::unique_ptr<ObjectStore> store_;
  std::vector<ObjectId> ids_;
};

std::string Large() {
  std::string bytes((9u << 20) + 77, '\0');
  uint32_t state = 7;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

TEST_F(DriveStoreTest, SpeaksHttp2OverFewConnections) {
  std::vector<std::jthread> threads;
  for (const ObjectId& id : ids_) {
    threads.emplace_back([this, id] {
      const Status made = store_->Create(id, ObjectKind::kSegment, "s", id);
      EXPECT_TRUE(made) << made.error();
      EXPECT_EQ(store_->Read(id, 0, 100).value_or(""), id);
    });
  }
  threads.clear();
  const NetCounters counters = client_->Counters();
  EXPECT_EQ(counters.http2_responses, counters.requests);
  EXPECT_GE(counters.requests, 20u);
  EXPECT_LE(counters.connections_opened, 6u);
  EXPECT_EQ(counters.calls.at("files.create").method, "POST");
  auto stats = drive_->Stats();
  ASSERT_TRUE(stats);
  EXPECT_GE(stats->totals["http2_streams"], 20u);
}

TEST_F(DriveStoreTest, OpeningIsOneListWithTheSuperblock) {
  auto client = Client(OptionsFor(*drive_));
  ASSERT_TRUE(drive_->ResetStats());
  auto store = OpenDriveVolume(client, "root");
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ((*store)->TakeSuperblockCopy(), "{}");
  EXPECT_EQ(client->Counters().requests, 2u);  // with the token's
  EXPECT_EQ((*store)->ReadSuperblock().value_or(""), "{}");
  EXPECT_EQ(Requests("list"), 1u);
  EXPECT_EQ(Requests("media"), 1u);
  EXPECT_EQ(Requests("get"), 0u);
}

TEST_F(DriveStoreTest, TheSuperblockComesAlongWhateverWroteIt) {
  // By CreateSuperblock, and by WriteSuperblock.
  auto made = OpenOrCreateDriveVolume(client_, "it's new");
  ASSERT_TRUE(made) << made.error();
  ASSERT_TRUE((*made)->CreateSuperblock("created"));
  for (const std::string& bytes :
       {std::string("created"), std::string(2000, 'x'), std::string("shorter"),
        std::string(5000, 'y'), std::string("\xff\n\0", 3)}) {
    if (bytes != "created") {
      ASSERT_TRUE((*made)->WriteSuperblock(bytes));
    }
    auto opened = OpenDriveVolume(client_, "it's new");
    ASSERT_TRUE(opened) << opened.error();
    // The longest one does not fit.
    EXPECT_EQ((*opened)->TakeSuperblockCopy(),
              bytes.size() < 5000 ? std::optional(bytes) : std::nullopt);
    EXPECT_EQ((*opened)->ReadSuperblock().value_or(""), bytes);
  }
}

TEST_F(DriveStoreTest, ACopyIsThatOfTheVolumeThatIsMeant) {
  const auto superblock = [this] {
    auto files = client_->api().List("name='root'", "id,appProperties");
    EXPECT_TRUE(files) << files.error();
    return files->front().app_properties["driveroot_superblock"];
  };
  // Another file says that it is the superblock of a volume of that name.
  auto ids = client_->api().GenerateIds(1);
  ASSERT_TRUE(ids);
  NewDriveFile other{.id = ids->front(), .name = "x", .mime_type = "a/b"};
  for (auto& [key, value] : PropertiesWithCopy("root", "another's")) {
    if (value) other.app_properties.emplace(key, *value);
  }
  ASSERT_TRUE(client_->api().Upload(other, ""));
  auto opened = OpenDriveVolume(client_, "root");
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ((*opened)->TakeSuperblockCopy(), "{}");
  // A copy that is torn, and one that is older than the superblock.
  auto torn = PropertiesWithCopy("root", "older");
  torn["driveroot_copy_00"] = "AAAA";
  ASSERT_TRUE(client_->api().Update(superblock(), torn, "{}", "a/b"));
  opened = OpenDriveVolume(client_, "root");
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ((*opened)->TakeSuperblockCopy(), std::nullopt);
  EXPECT_EQ((*opened)->ReadSuperblock().value_or(""), "{}");
  ASSERT_TRUE(client_->api().Update(
      superblock(), PropertiesWithCopy("root", "older"), "{}", "a/b"));
  opened = OpenDriveVolume(client_, "root");
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ((*opened)->TakeSuperblockCopy(), "older");
  EXPECT_EQ((*opened)->ReadSuperblock().value_or(""), "{}");
}

TEST_F(DriveStoreTest, ALongNameAndARenamedVolumeDoWithoutACopy) {
  const std::string long_name(200, 'n');
  auto made = CreateDriveVolume(client_, long_name);
  ASSERT_TRUE(made) << made.error();
  Written(**made);
  auto opened = OpenDriveVolume(client_, long_name);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ((*opened)->TakeSuperblockCopy(), std::nullopt);
  EXPECT_EQ((*opened)->ReadSuperblock().value_or(""), "{}");

  auto files = client_->api().List("name='root'", "id");
  ASSERT_TRUE(files);
  const auto renamed = client_->api().client().Call(
      {.call = "files.update",
       .method = "PATCH",
       .url = drive_->endpoint() + "/drive/v3/files/" + files->front().id,
       .headers = {{"Content-Type", "application/json"}},
       .body = {R"({"name":"renamed"})"}});
  ASSERT_TRUE(renamed) << renamed.error();
  EXPECT_FALSE(OpenDriveVolume(client_, "root"));
  opened = OpenDriveVolume(client_, "renamed");
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ((*opened)->TakeSuperblockCopy(), std::nullopt);
  EXPECT_EQ((*opened)->ReadSuperblock().value_or(""), "{}");
  // The next one goes by the new name.
  Written(**opened);
  opened = OpenDriveVolume(client_, "renamed");
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ((*opened)->TakeSuperblockCopy(), "{}");
}

TEST_F(DriveStoreTest, OpensById) {
  auto files = client_->api().List("'root' in parents", "id,name");
  ASSERT_TRUE(files) << files.error();
  ASSERT_EQ(files->size(), 1u);
  auto store = OpenDriveVolume(client_, "id=" + files->front().id);
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ((*store)->ReadSuperblock().value_or(""), "{}");
}

TEST_F(DriveStoreTest, WrongVolumesAreNamed) {
  const auto none = OpenDriveVolume(client_, "nosuch");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(none.error().message().contains("\"nosuch\"")) << none.error();
  const auto other_case = OpenDriveVolume(client_, "ROOT");
  ASSERT_FALSE(other_case);
  EXPECT_EQ(other_case.error().code(), ErrorCode::kNotFound);
  const auto no_id = OpenDriveVolume(client_, "id=" + ids_[0]);
  ASSERT_FALSE(no_id);
  EXPECT_EQ(no_id.error().code(), ErrorCode::kNotFound);
  for (const char* bad : {"", "a/b", "id=", "id=a b", "id=../x"}) {
    const auto refused = OpenDriveVolume(client_, bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument) << bad;
  }
  ASSERT_TRUE(Create("no folder"));
  const auto file = OpenDriveVolume(client_, "id=" + ids_[0]);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(DriveStoreTest, QuotesInNamesAreOnlyCharacters) {
  for (const char* name : {"it's", "back\\slash", "a' or name='root"}) {
    auto made = CreateDriveVolume(client_, name);
    ASSERT_TRUE(made) << name << ": " << made.error();
    Written(**made);
    auto opened = OpenDriveVolume(client_, name);
    EXPECT_TRUE(opened) << name << ": " << opened.error();
  }
}

TEST_F(DriveStoreTest, AVolumeIsMadeOnce) {
  const auto again = CreateDriveVolume(client_, "root");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(again.error().message().contains("drive:id="));
}

TEST_F(DriveStoreTest, ABrokenOffCreationIsUsedAgain) {
  // Its superblock was never written.
  ASSERT_TRUE(CreateDriveVolume(client_, "second"));
  auto made = CreateDriveVolume(client_, "second");
  ASSERT_TRUE(made) << made.error();
  Written(**made);
  auto files = client_->api().List("'root' in parents", "id,name");
  ASSERT_TRUE(files) << files.error();
  EXPECT_EQ(files->size(), 2u);
  EXPECT_TRUE((*made)->Create(ids_[1], ObjectKind::kCheckpoint, "c", "x"));
}

TEST_F(DriveStoreTest, AFolderThatCouldNotBeMadeIsMadeWhenItIsUsed) {
  auto impatient = OptionsFor(*drive_);
  impatient.retry_limit = RetryLimit::Within(milliseconds(0));
  struct Case {
    std::string nth;   // the folder that fails: the volume's own is the first
    ObjectKind first;  // what is stored then; a segment is in the volume's own
  };
  for (const auto& [nth, first] :
       {Case{"1", ObjectKind::kSegment}, Case{"1", ObjectKind::kLogRecord},
        Case{"2", ObjectKind::kLogRecord},
        Case{"2", ObjectKind::kCheckpoint}}) {
    const std::string name =
        nth + "-" + std::to_string(static_cast<int>(first));
    Fault(R"({"class":"create","nth":)" + nth +
          R"(,"action":"status","status":503})");
    auto opened = OpenOrCreateDriveVolume(Client(impatient), name);
    ASSERT_TRUE(opened) << opened.error();
    for (const ObjectKind kind :
         {first, ObjectKind::kSegment, ObjectKind::kLogRecord,
          ObjectKind::kCheckpoint}) {
      const auto ids = (*opened)->NewIds(1);
      ASSERT_TRUE(ids) << ids.error();
      const Status stored = (*opened)->Create(ids->front(), kind, "x", "bytes");
      EXPECT_TRUE(stored) << stored.error();
    }
    Written(**opened);
    EXPECT_TRUE(OpenDriveVolume(client_, name));
    ASSERT_TRUE(drive_->ClearFaults());
  }
}

TEST_F(DriveStoreTest, SegmentsLieBesideTheReadme) {
  ASSERT_TRUE(store_->Create(ids_[1], ObjectKind::kReadme, "README.txt", "r"));
  ASSERT_TRUE(store_->Create(ids_[2], ObjectKind::kLogRecord, "8", "log"));
  ASSERT_TRUE(store_->Create(ids_[3], ObjectKind::kSegment, "9", "segment"));
  const auto folders = client_->api().List("name='root'", "id,name");
  ASSERT_TRUE(folders) << folders.error();
  ASSERT_EQ(folders->size(), 1u);
  const auto files = client_->api().List(
      QuoteForQuery(folders->front().id) + " in parents", "id,name");
  ASSERT_TRUE(files) << files.error();
  std::set<std::string> names;
  for (const DriveFile& file : *files) names.insert(file.name);
  EXPECT_EQ(names, (std::set<std::string>{"README.txt", "superblock.json",
                                          "log", "checkpoints", "segment-9"}));
  const auto segments = store_->List(ObjectKind::kSegment);
  ASSERT_TRUE(segments) << segments.error();
  ASSERT_EQ(segments->size(), 1u);
  EXPECT_EQ(segments->front().id, ids_[3]);
  EXPECT_EQ(segments->front().name, "9");
  EXPECT_EQ(segments->front().size, 7u);
}

TEST_F(DriveStoreTest, AVolumeWithAFolderForSegmentsKeepsIt) {
  // As earlier versions made them.
  const DriveVolumeLayout layout = {.name = "old",
                                    .folder = ids_[0],
                                    .log = ids_[1],
                                    .segments = ids_[2],
                                    .checkpoints = ids_[3],
                                    .superblock = ids_[4]};
  ASSERT_TRUE(MakeVolumeFolder(client_->api(), layout));
  ASSERT_TRUE(MakePartFolders(client_->api(), layout));
  const auto store = OpenDriveVolume(client_, "old");
  ASSERT_TRUE(store) << store.error();
  Written(**store);
  ASSERT_TRUE((*store)->Create(ids_[5], ObjectKind::kSegment, "9", "bytes"));
  const auto files = client_->api().List(
      QuoteForQuery(layout.segments) + " in parents", "id,name");
  ASSERT_TRUE(files) << files.error();
  ASSERT_EQ(files->size(), 1u);
  EXPECT_EQ(files->front().name, "9");
  const auto segments = (*store)->List(ObjectKind::kSegment);
  ASSERT_TRUE(segments) << segments.error();
  ASSERT_EQ(segments->size(), 1u);
  EXPECT_EQ(segments->front().name, "9");
}

TEST_F(DriveStoreTest, ANewVolumeIsLookedForOnce) {
  ASSERT_TRUE(drive_->ResetStats());
  auto made = OpenOrCreateDriveVolume(client_, "second");
  ASSERT_TRUE(made) << made.error();
  EXPECT_EQ((*made)->ReadSuperblock().error().code(), ErrorCode::kNotFound);
  Written(**made);
  EXPECT_EQ((*made)->ReadSuperblock().value_or(""), "{}");
  // By name and among what lies in My Drive.
  EXPECT_EQ(Requests("list"), 2u);
  EXPECT_EQ(Requests("update"), 0u);
  // Itself, two folders in it and the superblock.
  EXPECT_EQ(Requests("create"), 4u);
  auto again = OpenOrCreateDriveVolume(client_, "second");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ((*again)->ReadSuperblock().value_or(""), "{}");
  // Who opens it gets ids along with it, whether or not it was there.
  EXPECT_TRUE((*made)->NewIds(10));
  EXPECT_TRUE((*again)->NewIds(10));
  EXPECT_EQ(Requests("generate_ids"), 2u);
}

TEST_F(DriveStoreTest, AStaleListDoesNotHideANewVolume) {
  ASSERT_TRUE(drive_->Set(R"({"name_lag_ms":600000})"));
  auto made = CreateDriveVolume(client_, "fresh");
  ASSERT_TRUE(made) << made.error();
  Written(**made);
  const auto opened = OpenDriveVolume(client_, "fresh");
  EXPECT_TRUE(opened) << opened.error();
  const auto again = CreateDriveVolume(client_, "fresh");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(DriveStoreTest, SeveralVolumesOfOneNameAreListed) {
  auto ids = client_->api().GenerateIds(1);
  ASSERT_TRUE(ids);
  auto files = client_->api().List("'root' in parents",
                                   "id,name,mimeType,appProperties");
  ASSERT_TRUE(files);
  ASSERT_TRUE(client_->api().CreateMetadata(
      {.id = ids->front(),
       .name = "root",
       .mime_type = std::string(kFolderMimeType),
       .app_properties = files->front().app_properties}));
  const auto opened = OpenDriveVolume(client_, "root");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(opened.error().message().contains(ids->front()));
  EXPECT_TRUE(opened.error().message().contains(files->front().id));
}

TEST_F(DriveStoreTest, ALostAnswerShowsAsAlreadyExists) {
  Fault(R"({"class":"create","nth":1,"action":"reset_after_commit"})");
  const Status created = Create("the bytes");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(Stored(), "the bytes");
}

TEST_F(DriveStoreTest, AResetBeforeTheCommitIsRetried) {
  Fault(R"({"class":"create","nth":1,"action":"reset_before_commit"})");
  const Status created = Create("the bytes");
  ASSERT_TRUE(created) << created.error();
  EXPECT_EQ(Stored(), "the bytes");
}

TEST_F(DriveStoreTest, ALargeObjectIsOneSessionAndOnePut) {
  const std::string bytes = Large();
  ASSERT_TRUE(drive_->ResetStats());
  const Status created = Create(bytes);
  ASSERT_TRUE(created) << created.error();
  EXPECT_EQ(Requests("create"), 1u);
  EXPECT_EQ(Requests("upload"), 1u);
  EXPECT_TRUE(Stored() == bytes);
}

TEST_F(DriveStoreTest, APreparedUploadHasItsSessionAlready) {
  const std::string bytes = Large();
  ASSERT_TRUE(drive_->ResetStats());
  store_->PrepareCreate(ids_[0], ObjectKind::kSegment, "s");
  while (Requests("create") == 0) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(Requests("upload"), 0u);
  const Status created = Create(bytes);
  ASSERT_TRUE(created) << created.error();
  EXPECT_EQ(Requests("create"), 1u);
  EXPECT_EQ(Requests("upload"), 1u);
  EXPECT_TRUE(Stored() == bytes);
}

TEST_F(DriveStoreTest, APreparedUploadWhoseSessionIsGoneBeginsAgain) {
  const std::string bytes = Large();
  Fault(R"({"class":"upload","nth":1,"action":"expire_session"})");
  store_->PrepareCreate(ids_[0], ObjectKind::kSegment, "s");
  const Status created = Create(bytes);
  ASSERT_TRUE(created) << created.error();
  EXPECT_TRUE(Stored() == bytes);
}

TEST_F(DriveStoreTest, ALargeUploadSendsOnlyTheRestAgain) {
  const std::string bytes = Large();
  Fault(R"({"class":"upload","nth":1,"action":"short_308","bytes":8388608})");
  ASSERT_TRUE(drive_->ResetStats());
  const Status created = Create(bytes);
  ASSERT_TRUE(created) << created.error();
  EXPECT_TRUE(Stored() == bytes);
  auto stats = drive_->Stats();
  ASSERT_TRUE(stats);
  EXPECT_LT(stats->body_bytes_in["upload"], bytes.size() + (2u << 20));
}

TEST_F(DriveStoreTest, ALargeUploadSurvivesAnything) {
  const std::string bytes = Large();
  int next = 0;
  for (const char* fault :
       {R"({"class":"upload","nth":1,"action":"reset_before_commit"})",
        R"({"class":"upload","nth":1,"action":"reset_after_commit"})",
        R"({"class":"upload","nth":1,"action":"status","status":503})",
        R"({"class":"upload","nth":1,"action":"expire_session"})",
        R"({"class":"upload","nth":1,"action":"expire_token"})",
        R"({"class":"create","nth":1,"action":"reset_after_commit"})",
        R"({"class":"upload","nth":1,"action":"goaway"})"}) {
    ASSERT_TRUE(drive_->ClearFaults());
    Fault(fault);
    const ObjectId& id = ids_[static_cast<size_t>(next++)];
    const Status created = store_->Create(id, ObjectKind::kSegment, "s", bytes);
    // A commit whose answer was lost may show as a taken id.
    EXPECT_TRUE(created || created.error().code() == ErrorCode::kAlreadyExists)
        << fault << ": " << created.error();
    ASSERT_TRUE(drive_->ClearFaults());
    auto read = store_->Read(id, 0, bytes.size());
    ASSERT_TRUE(read) << fault << ": " << read.error();
    EXPECT_TRUE(*read == bytes) << fault;
  }
}

TEST_F(DriveStoreTest, BrokenReadsAreRetried) {
  const std::string bytes(200'000, 'b');
  ASSERT_TRUE(Create(bytes));
  for (const char* fault :
       {R"({"class":"media","nth":1,"action":"truncate","bytes":1000})",
        R"({"class":"media","nth":1,"action":"reset_before_commit",)"
        R"("scope":"connection"})",
        R"({"class":"media","nth":1,"action":"goaway"})",
        R"({"class":"media","nth":1,"action":"expire_token"})",
        R"({"class":"media","nth":1,"action":"status","status":429,)"
        R"("reason":"rateLimitExceeded","retry_after":2})"}) {
    ASSERT_TRUE(drive_->ClearFaults());
    Fault(fault);
    EXPECT_TRUE(Stored() == bytes) << fault;
  }
  EXPECT_GE(client_->Counters().rate_limited, 1u);
}

TEST_F(DriveStoreTest, ABrokenReadGoesOnWhereItBroke) {
  const std::string bytes = Large();
  ASSERT_TRUE(Create(bytes));
  Fault(R"({"class":"media","nth":1,"action":"truncate","bytes":8000000})");
  ASSERT_TRUE(drive_->ResetStats());
  EXPECT_TRUE(Stored() == bytes);
  EXPECT_EQ(Requests("media"), 2u);
  auto stats = drive_->Stats();
  ASSERT_TRUE(stats) << stats.error();
  // What arrived before the break is not sent again.
  EXPECT_LE(stats->body_bytes_out["media"], bytes.size() + (1u << 20));
}

TEST_F(DriveStoreTest, TheFirstBytesAreThereBeforeTheLast) {
  const std::string bytes = Large();
  ASSERT_TRUE(Create(bytes));
  // The link is so slow that the rest would take minutes.
  ASSERT_TRUE(drive_->Set(R"({"bandwidth_mbit":0.5})"));
  std::string read;
  const Status status =
      store_->ReadTo(ids_[0], 0, bytes.size(), [&](std::string_view piece) {
        read += piece;
        return false;
      });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kCancelled) << status.error();
  EXPECT_TRUE(bytes.starts_with(read));
  EXPECT_LT(read.size(), bytes.size());
  // Nothing of it is left under way that would hold others up.
  EXPECT_EQ(store_->Read(ids_[0], 9'000'000, 10).value_or(""),
            bytes.substr(9'000'000, 10));
}

TEST_F(DriveStoreTest, ARevokedTokenIsExplained) {
  ASSERT_TRUE(drive_->Revoke("all"));
  const auto read = store_->ReadSuperblock();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(read.error().message().contains("driveroot login"))
      << read.error();
}

TEST_F(DriveStoreTest, ARevokedAccessTokenIsRenewed) {
  ASSERT_TRUE(drive_->Revoke("access"));
  const auto read = store_->ReadSuperblock();
  EXPECT_TRUE(read) << read.error();
}

TEST_F(DriveStoreTest, AFullDriveIsOutOfSpace) {
  ASSERT_TRUE(drive_->Restart({"--quota_bytes=100000"}));
  for (const size_t size : {200'000u, 6'000'000u}) {
    const Status created = Create(std::string(size, 'x'));
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code(), ErrorCode::kOutOfSpace)
        << created.error();
  }
  const auto gone = store_->Read(ids_[0], 0, 1);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
  const auto space = store_->Space();
  ASSERT_TRUE(space) << space.error();
  EXPECT_EQ(space->total, 100'000u);
}

TEST_F(DriveStoreTest, AnOutageIsWaitedOut) {
  auto options = OptionsFor(*drive_);
  options.retry_limit = RetryLimit::ForEver();
  std::atomic<int> waits = 0;
  options.retry_observer = [&](const RetryNotice&) { ++waits; };
  auto store = OpenDriveVolume(Client(options), "root");
  ASSERT_TRUE(store) << store.error();
  drive_->Kill();
  Result<std::string> read = Fail(ErrorCode::kInternal, "not read yet");
  std::jthread reader([&] { read = (*store)->ReadSuperblock(); });
  // From this thread: the process ends with the thread that started it.
  while (waits < 2) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(drive_->Restart());
  reader.join();
  EXPECT_TRUE(read) << read.error();
}

TEST_F(DriveStoreTest, NoNetworkIsExplained) {
  drive_->Kill();
  auto options = OptionsFor(*drive_);
  options.retry_limit = RetryLimit::Within(milliseconds(100));
  const auto store = OpenDriveVolume(Client(options), "root");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(store.error().message().contains("cannot connect to 127.0.0.1"))
      << store.error();
  EXPECT_TRUE(store.error().message().contains("Connection refused"))
      << store.error();
}

TEST_F(DriveStoreTest, CancelEndsWaitingCalls) {
  auto options = OptionsFor(*drive_);
  options.retry_limit = RetryLimit::ForEver();
  std::atomic<bool> waiting = false;
  options.retry_observer = [&](const RetryNotice&) { waiting = true; };
  auto client = Client(options);
  auto store = OpenDriveVolume(client, "root");
  ASSERT_TRUE(store) << store.error();
  drive_->Kill();
  std::jthread ends([&] {
    while (!waiting) std::this_thread::sleep_for(milliseconds(10));
    client->Cancel();
  });
  const auto read = (*store)->ReadSuperblock();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kCancelled) << read.error();
}

TEST_F(DriveStoreTest, CancelEndsCallsUnderWay) {
  Fault(R"({"class":"media","action":"stall","ms":600000})");
  std::jthread ends([&] {
    // Time for the call to be under way; the outcome is the same without.
    std::this_thread::sleep_for(milliseconds(300));
    client_->Cancel();
  });
  const auto read = store_->ReadSuperblock();
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kCancelled) << read.error();
}

}  // namespace
}  // namespace driveroot
