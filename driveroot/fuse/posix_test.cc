// SPDX-License-Identifier: Apache-2.0
//
// Runs the cases of posix/*.cases, which are this program's arguments, on a
// mounted volume, and on a local file system so that a wrong expectation shows.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <format>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/fuse/posix/acting.h"
#include "driveroot/fuse/posix/operations.h"
#include "driveroot/fuse/posix/script.h"
#include "driveroot/fuse/posix/self_program.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot::posix {
namespace {

// Longer than the tick by which local file systems count time.
constexpr std::chrono::milliseconds kTick(12);

// A file system that the cases run on.
struct Target {
  std::string name;
  std::string folder;
  std::string skip_reason;
};

class CaseTest : public testing::Test {
 public:
  CaseTest(const Target& target, const Case& definition)
      : target_(target), case_(definition) {}

  void TestBody() override {
    if (!target_.skip_reason.empty()) GTEST_SKIP() << target_.skip_reason;
    const std::string folder = target_.folder + "/case";
    umask(0);
    ASSERT_EQ(mkdir(folder.c_str(), 0755), 0);
    ASSERT_EQ(chdir(folder.c_str()), 0);
    Held held;
    for (const Step& step : case_.steps) {
      Run(step, held);
      // What comes after rests on it.
      if (HasFailure()) break;
    }
    held.clear();
    ASSERT_EQ(chdir("/"), 0);
    std::filesystem::remove_all(folder);
  }

 private:
  static std::string TimeOf(const TimeCheck& check, Held& held) {
    const std::string words[] = {"stat", check.path, check.field};
    return Perform(words, held);
  }

  static void Run(const Step& step, Held& held) {
    std::vector<std::string> before;
    for (const TimeCheck& check : step.times) {
      before.push_back(TimeOf(check, held));
    }
    if (!step.times.empty()) std::this_thread::sleep_for(kTick);
    std::string answer;
    {
      umask(step.umask);
      const ActAs as(step.credentials);
      answer = Perform(step.words, held);
    }
    umask(0);
    EXPECT_TRUE(std::ranges::contains(step.expected, answer))
        << "line " << step.line << ": " << step.text << "\nanswer: " << answer;
    for (size_t i = 0; i < step.times.size(); ++i) {
      const TimeCheck& check = step.times[i];
      const std::string after = TimeOf(check, held);
      EXPECT_TRUE(check.must_grow ? Later(before[i], after)
                                  : before[i] == after)
          << "line " << step.line << ": " << step.text << "\n"
          << check.path << " " << check.field << " was " << before[i] << ", is "
          << after;
    }
  }

  // Of two times after 1970, with nine digits behind the point.
  static bool Later(const std::string& before, const std::string& after) {
    if (before.size() != after.size()) return before.size() < after.size();
    return before < after;
  }

  const Target& target_;
  const Case& case_;
};

void Register(const std::string& file, const std::vector<Case>& cases,
              const Target& target) {
  for (const Case& definition : cases) {
    const std::string name = std::format("{}:{}", file, definition.name);
    testing::RegisterTest(
        target.name.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
        [&target, &definition] { return new CaseTest(target, definition); });
  }
}

int Main(std::span<char*> files) {
  std::unique_ptr<TestMount> mount;
  Target volume = {.name = "Driveroot",
                   .folder = "",
                   .skip_reason = TestMount::SkipReason()};
  if (volume.skip_reason.empty()) {
    Result<std::unique_ptr<TestMount>> made = TestMount::Make();
    if (!made) {
      std::fprintf(stderr, "%s\n", made.error().message().c_str());
      return 1;
    }
    mount = std::move(*made);
    volume.folder = mount->path();
  }
  const LocalFolder folder;
  const Target local = {.name = "Local",
                        .folder = folder.path(),
                        .skip_reason = folder.skip_reason()};
  std::vector<std::vector<Case>> cases;
  cases.reserve(files.size());
  for (const char* path : files) {
    const Result<std::string> text = ReadFile(path, 1 << 20);
    Result<std::vector<Case>> parsed =
        text ? ParseCases(*text)
             : Result<std::vector<Case>>(std::unexpected(text.error()));
    if (!parsed) {
      std::fprintf(stderr, "%s: %s\n", path, parsed.error().message().c_str());
      return 1;
    }
    cases.push_back(std::move(*parsed));
    const std::string name = std::filesystem::path(path).stem();
    Register(name, cases.back(), local);
    Register(name, cases.back(), volume);
  }
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace driveroot::posix

int main(int argc, char** argv) {
  if (driveroot::posix::ActedAsSelfProgram(argc, argv)) return 0;
  testing::InitGoogleTest(&argc, argv);
  return driveroot::posix::Main(
      std::span(argv, static_cast<size_t>(argc)).subspan(1));
}
