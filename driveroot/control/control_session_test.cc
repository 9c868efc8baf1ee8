// SPDX-License-Identifier: Apache-2.0
#include "driveroot/control/control_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"

namespace driveroot {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr milliseconds kLong(60000);

// A session whose other end the test holds.
class ControlSessionTest : public testing::Test {
 protected:
  ControlSessionTest() {
    std::array<int, 2> ends = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    daemon_ = UniqueFd(ends[0]);
    session_ = ControlSession(UniqueFd(ends[1]));
  }

  // What the daemon answers is there before it is asked.
  void Answer(std::string_view text) {
    ASSERT_TRUE(WriteFully(daemon_.get(), text, "the socket"));
  }

  Result<std::string> Request(milliseconds limit = kLong) {
    return session_.Request("commit", limit, [this](const std::string& text) {
      progress_.push_back(text);
    });
  }

  UniqueFd daemon_;
  ControlSession session_{UniqueFd()};
  std::vector<std::string> progress_;
};

TEST_F(ControlSessionTest, SendsTheCommandAndShowsProgress) {
  Answer(
      "{\"progress\":\"sealing\"}\n"
      "{\"progress\":\"uploading\",\"done\":3,\"total\":12}\n"
      "{\"ok\":true,\"transaction\":7}\n");
  EXPECT_TRUE(Request());
  EXPECT_THAT(progress_, ElementsAre("sealing", "uploading: 3 of 12"));
  std::array<char, 256> sent;
  const ssize_t size = read(daemon_.get(), sent.data(), sent.size());
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string_view(sent.data(), static_cast<size_t>(size)),
            "{\"command\":\"commit\"}\n");
}

TEST_F(ControlSessionTest, PassesTheDaemonsErrorOn) {
  Answer("{\"error\":\"the Drive is full\"}\n");
  EXPECT_THAT(Request().error().message(), HasSubstr("the Drive is full"));
}

TEST_F(ControlSessionTest, GivesUpOnSilence) {
  Answer("{\"progress\":\"sealing\"}\n");
  EXPECT_EQ(Request(milliseconds(1)).error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(progress_, ElementsAre("sealing"));
}

TEST_F(ControlSessionTest, NoticesTheDaemonsEnd) {
  Answer("{\"progress\":\"sealing\"}\n{\"ok\":");
  shutdown(daemon_.get(), SHUT_WR);
  EXPECT_EQ(Request().error().code(), ErrorCode::kIo);
}

TEST_F(ControlSessionTest, RefusesNonsense) {
  for (const char* line : {"x\n", "[]\n", "{}\n", "{\"ok\":false}\n"}) {
    Answer(line);
    EXPECT_EQ(Request().error().code(), ErrorCode::kDataLoss) << line;
  }
}

TEST_F(ControlSessionTest, WaitsForTheClose) {
  EXPECT_FALSE(session_.WaitForClose(milliseconds(1)));
  Answer("left over\n");
  daemon_.Reset();
  EXPECT_TRUE(session_.WaitForClose(kLong));
}

TEST(ControlSessionConnectTest, FailsWithoutADaemon) {
  EXPECT_FALSE(ControlSession::Connect("4095:1048575"));
  EXPECT_FALSE(ControlSession::Connect(std::string(200, '1')));
}

}  // namespace
}  // namespace driveroot
