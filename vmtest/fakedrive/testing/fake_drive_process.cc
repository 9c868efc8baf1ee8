// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/testing/fake_drive_process.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "driveroot/base/unique_fd.h"
#include "rapidjson/document.h"

namespace driveroot::fakedrive {
namespace {

// Generous: the machine may be busy building.
constexpr std::chrono::seconds kStartLimit(120);
constexpr std::chrono::seconds kStopLimit(60);

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// Where Bazel puts this library's data.
std::string ProgramInRunfiles() {
  return Environment("TEST_SRCDIR") + "/" + Environment("TEST_WORKSPACE") +
         "/vmtest/fakedrive/fakedrive";
}

Result<std::string> MakeTemporaryFolder() {
  std::string folder = Environment("TEST_TMPDIR");
  if (folder.empty()) folder = "/tmp";
  folder += "/fakedrive.XXXXXX";
  if (mkdtemp(folder.data()) == nullptr)
    return std::unexpected(
        Error::FromErrno(errno, "cannot make the folder " + folder));
  return folder;
}

// The first line, or why there is none.
Result<std::string> ReadLine(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  std::string line;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return Fail(ErrorCode::kInternal, "fakedrive does not start to serve");
    pollfd poll_fd = {.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&poll_fd, 1, static_cast<int>(left.count())) <= 0) continue;
    std::array<char, 4096> buffer;
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return Fail(ErrorCode::kInternal,
                  "fakedrive ended at once; its message is above");
    line.append(buffer.data(), static_cast<size_t>(got));
    if (line.ends_with('\n')) return line;
  }
}

std::string Text(const rapidjson::Value& object, const char* name) {
  const auto found = object.FindMember(name);
  return found != object.MemberEnd() && found->value.IsString()
             ? found->value.GetString()
             : "";
}

size_t Append(char* bytes, size_t size, size_t count, void* user_data) {
  static_cast<std::string*>(user_data)->append(bytes, size * count);
  return size * count;
}

std::map<std::string, uint64_t> Counters(const rapidjson::Value& object) {
  std::map<std::string, uint64_t> counters;
  for (const auto& member : object.GetObject()) {
    if (member.value.IsUint64())
      counters[member.name.GetString()] = member.value.GetUint64();
  }
  return counters;
}

}  // namespace

Result<std::unique_ptr<FakeDriveProcess>> FakeDriveProcess::Start(
    const FakeDriveOptions& options) {
  std::unique_ptr<FakeDriveProcess> drive(new FakeDriveProcess);
  drive->program_ =
      options.program.empty() ? ProgramInRunfiles() : options.program;
  drive->flags_ = options.flags;
  drive->data_folder_ = options.data_folder;
  if (drive->data_folder_.empty()) {
    DRIVEROOT_ASSIGN_OR_RETURN(drive->temporary_folder_, MakeTemporaryFolder());
    drive->data_folder_ = drive->temporary_folder_;
  }
  DRIVEROOT_RETURN_IF_ERROR(drive->Launch("127.0.0.1:0"));
  return drive;
}

FakeDriveProcess::~FakeDriveProcess() {
  Kill();
  if (!temporary_folder_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary_folder_, ignored);
  }
}

Status FakeDriveProcess::Launch(const std::string& listen) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return std::unexpected(Error::FromErrno(errno, "cannot make a pipe"));
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  vmtest::ProcessOptions options;
  // A --listen of the caller's comes later and wins.
  options.arguments = {program_, "--listen=" + listen,
                       "--data=" + data_folder_};
  options.arguments.insert(options.arguments.end(), flags_.begin(),
                           flags_.end());
  options.standard_output = write_end.get();
  DRIVEROOT_ASSIGN_OR_RETURN(vmtest::Process process,
                             vmtest::Process::Start(options));
  write_end.Reset();
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string line, ReadLine(read_end.get()));
  rapidjson::Document document;
  document.Parse(line.data(), line.size());
  if (document.HasParseError() || !document.IsObject() ||
      !document.HasMember("port") || !document["port"].IsUint())
    return Fail(ErrorCode::kInternal,
                "fakedrive's first line is not the expected one: " + line);
  endpoint_ = Text(document, "endpoint");
  port_ = static_cast<uint16_t>(document["port"].GetUint());
  ca_file_ = Text(document, "ca_file");
  credentials_file_ = Text(document, "credentials_file");
  process_ = std::move(process);
  return {};
}

Status FakeDriveProcess::Stop() {
  if (!process_) return {};
  process_->Signal(SIGTERM);
  const std::optional<int> code = process_->Wait(kStopLimit);
  process_.reset();
  if (code == 0) return {};
  return Fail(ErrorCode::kInternal,
              code ? "fakedrive ended with code " + std::to_string(*code)
                   : "fakedrive did not end at SIGTERM");
}

void FakeDriveProcess::Kill() {
  if (process_) process_->Kill();
  process_.reset();
}

Status FakeDriveProcess::Restart() {
  Kill();
  return Launch("127.0.0.1:" + std::to_string(port_));
}

Status FakeDriveProcess::Restart(std::vector<std::string> flags) {
  flags_ = std::move(flags);
  return Restart();
}

Result<HttpAnswer> FakeDriveProcess::Ask(const std::string& method,
                                         const std::string& path,
                                         const std::string& body) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(
      curl_easy_init(), curl_easy_cleanup);
  if (!curl) return Fail(ErrorCode::kInternal, "cannot set libcurl up");
  const std::string url = endpoint_ + "/_control" + path;
  HttpAnswer answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ca_file_.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  if (!body.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body.size()));
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK)
    return Fail(ErrorCode::kUnavailable, "fakedrive does not answer " + url +
                                             ": " + curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

Status FakeDriveProcess::Control(const std::string& path,
                                 const std::string& body) const {
  DRIVEROOT_ASSIGN_OR_RETURN(const HttpAnswer answer, Ask("POST", path, body));
  if (answer.status == 200) return {};
  return Fail(ErrorCode::kInvalidArgument, answer.body);
}

Status FakeDriveProcess::ClearFaults() const {
  DRIVEROOT_ASSIGN_OR_RETURN(const HttpAnswer answer,
                             Ask("DELETE", "/faults", ""));
  if (answer.status == 200) return {};
  return Fail(ErrorCode::kInvalidArgument, answer.body);
}

Result<FakeDriveStats> FakeDriveProcess::Stats() const {
  DRIVEROOT_ASSIGN_OR_RETURN(const HttpAnswer answer, Ask("GET", "/stats", ""));
  rapidjson::Document document;
  document.Parse(answer.body.data(), answer.body.size());
  FakeDriveStats stats;
  const std::pair<const char*, std::map<std::string, uint64_t>*> groups[] = {
      {"requests", &stats.requests},
      {"body_bytes_in", &stats.body_bytes_in},
      {"body_bytes_out", &stats.body_bytes_out},
      {"statuses", &stats.statuses}};
  if (document.HasParseError() || !document.IsObject())
    return Fail(ErrorCode::kInternal, "fakedrive's statistics are no JSON");
  for (const auto& [name, counters] : groups) {
    if (!document.HasMember(name) || !document[name].IsObject())
      return Fail(ErrorCode::kInternal,
                  std::string("fakedrive's statistics lack ") + name);
    *counters = Counters(document[name]);
  }
  stats.totals = Counters(document);
  return stats;
}

}  // namespace driveroot::fakedrive
