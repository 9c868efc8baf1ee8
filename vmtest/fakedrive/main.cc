// SPDX-License-Identifier: Apache-2.0
//
// fakedrive: a Google Drive of one's own for tests. See README.md.
#include <gflags/gflags.h>
#include <glog/logging.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/drive/drive.h"
#include "vmtest/fakedrive/server/certificates.h"
#include "vmtest/fakedrive/server/event_loop.h"
#include "vmtest/fakedrive/server/files.h"
#include "vmtest/fakedrive/server/server.h"

DEFINE_string(
    listen, "127.0.0.1:0",
    "HOST:PORT to serve at; HOST is an IPv4 address or an IPv6 one in "
    "brackets, port 0 picks a free one");
DEFINE_string(data, "",
              "the folder that keeps everything; made if it is missing");
DEFINE_string(
    ca_out, "",
    "where to write the certificate authority (PEM) that clients must "
    "trust; default: ca.pem in the data folder");
DEFINE_string(credentials_out, "",
              "where to write the credentials (mode 0600) that driveroot "
              "--credentials takes; default: credentials.json in the data "
              "folder");
DEFINE_string(certificate_names, "www.googleapis.com,oauth2.googleapis.com",
              "more names and addresses for the server's certificate, beyond "
              "127.0.0.1, ::1, 10.0.2.2 and localhost; separated by commas");
DEFINE_string(certificate_from, "",
              "since when the server's certificate is valid, in UTC: "
              "YYMMDDHHMMSSZ; empty: long since");
DEFINE_uint64(read_latency_ms, 0,
              "time before the answer to a call that changes nothing");
DEFINE_uint64(write_latency_ms, 0,
              "time before the answer to a call that changes something");
DEFINE_double(bandwidth_mbit, 0,
              "of the link, in each direction, shared by all connections; 0: "
              "without limit");
DEFINE_double(creates_per_second, 0,
              "how many creates, updates, copies and deletes a second are let "
              "through; 0: all");
DEFINE_uint64(
    units_per_minute, 0,
    "quota units a minute (a get costs 5, a list 100, a download 200, "
    "a change 50); 0: without limit");
DEFINE_int32(rate_error, 403,
             "the status of calls beyond the rates: 403 or 429");
DEFINE_uint64(quota_bytes, 0, "size of the Drive; 0: without limit");
DEFINE_uint64(token_lifetime_s, 3599, "how long access tokens live");
DEFINE_uint64(device_interval_s, 5,
              "how often a device may poll for its token");
DEFINE_uint64(device_pending_polls, 1,
              "how often a device is told to wait for its user");
DEFINE_uint64(name_lag_ms, 0,
              "how far the answers to queries by name lag behind");
DEFINE_bool(reuse_deleted_ids, false,
            "whether the id of a deleted file may be used again");
DEFINE_string(request_log, "", "append one JSON line per request to this file");
DEFINE_string(fault, "",
              "a fault rule, as key=value,... or JSON; may be given several "
              "times; see drive/faults.h");

namespace driveroot::fakedrive {
namespace {

struct Endpoint {
  std::string host;
  uint16_t port = 0;
};

Result<Endpoint> ParseListen(const std::string& text) {
  const size_t colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : ParseDecimal(text.substr(colon + 1));
  if (!port || *port > 65535)
    return Fail(
        ErrorCode::kInvalidArgument,
        "--listen=" + text + " is not HOST:PORT; try --listen=127.0.0.1:0");
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  return Endpoint{.host = host, .port = static_cast<uint16_t>(*port)};
}

std::vector<std::string> CertificateNames() {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1",
                                    "10.0.2.2"};
  std::string_view rest = FLAGS_certificate_names;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size());
    if (end > 0) names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

Result<Settings> SettingsFromFlags() {
  if (FLAGS_rate_error != 403 && FLAGS_rate_error != 429)
    return Fail(ErrorCode::kInvalidArgument, "--rate_error must be 403 or 429");
  if (FLAGS_bandwidth_mbit < 0 || FLAGS_creates_per_second < 0)
    return Fail(ErrorCode::kInvalidArgument,
                "--bandwidth_mbit and --creates_per_second must not be "
                "negative; 0 means without limit");
  return Settings{.read_latency_ms = FLAGS_read_latency_ms,
                  .write_latency_ms = FLAGS_write_latency_ms,
                  .bandwidth_mbit = FLAGS_bandwidth_mbit,
                  .creates_per_second = FLAGS_creates_per_second,
                  .units_per_minute = FLAGS_units_per_minute,
                  .rate_error = FLAGS_rate_error,
                  .quota_bytes = FLAGS_quota_bytes,
                  .token_lifetime_s = FLAGS_token_lifetime_s,
                  .device_interval_s = FLAGS_device_interval_s,
                  .device_pending_polls = FLAGS_device_pending_polls,
                  .name_lag_ms = FLAGS_name_lag_ms,
                  .reuse_deleted_ids = FLAGS_reuse_deleted_ids};
}

// Takes every --fault out of the arguments: gflags keeps only the last one.
Result<FaultRules> TakeFaults(std::vector<std::string>* arguments) {
  FaultRules rules;
  std::vector<std::string> others;
  for (size_t i = 0; i < arguments->size(); ++i) {
    const std::string& argument = (*arguments)[i];
    const size_t dashes = std::min(argument.find_first_not_of('-'), size_t{2});
    const std::string name = argument.substr(dashes);
    if (dashes == 0 || (name != "fault" && !name.starts_with("fault="))) {
      others.push_back(argument);
      continue;
    }
    if (name == "fault" && ++i == arguments->size())
      return Fail(ErrorCode::kInvalidArgument, "--fault needs a rule");
    DRIVEROOT_RETURN_IF_ERROR(
        rules.AddSpec(name == "fault" ? (*arguments)[i] : name.substr(6)));
  }
  *arguments = std::move(others);
  return rules;
}

// The first and only line of output.
void Announce(const std::string& host, uint16_t port,
              const std::string& ca_file, const std::string& credentials_file) {
  std::string shown = host;
  if (host == "0.0.0.0" || host == "localhost") shown = "127.0.0.1";
  if (host == "::") shown = "::1";
  if (shown.find(':') != std::string::npos) shown = "[" + shown + "]";
  rapidjson::Document document;
  JsonObject line(document.GetAllocator());
  line.Set("endpoint", "https://" + shown + ":" + std::to_string(port))
      .Set("port", uint64_t{port})
      .Set("ca_file", std::string_view(ca_file))
      .Set("credentials_file", std::string_view(credentials_file));
  std::printf("%s\n", JsonText(line.Take()).c_str());
  std::fflush(stdout);
}

// Ends the loop at SIGTERM and SIGINT.
Result<UniqueFd> WatchSignals(EventLoop* loop) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid())
    return std::unexpected(Error::FromErrno(errno, "cannot watch signals"));
  DRIVEROOT_RETURN_IF_ERROR(loop->Watch(
      fd.get(), EPOLLIN, [loop](uint32_t /*events*/) { loop->Stop(); }));
  return fd;
}

Status Serve(FaultRules faults) {
  if (FLAGS_data.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "--data=FOLDER is needed: the folder that keeps the Drive");
  DRIVEROOT_ASSIGN_OR_RETURN(const Endpoint listen, ParseListen(FLAGS_listen));
  DRIVEROOT_ASSIGN_OR_RETURN(const Settings settings, SettingsFromFlags());
  DRIVEROOT_RETURN_IF_ERROR(MakeFolder(FLAGS_data));
  RequestLog log;
  if (!FLAGS_request_log.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(log, RequestLog::Open(FLAGS_request_log));
  }

  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<EventLoop> loop,
                             EventLoop::Create());
  DRIVEROOT_ASSIGN_OR_RETURN(const UniqueFd signals, WatchSignals(loop.get()));
  DRIVEROOT_ASSIGN_OR_RETURN(const CertificateAuthority authority,
                             CertificateAuthority::LoadOrCreate(FLAGS_data));
  DRIVEROOT_ASSIGN_OR_RETURN(
      TlsContextPtr tls,
      authority.MakeServerContext(CertificateNames(), FLAGS_certificate_from));
  DRIVEROOT_ASSIGN_OR_RETURN(const std::unique_ptr<Drive> drive,
                             Drive::Open(loop.get(), FLAGS_data, settings,
                                         std::move(faults), std::move(log)));
  Server server(loop.get(), drive.get(), std::move(tls), drive->spool_folder());
  drive->AttachServer(&server);
  DRIVEROOT_ASSIGN_OR_RETURN(const uint16_t port,
                             server.Listen(listen.host, listen.port));

  std::string ca_file = FLAGS_data + "/ca.pem";
  if (!FLAGS_ca_out.empty()) {
    ca_file = FLAGS_ca_out;
    DRIVEROOT_RETURN_IF_ERROR(ReplaceFile(ca_file, authority.pem(), 0644));
  }
  const std::string credentials_file = FLAGS_credentials_out.empty()
                                           ? FLAGS_data + "/credentials.json"
                                           : FLAGS_credentials_out;
  DRIVEROOT_RETURN_IF_ERROR(
      ReplaceFile(credentials_file, drive->CredentialsJson(), 0600));
  Announce(listen.host, port, ca_file, credentials_file);
  return loop->Run();
}

// One descriptor per connection and per download.
void RaiseFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  gflags::SetUsageMessage(
      "serves a simulated Google Drive over HTTPS: fakedrive --data=FOLDER");

  std::vector<std::string> arguments(argv, argv + argc);
  auto faults = TakeFaults(&arguments);
  if (!faults) {
    std::fprintf(stderr, "fakedrive: %s\n", faults.error().message().c_str());
    return 2;
  }
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int count = static_cast<int>(arguments.size());
  char** vector = pointers.data();
  gflags::ParseCommandLineFlags(&count, &vector, /*remove_flags=*/true);
  if (count > 1) {
    std::fprintf(
        stderr, "fakedrive: unexpected argument \"%s\"; see fakedrive --help\n",
        vector[1]);
    return 2;
  }
  if (const Status served = Serve(*std::move(faults)); !served) {
    std::fprintf(stderr, "fakedrive: %s\n", served.error().message().c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace driveroot::fakedrive

int main(int argc, char** argv) {
  return driveroot::fakedrive::Main(argc, argv);
}
