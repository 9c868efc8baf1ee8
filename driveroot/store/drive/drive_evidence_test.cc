// SPDX-License-Identifier: Apache-2.0
//
// What a server says is not what it did: nothing counts as stored, deleted or
// read that the server's evidence does not prove. Against a running fakedrive
// that lies.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driveroot/base/noise.h"
#include "driveroot/base/result.h"
#include "driveroot/store/drive/drive_api.h"
#include "driveroot/store/drive/drive_store_test_util.h"
#include "driveroot/store/object_store.h"

namespace driveroot {
namespace {

constexpr const char* kPage =
    R"("body":"<!DOCTYPE html><p>Log in to the hotel</p>",)"
    R"("headers":"Content-Type: text/html")";

std::string Large() { return Noise((9u << 20) + 77, 7); }

std::string Answer(const std::string& call_class, const std::string& rest) {
  return R"({"class":")" + call_class + R"(","nth":1,"action":"answer",)" +
         rest + "}";
}

class DriveEvidenceTest : public DriveStoreTest {
 protected:
  // Creates under a fresh id while `fault` is in force, and expects the bytes
  // to be there once that succeeded.
  void ExpectStored(const std::string& fault, const std::string& bytes) {
    const ObjectId id = ids_.back();
    ids_.pop_back();
    ASSERT_TRUE(drive_->ClearFaults());
    Fault(fault);
    const Status created = store_->Create(id, ObjectKind::kSegment, "s", bytes);
    ASSERT_TRUE(drive_->ClearFaults());
    if (!created) {
      EXPECT_EQ(created.error().code(), ErrorCode::kAlreadyExists)
          << fault << ": " << created.error();
    }
    const Result<bool> holds = store_->Holds(id, bytes);
    ASSERT_TRUE(holds) << fault << ": " << holds.error();
    EXPECT_TRUE(*holds) << fault;
    EXPECT_TRUE(store_->Read(id, 0, bytes.size()).value_or("") == bytes)
        << fault;
  }

  // Reads object 0, which holds `bytes`, while `fault` is in force.
  void ExpectRead(const std::string& fault, const std::string& bytes,
                  uint64_t offset = 0) {
    ASSERT_TRUE(drive_->ClearFaults());
    Fault(fault);
    const Result<std::string> read = store_->Read(ids_[0], offset, 1u << 20);
    ASSERT_TRUE(read) << fault << ": " << read.error();
    EXPECT_TRUE(*read == bytes.substr(offset)) << fault << read->size();
  }
};

TEST_F(DriveEvidenceTest, ASuccessWithoutAFileStoresNothing) {
  const std::string id = ids_.back();
  for (const std::string& lie :
       {Answer("create", R"("body":"")"), Answer("create", R"("body":"{}")"),
        Answer("create", kPage),
        Answer("create", R"("body":"{\"id\":\")" + id + R"(\"}")"),
        Answer("create", R"("status":201,"body":"{\"id\":\")" + id +
                             R"(\",\"size\":\"9\"}")")}) {
    ExpectStored(lie, "the bytes");
  }
}

TEST_F(DriveEvidenceTest, ASuccessThatIsGarbledIsLookedInto) {
  ASSERT_TRUE(drive_->ResetStats());
  ExpectStored(R"({"class":"create","nth":1,"action":"answer_after_commit",)" +
                   std::string(kPage) + "}",
               "the bytes");
  // Nothing is sent again.
  EXPECT_EQ(Requests("create"), 1u);
  ExpectStored(R"({"class":"create","nth":1,"action":"answer_after_commit",)"
               R"("body":"{\"id\":\"x\"}"})",
               "the bytes");
}

TEST_F(DriveEvidenceTest, AnUploadIsOverWhenTheFileIsThere) {
  for (const std::string& lie :
       {Answer("upload", R"("body":"")"), Answer("upload", kPage),
        Answer("upload", R"("body":"{}","status":201)")}) {
    ExpectStored(lie, Large());
  }
}

TEST_F(DriveEvidenceTest, ASessionThatOnlySaysYesIsGivenUp) {
  ExpectStored(R"({"class":"upload","times":2,"action":"answer","body":""})",
               Large());
}

TEST_F(DriveEvidenceTest, AnUploadWhoseSuccessIsGarbledIsLookedInto) {
  ASSERT_TRUE(drive_->ResetStats());
  ExpectStored(R"({"class":"upload","nth":1,"action":"answer_after_commit",)" +
                   std::string(kPage) + "}",
               Large());
  EXPECT_EQ(Requests("upload"), 1u);
}

TEST_F(DriveEvidenceTest, ARangeOfWhatWasNeverSentStoresNothing) {
  const std::string last = std::to_string(Large().size() - 1);
  for (const std::string& range :
       {"bytes=0-" + last, std::string("bytes=0-99999999999"),
        std::string("bytes=9-10"), std::string("x")}) {
    ExpectStored(
        Answer("upload", R"("status":308,"headers":"Range: )" + range + R"(")"),
        Large());
  }
}

TEST_F(DriveEvidenceTest, AServerThatForgetsWhatItHadGetsItAgain) {
  const ObjectId& id = ids_[0];
  Fault(R"({"class":"upload","nth":1,"action":"short_308","bytes":8388608})");
  Fault(R"({"class":"upload","nth":2,"action":"answer","status":308,)"
        R"("headers":"Range: bytes=0-262143"})");
  const Status created = store_->Create(id, ObjectKind::kSegment, "s", Large());
  ASSERT_TRUE(created) << created.error();
  EXPECT_TRUE(Stored() == Large());
}

TEST_F(DriveEvidenceTest, ATakenIdThatIsNotThereIsToldApart) {
  Fault(R"({"class":"create","action":"status","status":409,)"
        R"("reason":"fileIdInUse"})");
  const Status created = Create("the bytes");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kAlreadyExists);
  const Result<bool> holds = store_->Holds(ids_[0], "the bytes");
  ASSERT_FALSE(holds);
  EXPECT_EQ(holds.error().code(), ErrorCode::kNotFound) << holds.error();
}

TEST_F(DriveEvidenceTest, ASuperblockIsWrittenWhenItIsThere) {
  int number = 0;
  for (const std::string& lie :
       {Answer("update", R"("body":"")"), Answer("update", R"("body":"{}")"),
        Answer("update", kPage),
        std::string(R"({"class":"update","nth":1,)"
                    R"("action":"answer_after_commit","body":"{}"})")}) {
    ASSERT_TRUE(drive_->ClearFaults());
    Fault(lie);
    const std::string bytes = "{\"n\":" + std::to_string(++number) + "}";
    const Status written = store_->WriteSuperblock(bytes);
    ASSERT_TRUE(written) << lie << ": " << written.error();
    EXPECT_EQ(store_->ReadSuperblock().value_or(""), bytes) << lie;
  }
}

TEST_F(DriveEvidenceTest, OnlyAFolderIsAFolder) {
  DriveApi& api = client_->api();
  ASSERT_TRUE(Create("a file"));
  NewDriveFile folder{
      .id = ids_[0], .name = "f", .mime_type = std::string(kFolderMimeType)};
  const Status taken = api.CreateFolder(folder);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), ErrorCode::kAlreadyExists) << taken.error();
  folder.id = ids_[1];
  Fault(Answer("create", kPage));
  ASSERT_TRUE(api.CreateFolder(folder));
  EXPECT_TRUE(api.CreateFolder(folder)) << "the second time";
  EXPECT_TRUE(api.Get(ids_[1], "id"));
}

TEST_F(DriveEvidenceTest, ADeletedFileIsGone) {
  ASSERT_TRUE(Create("the bytes"));
  Fault(Answer("delete", kPage));
  const Status removed = store_->Remove(ids_[0]);
  ASSERT_TRUE(removed) << removed.error();
  EXPECT_EQ(store_->Read(ids_[0], 0, 9).error().code(), ErrorCode::kNotFound);
  // Gone by somebody else, or by an attempt of which no answer came.
  EXPECT_EQ(store_->Remove(ids_[0]).error().code(), ErrorCode::kNotFound);
}

TEST_F(DriveEvidenceTest, AReadIsWhatTheFileHas) {
  const std::string bytes = Noise(200'000, 3);
  ASSERT_TRUE(Create(bytes));
  for (const std::string& lie :
       {std::string(R"({"class":"media","nth":1,"action":"short_range",)"
                    R"("bytes":150000})"),
        std::string(R"({"class":"media","nth":1,"action":"add_headers",)"
                    R"("headers":"Content-Encoding: gzip"})"),
        Answer("media", kPage), Answer("media", R"("body":"shorter")"),
        Answer("media", R"("status":206,"body":"shorter",)"
                        R"("headers":"Content-Range: bytes 1-7/200000")"),
        Answer("media", R"("status":416,)"
                        R"("headers":"Content-Range: bytes */200000")"),
        Answer("media", R"("status":416)")}) {
    ExpectRead(lie, bytes);
  }
  ExpectRead(Answer("media", R"("status":416,)"
                             R"("headers":"Content-Range: bytes */200000")"),
             bytes, 100'000);
}

}  // namespace
}  // namespace driveroot
