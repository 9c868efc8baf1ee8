// SPDX-License-Identifier: Apache-2.0
#include "vmtest/network/name_server.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <utility>

namespace driveroot::vmtest {
namespace {

// How soon the destructor is noticed.
constexpr int kPollMilliseconds = 100;

constexpr unsigned int kTimeToLiveSeconds = 60;

struct FreeRecord {
  void operator()(ares_dns_record_t* record) const {
    ares_dns_record_destroy(record);
  }
};
using Record = std::unique_ptr<ares_dns_record_t, FreeRecord>;

Record Parse(std::string_view message) {
  ares_dns_record_t* record = nullptr;
  ares_dns_parse(reinterpret_cast<const unsigned char*>(message.data()),
                 message.size(), 0, &record);
  return Record(record);
}

std::string Write(const ares_dns_record_t* record) {
  unsigned char* bytes = nullptr;
  size_t length = 0;
  if (ares_dns_write(record, &bytes, &length) != ARES_SUCCESS) return "";
  std::string message(reinterpret_cast<char*>(bytes), length);
  ares_free_string(bytes);
  return message;
}

void AddAddress(ares_dns_record_t* answer, const char* name,
                const std::string& address) {
  ares_dns_rr_t* entry = nullptr;
  if (ares_dns_record_rr_add(&entry, answer, ARES_SECTION_ANSWER, name,
                             ARES_REC_TYPE_A, ARES_CLASS_IN,
                             kTimeToLiveSeconds) != ARES_SUCCESS) {
    return;
  }
  in_addr binary = {};
  inet_pton(AF_INET, address.c_str(), &binary);
  ares_dns_rr_set_addr(entry, ARES_RR_A_ADDR, &binary);
}

// The answer to `question`; empty when it is no question at all.
std::string Answer(std::string_view question, const NameServer::Names& names) {
  const Record asked = Parse(question);
  const char* name = nullptr;
  ares_dns_rec_type_t type;
  ares_dns_class_t dns_class;
  if (asked == nullptr ||
      ares_dns_record_query_get(asked.get(), 0, &name, &type, &dns_class) !=
          ARES_SUCCESS) {
    return "";
  }
  std::string key = name;
  std::ranges::transform(key, key.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  const auto found = names.find(key);
  ares_dns_record_t* raw = nullptr;
  const auto flags = static_cast<unsigned short>(ARES_FLAG_QR | ARES_FLAG_AA |
                                                 ARES_FLAG_RD | ARES_FLAG_RA);
  if (ares_dns_record_create(
          &raw, ares_dns_record_get_id(asked.get()), flags, ARES_OPCODE_QUERY,
          found == names.end() ? ARES_RCODE_NXDOMAIN : ARES_RCODE_NOERROR) !=
      ARES_SUCCESS) {
    return "";
  }
  const Record answer(raw);
  ares_dns_record_query_add(raw, name, type, dns_class);
  if (found != names.end() && type == ARES_REC_TYPE_A) {
    AddAddress(raw, name, found->second);
  }
  return Write(raw);
}

}  // namespace

Result<std::unique_ptr<NameServer>> NameServer::Start(uint16_t port,
                                                      Names names) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!fd.valid() || bind(fd.get(), generic, length) != 0 ||
      getsockname(fd.get(), generic, &length) != 0) {
    return std::unexpected(Error::FromErrno(
        errno, "cannot listen on UDP port " + std::to_string(port)));
  }
  return std::unique_ptr<NameServer>(
      new NameServer(std::move(fd), ntohs(address.sin_port), std::move(names)));
}

NameServer::NameServer(UniqueFd socket, uint16_t port, Names names)
    : socket_(std::move(socket)),
      port_(port),
      names_(std::move(names)),
      thread_([this] { Serve(); }) {}

NameServer::~NameServer() {
  stopping_ = true;
  thread_.join();
}

void NameServer::Serve() {
  while (!stopping_) {
    pollfd poll_entry = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&poll_entry, 1, kPollMilliseconds) <= 0) continue;
    char message[1500];  // more fits no Ethernet frame, and so no question
    sockaddr_in peer = {};
    socklen_t length = sizeof(peer);
    auto* generic = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t count =
        recvfrom(socket_.get(), message, sizeof(message), 0, generic, &length);
    if (count <= 0) continue;
    const std::string answer =
        Answer(std::string_view(message, static_cast<size_t>(count)), names_);
    if (answer.empty()) continue;
    sendto(socket_.get(), answer.data(), answer.size(), 0, generic, length);
  }
}

}  // namespace driveroot::vmtest
