// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_server.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/control/address.h"
#include "driveroot/control/control_session.h"
#include "gtest/gtest.h"

namespace driveroot {
namespace {

constexpr std::chrono::milliseconds kLong(60000);

// A device number that no mount has, and no other test process.
unsigned Minor() { return static_cast<unsigned>(getpid()) & 0xfffffU; }
dev_t Device() { return makedev(4000, Minor()); }
std::string DeviceName() { return "4000:" + std::to_string(Minor()); }

Result<std::string> Handle(const ControlRequest& request,
                           const ControlServer::ProgressSink& progress) {
  if (request.command == "status") return "\"inodes\":7";
  if (request.command == "commit") {
    progress("uploading", 1, 2);
    return "";
  }
  return Fail(ErrorCode::kInvalidArgument,
              "no such \"" + request.command + "\"" +
                  (request.arguments.empty() ? "" : request.arguments[0]));
}

class ControlServerTest : public testing::Test {
 protected:
  // A socket of a client that says what it wants to say.
  static UniqueFd Connect() {
    auto sockets = ConnectToMount(DeviceName(), geteuid());
    EXPECT_TRUE(sockets) << sockets.error();
    EXPECT_EQ(sockets->size(), 1U);
    return std::move(sockets->front());
  }
  // Everything until the other side hangs up.
  static std::string ReadAll(const UniqueFd& fd) {
    std::string text;
    std::array<char, 4096> bytes;
    ssize_t size = 0;
    while ((size = read(fd.get(), bytes.data(), bytes.size())) > 0) {
      text.append(bytes.data(), static_cast<size_t>(size));
    }
    return text;
  }

  Result<std::string> Request(std::string_view command) {
    Result<ControlSession> session = ControlSession::Connect(DeviceName());
    if (!session) return std::unexpected(session.error());
    return session->Request(command, kLong, [this](const std::string& text) {
      progress_.push_back(text);
    });
  }

  std::unique_ptr<ControlServer> server_ =
      ControlServer::Start(Device(), Handle).value();
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
  EXPECT_EQ(answer.error().message(), "no such \"dance\"");
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
  EXPECT_TRUE(ControlServer::Start(Device(), Handle));
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

TEST_F(ControlServerTest, ArgumentsArriveAsTheyAre) {
  Result<ControlSession> session = ControlSession::Connect(DeviceName());
  ASSERT_TRUE(session);
  const Result<std::string> answer = session->Request(
      ControlRequest{.command = "a\"b", .arguments = {"c\\\"d.tar"}}, kLong,
      [](const std::string&) {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message(), "no such \"a\"b\"c\\\"d.tar");
}

TEST_F(ControlServerTest, ALineWithoutEndIsRefusedAtOnce) {
  const UniqueFd client = Connect();
  // More than the socket holds: the rest is not even taken.
  const std::string line(4 * kMaxRequestBytes, 'x');
  size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count = send(client.get(), line.data() + sent,
                               line.size() - sent, MSG_NOSIGNAL);
    if (count < 0) break;
    sent += static_cast<size_t>(count);
  }
  const std::string answer = ReadAll(client);
  EXPECT_NE(answer.find("\"error\":\"refused"), std::string::npos) << answer;
  EXPECT_TRUE(Request("status"));
}

TEST_F(ControlServerTest, EmptyLinesAndNonsenseAreAnswered) {
  const UniqueFd client = Connect();
  for (const char* line : {"\n", "x\n", "{}\n", "[1]\n"}) {
    ASSERT_TRUE(WriteFully(client.get(), line, "the socket"));
    std::array<char, 4096> bytes;
    const ssize_t size = read(client.get(), bytes.data(), bytes.size());
    ASSERT_GT(size, 0);
    const std::string answer(bytes.data(), static_cast<size_t>(size));
    EXPECT_NE(answer.find("this is no request"), std::string::npos) << answer;
  }
  ASSERT_TRUE(WriteFully(client.get(), "{\"command\":\"status\"}\n", "it"));
  shutdown(client.get(), SHUT_WR);
  std::array<char, 4096> bytes;
  EXPECT_GT(read(client.get(), bytes.data(), bytes.size()), 0);
}

TEST_F(ControlServerTest, IsNotDeafAfterDescriptorsRanOut) {
  Result<std::string> names = ReadFile("/proc/net/unix", 64 << 20);
  ASSERT_TRUE(names);
  const std::vector<std::string> found = FindControlNames(*names, DeviceName());
  ASSERT_EQ(found.size(), 1U);
  const ControlAddress address = MakeControlAddress(found[0]).value();
  const UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  // No descriptor beyond those that there are.
  none.rlim_cur = static_cast<rlim_t>(client.get()) + 1;
  std::vector<UniqueFd> all;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (UniqueFd fd(dup(0)); fd.valid(); fd = UniqueFd(dup(0))) {
    all.push_back(std::move(fd));
  }
  ASSERT_EQ(connect(client.get(), address.get(), address.size), 0);
  ASSERT_TRUE(WriteFully(client.get(), "{\"command\":\"status\"}\n", "it"));
  // It cannot be taken, for as long as the server's pauses go on.
  pollfd answered = {.fd = client.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&answered, 1, 500), 0);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  all.clear();
  std::array<char, 4096> bytes;
  EXPECT_GT(read(client.get(), bytes.data(), bytes.size()), 0);
  EXPECT_TRUE(Request("status"));
}

TEST_F(ControlServerTest, OneThatOutlivesItsMountIsPassedOver) {
  bool is_mounted = true;
  const auto old = ControlServer::Start(Device(), Handle,
                                        [&is_mounted] { return is_mounted; });
  ASSERT_TRUE(old);
  server_.reset();
  EXPECT_TRUE(Request("status"));
  is_mounted = false;
  server_ = ControlServer::Start(Device(), Handle).value();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Request("status"));
}

TEST(ControlSessionTest, SaysWhenNoVolumeIsMounted) {
  const Result<ControlSession> session = ControlSession::ConnectTo("/proc");
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().message(),
            "no volume of driveroot is mounted at /proc");
}

}  // namespace
}  // namespace driveroot
