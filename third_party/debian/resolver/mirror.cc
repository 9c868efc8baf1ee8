// SPDX-License-Identifier: Apache-2.0
#include "third_party/debian/resolver/mirror.h"

#include <curl/curl.h>
#include <lzma.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <format>
#include <limits>
#include <utility>

namespace driveroot::debian {
namespace {

// A mirror that sends less than this for so long is given up.
constexpr long kLowSpeedBytesPerSecond = 1024;
constexpr long kLowSpeedSeconds = 30;

size_t Append(char* bytes, size_t size, size_t count, void* body) {
  static_cast<std::string*>(body)->append(bytes, size * count);
  return size * count;
}

}  // namespace

// One handle, so that connections are kept from file to file.
struct Mirrors::Connection {
  explicit Connection(std::string trusted)
      : ca_file(std::move(trusted)), curl(curl_easy_init()) {}
  ~Connection() { curl_easy_cleanup(curl); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string ca_file;
  CURL* curl;
};

Mirrors::Mirrors(std::vector<std::string> addresses, std::string ca_file)
    : addresses_(std::move(addresses)),
      connection_(std::make_unique<Connection>(std::move(ca_file))) {}

Mirrors::~Mirrors() = default;

std::string Mirrors::Ask(const std::string& path, std::string* body) {
  if (connection_->curl == nullptr) return "libcurl did not start";
  if (addresses_.empty()) return "there is no mirror to ask";
  std::string said;
  for (const std::string& address : addresses_) {
    CURL* curl = connection_->curl;
    curl_easy_reset(curl);
    const std::string url = address + "/" + path;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_CAINFO, connection_->ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
    if (body == nullptr) {
      curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
      body->clear();
      curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
      curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    }
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) return "";
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (!said.empty()) said += "; ";
    said += status != 0
                ? std::format("{}: status {}", address, status)
                : std::format("{}: {}", address, curl_easy_strerror(code));
  }
  return said;
}

Result<std::string> Mirrors::Fetch(const std::string& path) {
  std::string body;
  const std::string said = Ask(path, &body);
  if (said.empty()) return body;
  return std::unexpected(
      Error(ErrorCode::kUnavailable,
            std::format("{} could not be fetched: {}", path, said)));
}

bool Mirrors::Has(const std::string& path) {
  return Ask(path, nullptr).empty();
}

Result<std::string> DecompressXz(std::string_view bytes) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, std::numeric_limits<uint64_t>::max(),
                          LZMA_CONCATENATED) != LZMA_OK) {
    return std::unexpected(
        Error(ErrorCode::kInternal, "liblzma did not start"));
  }
  std::string output;
  std::array<uint8_t, 1 << 16> buffer;
  stream.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK) {
    stream.next_out = buffer.data();
    stream.avail_out = buffer.size();
    status = lzma_code(&stream, LZMA_FINISH);
    output.append(reinterpret_cast<const char*>(buffer.data()),
                  buffer.size() - stream.avail_out);
  }
  lzma_end(&stream);
  if (status != LZMA_STREAM_END) {
    return std::unexpected(
        Error(ErrorCode::kDataLoss, "the .xz file is damaged or cut short"));
  }
  return output;
}

}  // namespace driveroot::debian
