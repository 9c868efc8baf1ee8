// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/writer_identity.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "driveroot/volume/record.h"

namespace driveroot {
namespace {

constexpr TimeNs kMinute = TimeNs{60} * 1'000'000'000;
constexpr TimeNs kNow = 1000 * 24 * 60 * kMinute;

WriterIdentity Self() {
  WriterIdentity self = MakeWriterIdentity("debian", "this boot", "writer");
  self.machine = "machine";
  return self;
}

// Whether `self` may write after `other` did, a minute ago.
ErrorCode After(const WriterIdentity& other,
                const WriterIdentity& self = Self(),
                RecordType type = RecordType::kCommit, TimeNs age = kMinute) {
  RecordHeader last;
  last.type = type;
  last.sealed_at = kNow - age;
  last.writer = other;
  const Status status = CheckNotInUse(last, self, kNow);
  if (status) return ErrorCode::kInternal;
  EXPECT_NE(status.error().message().find("--steal"), std::string::npos);
  return status.error().code();
}

constexpr ErrorCode kMayWrite = ErrorCode::kInternal;

TEST(WriterIdentityTest, AMachineThatBootedGoesOn) {
  WriterIdentity before = Self();
  before.boot_id = "the boot before";
  before.process = "1:1";
  EXPECT_EQ(After(before), kMayWrite);
  // Also under another name, by its own id.
  before.host_name = "localhost";
  EXPECT_EQ(After(before), kMayWrite);
}

TEST(WriterIdentityTest, MachinesThatLookAlikeAreNotTheSame) {
  WriterIdentity other = Self();
  other.boot_id = "another boot";
  other.writer_id = "another writer";
  EXPECT_EQ(After(other), ErrorCode::kBusy);
  // A copy of the disk has the file with the id.
  other.writer_id = "writer";
  other.machine = "another machine";
  EXPECT_EQ(After(other), ErrorCode::kBusy);
  // A record of an earlier driveroot tells of no id: that is in doubt.
  other.writer_id.clear();
  other.machine.clear();
  other.pid_namespace.clear();
  EXPECT_EQ(After(other), ErrorCode::kBusy);
  WriterIdentity nobody = Self();
  nobody.writer_id.clear();
  EXPECT_EQ(After(other, nobody), ErrorCode::kBusy);
}

TEST(WriterIdentityTest, AnotherContainerOfTheMachineIsNotThisOne) {
  WriterIdentity other = Self();
  other.pid_namespace += "1";
  other.process = "1:1";
  EXPECT_EQ(After(other), ErrorCode::kBusy);
  other.pid_namespace.clear();
  EXPECT_EQ(After(other), ErrorCode::kBusy);
}

TEST(WriterIdentityTest, WhoClosedOrWasSilentForAnHourIsGone) {
  WriterIdentity other = Self();
  other.host_name = "elsewhere";
  other.boot_id = "another boot";
  other.writer_id = "another writer";
  EXPECT_EQ(After(other), ErrorCode::kBusy);
  EXPECT_EQ(After(other, Self(), RecordType::kClose), kMayWrite);
  EXPECT_EQ(After(other, Self(), RecordType::kCommit, 61 * kMinute), kMayWrite);
  // A record of the future proves nothing.
  EXPECT_EQ(After(other, Self(), RecordType::kCommit, -61 * kMinute),
            ErrorCode::kBusy);
}

TEST(WriterIdentityTest, AProcessIsInTheWayWhileItRuns) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string process = Self().process;
    (void)!write(ends[1], process.data(), process.size());
    while (true) pause();
  }
  char process[128] = {};
  ASSERT_GT(read(ends[0], process, sizeof(process) - 1), 0);
  WriterIdentity other = Self();
  other.process = process;
  EXPECT_EQ(After(other), ErrorCode::kBusy);
  kill(child, SIGKILL);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT),
            0);
  // A zombie now.
  EXPECT_EQ(After(other), kMayWrite);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(After(other), kMayWrite);
  close(ends[0]);
  close(ends[1]);
}

TEST(WriterIdentityTest, TheIdIsMadeOnceAndIsPrivate) {
  const std::string top =
      std::string(getenv("TEST_TMPDIR")) + "/identity/state/driveroot";
  const std::string id = KeptWriterId(top);
  EXPECT_EQ(id.size(), 36u) << id;
  EXPECT_EQ(KeptWriterId(top), id);
  struct stat status;
  ASSERT_EQ(stat((top + "/writer_id").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  // No draft is left.
  int files = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator(top)) {
    ++files;
  }
  EXPECT_EQ(files, 1);
  // As a power cut may leave it.
  std::ofstream(top + "/writer_id", std::ios::trunc);
  const std::string next = KeptWriterId(top);
  EXPECT_EQ(next.size(), 36u);
  EXPECT_NE(next, id);
  EXPECT_EQ(KeptWriterId("/proc/driveroot"), "");
}

TEST(WriterIdentityTest, RecordsTellAllOfIt) {
  RecordHeader header;
  header.volume_uuid = "uuid";
  header.next_ids = {"next"};
  header.writer = Self();
  header.durable = 41;
  WireWriter out;
  PutRecordHeader(out, header);
  const std::string bytes = out.Take();
  WireReader in(bytes);
  EXPECT_TRUE(GetRecordHeader(in) == header);
  EXPECT_TRUE(in.done());
}

}  // namespace
}  // namespace driveroot
