// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/upload_sessions.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace driveroot::fakedrive {
namespace {

class UploadSessionsTest : public testing::Test {
 protected:
  UploadSessionsTest() {
    folder_ = std::string(std::getenv("TEST_TMPDIR")) + "/uploads.XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }

  UploadSessions Open() {
    auto sessions = UploadSessions::Open(folder_);
    EXPECT_TRUE(sessions) << sessions.error();
    return *std::move(sessions);
  }

  std::string folder_;
};

TEST_F(UploadSessionsTest, OutliveARestart) {
  std::string name;
  {
    UploadSessions sessions = Open();
    UploadSession session;
    session.metadata = R"({"name":"x"})";
    session.target = "/upload/drive/v3/files?fields=id";
    session.total = kChunkGrain + 3;
    const auto added = sessions.Add(session);
    ASSERT_TRUE(added);
    name = (*added)->name;
    const auto data = sessions.Data(**added);
    ASSERT_TRUE(data);
    // One whole grain and the start of another, which a kill cuts off.
    ASSERT_TRUE((*data)->Append(std::string(kChunkGrain + 100, 'a')));
  }
  UploadSessions sessions = Open();
  UploadSession* session = sessions.Find(name);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->metadata, R"({"name":"x"})");
  EXPECT_EQ(session->total, kChunkGrain + 3);
  const auto data = sessions.Data(*session);
  ASSERT_TRUE(data);
  EXPECT_EQ((*data)->size(), kChunkGrain);
  ASSERT_TRUE((*data)->Append("bcd"));
  const auto content = sessions.TakeContent(*session);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->size, kChunkGrain + 3);
  EXPECT_EQ(std::filesystem::file_size(content->path), kChunkGrain + 3);
}

TEST_F(UploadSessionsTest, HashTheSameWholeOrResumed) {
  const auto hash = [&](bool resumed) {
    UploadSessions sessions = Open();
    std::string name = (*sessions.Add({}))->name;
    EXPECT_TRUE((*sessions.Data(*sessions.Find(name)))
                    ->Append(std::string(kChunkGrain, 'a')));
    if (resumed) sessions = Open();
    UploadSession* session = sessions.Find(name);
    EXPECT_TRUE((*sessions.Data(*session))->Append("end"));
    return sessions.TakeContent(*session).value().sha256;
  };
  EXPECT_EQ(hash(false), hash(true));
}

TEST_F(UploadSessionsTest, AreGoneWhenRemovedOrOld) {
  UploadSessions sessions = Open();
  const auto added = sessions.Add({});
  ASSERT_TRUE(added);
  const std::string name = (*added)->name;
  EXPECT_EQ(sessions.Find(name + "x"), nullptr);
  EXPECT_EQ(sessions.Find("../" + name), nullptr);
  (*added)->started_ms -= int64_t{8} * 24 * 3600 * 1000;
  EXPECT_EQ(sessions.Find(name), nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(UploadSessionsTest, SayWhatIsDamaged) {
  std::ofstream(folder_ + "/ABx.json") << "{}";
  EXPECT_FALSE(UploadSessions::Open(folder_));
}

}  // namespace
}  // namespace driveroot::fakedrive
