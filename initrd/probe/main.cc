// SPDX-License-Identifier: Apache-2.0
//
// Tries the way to the store over one network interface, and reports
// (report.h) on descriptor 3.
//
//   store-probe --interface=NAME --url=URL --ca=FILE --dns=SERVERS
//
// The certificate is checked in all but its time, since the clock may be what
// is wrong: the report has the time, and whoever reads it decides. Nothing is
// sent but the request for the page's head.
#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "driveroot/base/files.h"
#include "driveroot/base/result.h"
#include "driveroot/net/trust_store.h"
#include "initrd/probe/report.h"

namespace driveroot {
namespace {

constexpr int kReportFd = 3;
constexpr uint64_t kMaxBundleBytes = 16 << 20;
constexpr long kConnectLimit = 10;  // seconds
constexpr long kLimit = 15;

struct Options {
  std::string interface;
  std::string url;
  std::string ca_file;
  std::string name_servers;
};

Options ParseOptions(std::span<char*> arguments) {
  Options options;
  for (const std::string_view argument : arguments) {
    const auto take = [&](std::string_view name, std::string& ret_value) {
      if (argument.starts_with(name)) ret_value = argument.substr(name.size());
    };
    take("--interface=", options.interface);
    take("--url=", options.url);
    take("--ca=", options.ca_file);
    take("--dns=", options.name_servers);
  }
  return options;
}

// There is one connection in the life of this process.
ProbeReport report = {.valid_until = INT64_MAX};

// Collects when the certificates of the chain are valid, and lets pass that it
// is not now.
int OnCertificate(int is_ok, X509_STORE_CTX* context) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (size_t i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    int64_t from = 0;
    int64_t until = 0;
    if (ASN1_TIME_to_posix(X509_get0_notBefore(certificate), &from) != 1 ||
        ASN1_TIME_to_posix(X509_get0_notAfter(certificate), &until) != 1) {
      return 0;
    }
    report.valid_from = std::max(report.valid_from, from);
    report.valid_until = std::min(report.valid_until, until);
  }
  const int error = X509_STORE_CTX_get_error(context);
  if (is_ok == 0 && error != X509_V_ERR_CERT_NOT_YET_VALID &&
      error != X509_V_ERR_CERT_HAS_EXPIRED) {
    return 0;
  }
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

CURLcode OnTlsContext(CURL* /*unused*/, void* context, void* trust) {
  auto* const tls = static_cast<SSL_CTX*>(context);
  if (!static_cast<const TrustStore*>(trust)->UseFor(tls)) {
    return CURLE_SSL_CACERT_BADFILE;
  }
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, &OnCertificate);
  return CURLE_OK;
}

size_t OnHeader(char* line, size_t size, size_t count, void* /*unused*/) {
  std::string_view text(line, size * count);
  constexpr std::string_view kName = "date:";
  const auto equal = [](char left, char right) {
    return (left | 0x20) == (right | 0x20);
  };
  if (std::ranges::equal(text.substr(0, kName.size()), kName, equal)) {
    const std::string value(text.substr(kName.size()));
    report.date = std::max<int64_t>(0, curl_getdate(value.c_str(), nullptr));
  }
  return size * count;
}

size_t IgnoreBody(char* /*unused*/, size_t size, size_t count,
                  void* /*unused*/) {
  return size * count;
}

std::string Try(const Options& options) {
  const Result<std::string> bundle = ReadFile(options.ca_file, kMaxBundleBytes);
  if (!bundle) return bundle.error().message();
  const TrustStore trust(*bundle);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(
      curl_easy_init(), &curl_easy_cleanup);
  if (easy == nullptr) return "libcurl does not start";
  std::array<char, CURL_ERROR_SIZE> detail = {};
  const std::string device = "if!" + options.interface;
  CURLcode code = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    if (code == CURLE_OK) code = curl_easy_setopt(easy.get(), option, value);
  };
  set(CURLOPT_ERRORBUFFER, detail.data());
  set(CURLOPT_URL, options.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOBODY, 1L);
  set(CURLOPT_INTERFACE, device.c_str());
  set(CURLOPT_DNS_INTERFACE, options.interface.c_str());
  if (!options.name_servers.empty()) {
    set(CURLOPT_DNS_SERVERS, options.name_servers.c_str());
  }
  set(CURLOPT_SSL_CTX_FUNCTION, &OnTlsContext);
  set(CURLOPT_SSL_CTX_DATA, const_cast<TrustStore*>(&trust));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_CONNECTTIMEOUT, kConnectLimit);
  set(CURLOPT_TIMEOUT, kLimit);
  set(CURLOPT_HEADERFUNCTION, &OnHeader);
  set(CURLOPT_WRITEFUNCTION, &IgnoreBody);
  if (code == CURLE_OK) code = curl_easy_perform(easy.get());
  if (code == CURLE_OK) return "";
  return detail[0] != '\0' ? detail.data() : curl_easy_strerror(code);
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  using driveroot::report;
  report.error = driveroot::Try(driveroot::ParseOptions(
      std::span(argv, static_cast<size_t>(argc)).subspan(1)));
  const driveroot::Status written = driveroot::WriteFully(
      driveroot::kReportFd, driveroot::FormatReport(report), "the report");
  return written ? 0 : 1;
}
