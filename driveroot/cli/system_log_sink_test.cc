// SPDX-License-Identifier: Apache-2.0
#include "driveroot/cli/system_log_sink.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"

namespace driveroot {
namespace {

class SystemLogSinkTest : public testing::Test {
 protected:
  SystemLogSinkTest() { EXPECT_NE(mkdtemp(folder_.data()), nullptr); }
  ~SystemLogSinkTest() override {
    unlink(socket_path().c_str());
    unlink(file().c_str());
    rmdir(folder_.c_str());
  }
  std::string socket_path() const { return folder_ + "/log"; }
  std::string file() const { return folder_ + "/file"; }

  std::string folder_ = "/tmp/system_log_sink_test.XXXXXX";
};

TEST_F(SystemLogSinkTest, SendsAsSyslogDoes) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, socket_path().c_str());
  const UniqueFd log(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(
      bind(log.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)),
      0);
  const SystemLogSink sink(socket_path(), file());
  LOG(INFO) << "nothing to tell";
  LOG(WARNING) << "a warning";
  LOG(ERROR) << "an error";
  const std::string name = "driveroot[" + std::to_string(getpid()) + "]: ";
  for (const std::string& wanted :
       {"<28>" + name + "a warning", "<27>" + name + "an error"}) {
    std::array<char, 256> bytes;
    const ssize_t size = recv(log.get(), bytes.data(), bytes.size(), 0);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string(bytes.data(), static_cast<size_t>(size)), wanted);
  }
  EXPECT_NE(access(file().c_str(), F_OK), 0);
}

TEST_F(SystemLogSinkTest, WritesAFileWhereNobodyListens) {
  const SystemLogSink sink(socket_path(), file());
  LOG(ERROR) << "one";
  LOG(ERROR) << "two";
  const std::string text = ReadFile(file(), 1 << 20).value();
  EXPECT_NE(text.find("] one\n"), std::string::npos) << text;
  EXPECT_NE(text.find("] two\n"), std::string::npos) << text;
  struct stat info = {};
  ASSERT_EQ(stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

}  // namespace
}  // namespace driveroot
