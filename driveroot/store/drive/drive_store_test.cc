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
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/noise.h"
#include "driveroot/base/result.h"
#include "driveroot/net/endpoints.h"
#include "driveroot/net/http_client.h"
#include "driveroot/net/oauth/credentials.h"
#include "driveroot/net/system_files.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_store_test_util.h"
#include "driveroot/store/drive/drive_volume.h"
#include "driveroot/store/object_store.h"
#include "driveroot/store/object_store_contract.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {
namespace {

using fakedrive::FakeDriveProcess;
using fakedrive::FakeDriveStats;
using std::chrono::milliseconds;
using std::chrono::seconds;

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

std::string Large() { return Noise((9u << 20) + 77, 7); }

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

// The link carries a hundredth of what counts as getting on, until somebody is
// told so.
TEST_F(DriveStoreTest, ADrippingConnectionIsGivenUp) {
  const std::string bytes = Large();
  ASSERT_TRUE(Create(bytes));
  const DriveClientOptions options = OptionsFor(*drive_);
  HttpClientOptions http;
  auto ca_pem = LoadCaBundle(options.ca_file);
  ASSERT_TRUE(ca_pem) << ca_pem.error();
  http.ca_pem = *std::move(ca_pem);
  http.progress = {
      .enough = 10'000'000, .least = 10'000'000, .window = seconds(1)};
  auto credentials = LoadCredentials(options.credentials_file);
  ASSERT_TRUE(credentials) << credentials.error();
  credentials->token_uri.clear();
  const auto endpoints = MakeEndpoints(options.drive_endpoint);
  ASSERT_TRUE(endpoints) << endpoints.error();
  std::string told;
  const auto client = std::make_shared<DriveClient>(
      std::move(http), *std::move(credentials), *endpoints, options.retry_limit,
      [&](const RetryNotice& notice) {
        told = notice.failure.error.message();
        EXPECT_TRUE(drive_->Set(R"({"bandwidth_mbit":0})"));
      });
  auto store = OpenDriveVolume(client, "root");
  ASSERT_TRUE(store) << store.error();
  ASSERT_TRUE(drive_->Set(R"({"bandwidth_mbit":0.8})"));
  const auto read = (*store)->Read(ids_[0], 0, bytes.size());
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(*read == bytes);
  EXPECT_TRUE(told.contains("carried only")) << told;
  EXPECT_GE(client->Counters().retries, 1u);
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

// Google gives the id of a deleted file to no other one.
TEST_F(DriveStoreTest, ASuperblockThatSomebodyDeletedIsMadeAnew) {
  auto found = client_->api().List("name='superblock.json'", "id");
  ASSERT_TRUE(found) << found.error();
  ASSERT_EQ(found->size(), 1u);
  ASSERT_TRUE(client_->api().Delete(found->front().id));
  EXPECT_EQ(store_->ReadSuperblock().error().code(), ErrorCode::kNotFound);
  const Status written = store_->WriteSuperblock("{\"a\": 1}");
  ASSERT_TRUE(written) << written.error();
  EXPECT_EQ(store_->ReadSuperblock().value_or(""), "{\"a\": 1}");
  ASSERT_TRUE(store_->WriteSuperblock("{\"a\": 2}"));
  // Others find it, too.
  const auto other = OpenDriveVolume(client_, "root");
  ASSERT_TRUE(other) << other.error();
  EXPECT_EQ((*other)->ReadSuperblock().value_or(""), "{\"a\": 2}");
}

}  // namespace
}  // namespace driveroot
