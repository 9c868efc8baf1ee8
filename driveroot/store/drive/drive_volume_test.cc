// SPDX-License-Identifier: Apache-2.0
//
// How volumes are found and made on a running fakedrive, and where their parts
// lie.
#include "driveroot/store/drive/drive_volume.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/drive_api.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_store_test_util.h"
#include "driveroot/store/drive/superblock_copy.h"
#include "driveroot/store/object_store.h"

namespace driveroot {
namespace {

using std::chrono::milliseconds;

using DriveVolumeTest = DriveStoreTest;

TEST_F(DriveVolumeTest, OpeningIsOneListWithTheSuperblock) {
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

TEST_F(DriveVolumeTest, TheSuperblockComesAlongWhateverWroteIt) {
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

TEST_F(DriveVolumeTest, ACopyIsThatOfTheVolumeThatIsMeant) {
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

TEST_F(DriveVolumeTest, ALongNameAndARenamedVolumeDoWithoutACopy) {
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

TEST_F(DriveVolumeTest, OpensById) {
  auto files = client_->api().List("'root' in parents", "id,name");
  ASSERT_TRUE(files) << files.error();
  ASSERT_EQ(files->size(), 1u);
  auto store = OpenDriveVolume(client_, "id=" + files->front().id);
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ((*store)->ReadSuperblock().value_or(""), "{}");
}

TEST_F(DriveVolumeTest, WrongVolumesAreNamed) {
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

TEST_F(DriveVolumeTest, QuotesInNamesAreOnlyCharacters) {
  for (const char* name : {"it's", "back\\slash", "a' or name='root"}) {
    auto made = CreateDriveVolume(client_, name);
    ASSERT_TRUE(made) << name << ": " << made.error();
    Written(**made);
    auto opened = OpenDriveVolume(client_, name);
    EXPECT_TRUE(opened) << name << ": " << opened.error();
  }
}

TEST_F(DriveVolumeTest, AVolumeIsMadeOnce) {
  const auto again = CreateDriveVolume(client_, "root");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(again.error().message().contains("drive:id="));
}

TEST_F(DriveVolumeTest, ABrokenOffCreationIsUsedAgain) {
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

TEST_F(DriveVolumeTest, AFolderThatCouldNotBeMadeIsMadeWhenItIsUsed) {
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

TEST_F(DriveVolumeTest, SegmentsLieBesideTheReadme) {
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

TEST_F(DriveVolumeTest, AVolumeWithAFolderForSegmentsKeepsIt) {
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

TEST_F(DriveVolumeTest, ANewVolumeIsLookedForOnce) {
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

TEST_F(DriveVolumeTest, AStaleListDoesNotHideANewVolume) {
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

TEST_F(DriveVolumeTest, AVolumeInTheTrashIsNoFreeName) {
  const std::string folder = Folder();
  Trash(folder);
  const auto opened = OpenDriveVolume(client_, "root");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kNotFound) << opened.error();
  const auto by_id = OpenDriveVolume(client_, "id=" + folder);
  ASSERT_FALSE(by_id);
  const auto made = CreateDriveVolume(client_, "root");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kAlreadyExists) << made.error();
  const auto pushed = OpenOrCreateDriveVolume(client_, "root");
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code(), ErrorCode::kAlreadyExists) << pushed.error();
  for (const Error& error :
       {opened.error(), by_id.error(), made.error(), pushed.error()}) {
    EXPECT_TRUE(error.message().contains("trash")) << error;
    EXPECT_TRUE(error.message().contains("restore")) << error;
    EXPECT_FALSE(error.message().contains("mkfs")) << error;
  }
  EXPECT_TRUE(opened.error().message().contains(folder)) << opened.error();
  EXPECT_EQ(Folder(), folder) << "a second one was made";

  Restore(folder);
  const auto again = OpenDriveVolume(client_, "root");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ((*again)->ReadSuperblock().value_or(""), "{}");
}

TEST_F(DriveVolumeTest, WhatIsLeftOfAnAttemptMayLieInTheTrash) {
  auto made = CreateDriveVolume(client_, "attempt");
  ASSERT_TRUE(made) << made.error();
  const auto files = client_->api().List("name='attempt'", "id,name");
  ASSERT_TRUE(files && files->size() == 1);
  Trash(files->front().id);
  // It never became a volume.
  const auto again = CreateDriveVolume(client_, "attempt");
  EXPECT_TRUE(again) << again.error();
}

TEST_F(DriveVolumeTest, NothingIsStoredInTheTrash) {
  const std::string folder = Folder();
  Trash(folder);
  for (const std::string& bytes :
       {std::string("few"), std::string(9 << 20, 'x')}) {
    const Status created = Create(bytes);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code(), ErrorCode::kUnavailable);
    EXPECT_TRUE(created.error().message().contains("trash")) << created.error();
    EXPECT_TRUE(created.error().message().contains(folder)) << created.error();
    ids_.erase(ids_.begin());
  }
  const Status written = store_->WriteSuperblock("{1}");
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().message().contains("trash")) << written.error();
  const ObjectId id = ids_[0];
  ASSERT_FALSE(Create("the bytes"));
  // The second time it is there, and in the trash still.
  const Status again = Create("the bytes");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists) << again.error();
  const Result<bool> held = store_->Holds(id, "the bytes");
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code(), ErrorCode::kUnavailable) << held.error();
  Restore(folder);
  EXPECT_TRUE(store_->Holds(id, "the bytes").value_or(false));
  EXPECT_TRUE(store_->WriteSuperblock("{1}"));
}

TEST_F(DriveVolumeTest, AFolderThatDriveMissesIsWaitedFor) {
  // As Drive has been seen to do for minutes after a folder was made.
  Fault(R"({"class":"create","path":"/upload/","action":"status","status":404,)"
        R"("reason":"notFound"})");
  const Status missed = Create("the bytes");
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code(), ErrorCode::kUnavailable) << missed.error();
  ASSERT_TRUE(drive_->ClearFaults());
  EXPECT_TRUE(Create("the bytes"));
}

TEST_F(DriveVolumeTest, AFolderThatIsGoneIsNamed) {
  const std::string folder = Folder();
  ASSERT_TRUE(client_->api().Delete(folder));
  const Status created = Create("the bytes");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kUnavailable) << created.error();
  EXPECT_TRUE(created.error().message().contains(folder)) << created.error();
}

TEST_F(DriveVolumeTest, SeveralVolumesOfOneNameAreListed) {
  auto ids = client_->api().GenerateIds(1);
  ASSERT_TRUE(ids);
  auto files = client_->api().List("'root' in parents",
                                   "id,name,mimeType,appProperties");
  ASSERT_TRUE(files);
  ASSERT_TRUE(client_->api().CreateFolder(
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

}  // namespace
}  // namespace driveroot
