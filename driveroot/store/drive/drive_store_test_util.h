// SPDX-License-Identifier: Apache-2.0
//
// For tests: a fakedrive of their own, with a volume "root" on it.
#ifndef DRIVEROOT_STORE_DRIVE_DRIVE_STORE_TEST_UTIL_H_
#define DRIVEROOT_STORE_DRIVE_DRIVE_STORE_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/result.h"
#include "driveroot/net/retry.h"
#include "driveroot/store/drive/drive_client.h"
#include "driveroot/store/drive/drive_volume.h"
#include "driveroot/store/object_store.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"

namespace driveroot {

inline DriveClientOptions OptionsFor(const fakedrive::FakeDriveProcess& drive) {
  return {.credentials_file = drive.credentials_file(),
          .drive_endpoint = drive.endpoint(),
          .ca_file = drive.ca_file(),
          .retry_limit = RetryLimit::Within(std::chrono::seconds(60))};
}

class DriveStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = fakedrive::FakeDriveProcess::Start();
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

  // What a person does in the browser: to file `id`, by its metadata.
  void Patch(const std::string& id, const std::string& json) {
    const auto patched = client_->api().client().Call(
        {.call = "files.update",
         .method = "PATCH",
         .url = drive_->endpoint() + "/drive/v3/files/" + id,
         .headers = {{"Content-Type", "application/json"}},
         .body = {json}});
    ASSERT_TRUE(patched) << patched.error();
  }
  void Trash(const std::string& id) { Patch(id, R"({"trashed":true})"); }
  void Restore(const std::string& id) { Patch(id, R"({"trashed":false})"); }

  // The id of the volume's folder.
  std::string Folder() {
    auto files = client_->api().List("name='root'", "id,name");
    EXPECT_TRUE(files) << files.error();
    return files && files->size() == 1 ? files->front().id : "";
  }

  Status Create(const std::string& bytes) {
    return store_->Create(ids_[0], ObjectKind::kSegment, "s", bytes);
  }
  std::string Stored() {
    auto read = store_->Read(ids_[0], 0, 100u << 20);
    return read ? *read : read.error().ToString();
  }

  std::unique_ptr<fakedrive::FakeDriveProcess> drive_;
  std::shared_ptr<DriveClient> client_;
  std::unique_ptr<ObjectStore> store_;
  std::vector<ObjectId> ids_;
};

}  // namespace driveroot

#endif  // DRIVEROOT_STORE_DRIVE_DRIVE_STORE_TEST_UTIL_H_
