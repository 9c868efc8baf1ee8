// SPDX-License-Identifier: Apache-2.0
//
// FakeDriveProcess: the real fakedrive program, started by a test and ended
// with it.
//
//   auto drive = FakeDriveProcess::Start({.flags = {"--read_latency_ms=20"}});
//   ASSERT_TRUE(drive) << drive.error();
//   ... use (*drive)->endpoint(), ->ca_file(), ->credentials_file() ...
//   auto stats = (*drive)->Stats();
//   EXPECT_EQ(stats->requests["media"], 3);
//
// Not thread-safe.
#ifndef VMTEST_FAKEDRIVE_TESTING_FAKE_DRIVE_PROCESS_H_
#define VMTEST_FAKEDRIVE_TESTING_FAKE_DRIVE_PROCESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driveroot/base/result.h"
#include "vmtest/process/process.h"

namespace driveroot::fakedrive {

struct FakeDriveOptions {
  // Where the Drive is kept. Empty: a temporary folder that goes with the
  // object.
  std::string data_folder{};
  // More flags, e.g. "--bandwidth_mbit=100".
  std::vector<std::string> flags{};
  // The program; empty: the one among the test's runfiles.
  std::string program{};
};

// What GET /_control/stats tells; see drive/stats.h.
struct FakeDriveStats {
  // By class of call: get media list create update copy delete upload
  // generate_ids about changes drives token device consent revoke unknown.
  std::map<std::string, uint64_t> requests;
  std::map<std::string, uint64_t> body_bytes_in;
  std::map<std::string, uint64_t> body_bytes_out;
  std::map<std::string, uint64_t> statuses;  // By status, e.g. "206".
  // Everything else, e.g. bytes_in, bytes_out, connections, http2_streams,
  // files, bytes_stored, faults_injected.
  std::map<std::string, uint64_t> totals;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class FakeDriveProcess {
 public:
  // Returns when it serves.
  static Result<std::unique_ptr<FakeDriveProcess>> Start(
      const FakeDriveOptions& options = {});
  FakeDriveProcess(const FakeDriveProcess&) = delete;
  FakeDriveProcess& operator=(const FakeDriveProcess&) = delete;
  ~FakeDriveProcess();

  const std::string& endpoint() const { return endpoint_; }
  uint16_t port() const { return port_; }
  const std::string& ca_file() const { return ca_file_; }
  const std::string& credentials_file() const { return credentials_file_; }
  const std::string& data_folder() const { return data_folder_; }

  // SIGTERM; fails if it does not end with code 0.
  Status Stop();
  // SIGKILL.
  void Kill();
  // Starts it again on the same data and port, with other flags if given.
  Status Restart();
  Status Restart(std::vector<std::string> flags);

  Result<FakeDriveStats> Stats() const;
  Status ResetStats() const { return Control("/reset_stats", "{}"); }
  // A rule as in drive/faults.h, e.g. R"({"class":"create","nth":1,...})".
  Status AddFault(const std::string& json) const {
    return Control("/faults", json);
  }
  Status ClearFaults() const;
  // E.g. R"({"read_latency_ms":200})"; names as in drive/settings.h.
  Status Set(const std::string& json) const {
    return Control("/settings", json);
  }
  // What: "access", "refresh" or "all" tokens.
  Status Revoke(const std::string& what) const {
    return Control("/revoke", R"({"what":")" + what + R"("})");
  }
  // Whether the user refuses on the consent page and to devices.
  Status Deny(bool deny) const {
    return Control("/consent", deny ? R"({"deny":true})" : "{}");
  }

 private:
  FakeDriveProcess() = default;

  Status Launch(const std::string& listen);
  // POST below /_control; fails unless the answer is 200.
  Status Control(const std::string& path, const std::string& body) const;
  Result<HttpAnswer> Ask(const std::string& method, const std::string& path,
                         const std::string& body) const;

  std::string program_;
  std::vector<std::string> flags_;
  std::string data_folder_;
  std::string temporary_folder_;  // To be removed; empty: none.
  std::string endpoint_;
  uint16_t port_ = 0;
  std::string ca_file_;
  std::string credentials_file_;
  std::optional<vmtest::Process> process_;
};

}  // namespace driveroot::fakedrive

#endif  // VMTEST_FAKEDRIVE_TESTING_FAKE_DRIVE_PROCESS_H_
