// SPDX-License-Identifier: Apache-2.0
//
// The real program keeps its secrets to itself, whatever its environment asks
// for and whoever looks.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "driveroot/cli/drive_mount_fixture.h"

namespace driveroot {
namespace {

constexpr uid_t kNobody = 65534;

class SecretsTest : public DriveMountTest {
 protected:
  Outcome RunWith(const std::string& variable, const std::string& value,
                  const std::vector<std::string>& arguments) {
    setenv(variable.c_str(), value.c_str(), 1);
    const Outcome outcome = RunPlain(arguments);
    unsetenv(variable.c_str());
    return outcome;
  }
};

TEST_F(SecretsTest, NoFileGetsTheSecretsOfConnections) {
  const Outcome outcome = RunWith("SSLKEYLOGFILE", Path("keys"),
                                  Arguments({"status"}, {"drive:test"}));
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_FALSE(std::filesystem::exists(Path("keys")));
}

TEST_F(SecretsTest, TheEnvironmentTrustsNobody) {
  std::vector<std::string> arguments = Arguments({"status"}, {"drive:test"});
  std::erase_if(arguments, [](const std::string& argument) {
    return argument.starts_with("--ca_file");
  });
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
                           "CURL_CA_PATH", "REQUESTS_CA_BUNDLE"}) {
    const std::string value =
        std::string(name).ends_with("DIR") ||
                std::string(name).ends_with("PATH")
            ? std::filesystem::path(drive_->ca_file()).parent_path().string()
            : drive_->ca_file();
    const Outcome outcome = RunWith(name, value, arguments);
    EXPECT_EQ(outcome.code, 1) << name;
    EXPECT_FALSE(outcome.output.contains("uuid")) << outcome.output;
  }
}

TEST_F(SecretsTest, RefusesToBeSetId) {
  const std::string copy = Path("driveroot");
  std::filesystem::copy_file(Arguments({}, {})[0], copy);
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(chown(copy.c_str(), 0, 0), 0);
  ASSERT_EQ(chmod(copy.c_str(), 04755), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(100);
    execl(copy.c_str(), "driveroot", "version", nullptr);
    _exit(101);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  ASSERT_EQ(chmod(copy.c_str(), 0755), 0);
}

TEST_F(SecretsTest, ItsOwnUserCannotLookInside) {
  // It waits for a line and holds credentials.
  std::array<int, 2> ends;
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd ours(ends[1]);
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  const std::string program = Path("driveroot");
  std::filesystem::copy_file(Arguments({}, {})[0], program);
  const pid_t daemon = fork();
  if (daemon == 0) {
    dup2(ends[0], STDIN_FILENO);
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(100);
    execl(program.c_str(), "driveroot", "login", "--client_id=id",
          "--credentials=/nowhere/credentials.json", nullptr);
    _exit(101);
  }
  close(ends[0]);
  const std::string proc = "/proc/" + std::to_string(daemon);
  Await("its start", [&] {
    const Result<std::string> name = ReadFile(proc + "/comm", 100);
    struct stat info = {};
    // The kernel gives the files of those that cannot be dumped to root.
    return name && name->starts_with("driveroot") &&
           stat((proc + "/environ").c_str(), &info) == 0 && info.st_uid == 0;
  });
  const pid_t reader = fork();
  if (reader == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(100);
    for (const char* name : {"/environ", "/mem", "/maps", "/root", "/fd"}) {
      if (open((proc + name).c_str(), O_RDONLY) >= 0 || errno != EACCES) {
        _exit(1);
      }
    }
    _exit(0);
  }
  int status = 0;
  waitpid(reader, &status, 0);
  EXPECT_EQ(status, 0);
  kill(daemon, SIGKILL);
  waitpid(daemon, nullptr, 0);
}

}  // namespace
}  // namespace driveroot
