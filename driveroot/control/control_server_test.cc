// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_server.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "driveroot/control/control_session.h"
#include "gtest/gtest.h"

namespace driveroot {
namespace {

constexpr std::chrono::milliseconds kLong(60000);

// A device number that no mount has, and no other test process.
unsigned Minor() { return static_cast<unsigned>(getpid()) & 0xfffffU; }
dev_t Device() { return makedev(4000, Minor()); }
std::string DeviceName() { return "4000:" + std::to_string(Minor()); }

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest()
      : server_(
            ControlServer::Start(Device(),
                                 [](std::string_view command,
                                    const ControlServer::ProgressSink& progress)
                                     -> Result<std::string> {
                                   if (command == "status")
                                     return "\"inodes\":7";
                                   if (command == "commit") {
                                     progress("uploading", 1, 2);
                                     return "";
                                   }
                                   return Fail(ErrorCode::kInvalidArgument,
                                               "no such \"command\"");
                                 })
                .value()) {}

  Result<std::string> Request(std::string_view command) {
    Result<ControlSession> session = ControlSession::Connect(DeviceName());
    if (!session) return std::unexpected(session.error());
    return session->Request(command, kLong, [this](const std::string& text) {
      progress_.push_back(text);
    });
  }

  std::unique_ptr<ControlServer> server_;
  std::vector<std::string> progress_;
};

TEST_F(ControlServerTest, AnswersWithWhatTheHandlerReturns) {
  EXPECT_EQ(Request("status").value(), R"({"ok":true,"inodes":7})");
}

TEST_F(ControlServerTest, PassesProgressOn) {
  EXPECT_TRUE(Request("commit"));
  EXPECT_EQ(progress_, std::vector<std::string>{"uploading: 1 of 2"});
}

TEST_F(ControlServerTest, PassesErrorsOn) {
  const Result<std::string> answer = Request("dance");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message(), "no such \"command\"");
}

TEST_F(ControlServerTest, SeveralCommandsOnOneConnection) {
  Result<ControlSession> session = ControlSession::Connect(DeviceName());
  ASSERT_TRUE(session);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(session->Request("status", kLong, [](const std::string&) {}));
  }
}

TEST_F(ControlServerTest, GivesItsAddressUpAndGoesOnTalking) {
  Result<ControlSession> session = ControlSession::Connect(DeviceName());
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->Request("status", kLong, [](const std::string&) {}));
  server_->StopAccepting();
  EXPECT_FALSE(ControlSession::Connect(DeviceName()));
  EXPECT_TRUE(ControlServer::Start(
      Device(),
      [](std::string_view, const ControlServer::ProgressSink&)
          -> Result<std::string> { return ""; }));
  EXPECT_TRUE(session->Request("status", kLong, [](const std::string&) {}));
}

TEST_F(ControlServerTest, ItsEndClosesTheConnection) {
  Result<ControlSession> session = ControlSession::Connect(DeviceName());
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->Request("status", kLong, [](const std::string&) {}));
  server_.reset();
  EXPECT_TRUE(session->WaitForClose(kLong));
  EXPECT_FALSE(ControlSession::Connect(DeviceName()));
}

TEST(ControlSessionTest, SaysWhenNoVolumeIsMounted) {
  const Result<ControlSession> session = ControlSession::ConnectTo("/proc");
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().message(),
            "no volume of driveroot is mounted at /proc");
}

}  // namespace
}  // namespace driveroot
