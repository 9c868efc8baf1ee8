// SPDX-License-Identifier: Apache-2.0
#include "vmtest/network/name_server.h"

#include <ares.h>
#include <netdb.h>

#include <string>

#include "gtest/gtest.h"

namespace driveroot::vmtest {
namespace {

class NameServerTest : public testing::Test {
 protected:
  NameServerTest()
      : server_(NameServer::Start(0, {{"drive.example", "10.0.2.2"}}).value()) {
    EXPECT_EQ(ares_library_init(ARES_LIB_INIT_ALL), ARES_SUCCESS);
    ares_options options = {};
    options.evsys = ARES_EVSYS_DEFAULT;
    EXPECT_EQ(ares_init_options(&channel_, &options, ARES_OPT_EVENT_THREAD),
              ARES_SUCCESS);
    const std::string servers = "127.0.0.1:" + std::to_string(server_->port());
    EXPECT_EQ(ares_set_servers_csv(channel_, servers.c_str()), ARES_SUCCESS);
  }

  ~NameServerTest() override {
    ares_destroy(channel_);
    ares_library_cleanup();
  }

  // The address, or what c-ares says instead.
  std::string Resolve(const std::string& name) {
    std::string result;
    ares_addrinfo_hints hints = {};
    hints.ai_family = AF_INET;
    ares_getaddrinfo(
        channel_, name.c_str(), nullptr, &hints,
        [](void* argument, int status, int, ares_addrinfo* found) {
          auto* text = static_cast<std::string*>(argument);
          *text = ares_strerror(status);
          if (status != ARES_SUCCESS) return;
          char address[INET_ADDRSTRLEN];
          const auto* socket_address =
              reinterpret_cast<const sockaddr_in*>(found->nodes->ai_addr);
          ares_inet_ntop(AF_INET, &socket_address->sin_addr, address,
                         sizeof(address));
          *text = address;
          ares_freeaddrinfo(found);
        },
        &result);
    ares_queue_wait_empty(channel_, -1);
    return result;
  }

  std::unique_ptr<NameServer> server_;
  ares_channel_t* channel_ = nullptr;
};

TEST_F(NameServerTest, AnswersWhatItKnows) {
  EXPECT_EQ(Resolve("drive.example"), "10.0.2.2");
  EXPECT_EQ(Resolve("Drive.Example"), "10.0.2.2");
}

TEST_F(NameServerTest, SaysThatOtherNamesDoNotExist) {
  EXPECT_EQ(Resolve("other.example"), ares_strerror(ARES_ENOTFOUND));
}

}  // namespace
}  // namespace driveroot::vmtest
