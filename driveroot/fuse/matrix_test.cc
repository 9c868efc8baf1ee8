// SPDX-License-Identifier: Apache-2.0
//
// Runs the cases of posix/*.matrix, which are this program's arguments, on a
// mounted volume and on a local file system. The last step of a case must give
// the same answer on both and do the same to everything that is there.
//
// They are products of many values; a part of each is enough to notice when a
// rule changes. All of them: --test_arg=--percent=100.
#include <fcntl.h>
#include <gflags/gflags.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
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
#include "driveroot/base/unique_fd.h"
#include "driveroot/fuse/posix/acting.h"
#include "driveroot/fuse/posix/operations.h"
#include "driveroot/fuse/posix/script.h"
#include "driveroot/fuse/posix/snapshot.h"
#include "driveroot/fuse/test_mount.h"

DEFINE_uint32(percent, 25, "how many of the cases to run");

namespace driveroot::posix {
namespace {

// Longer than the tick by which local file systems count time.
constexpr std::chrono::milliseconds kTick(12);
// How many cases wait for one tick together.
constexpr size_t kBatch = 100;
// A rule that is wrong fails in hundreds of cases.
constexpr size_t kMaxReports = 10;

// One case on one file system.
class Trial {
 public:
  Trial(const std::string& root, const Case& definition)
      : folder_(std::format("{}/{:p}", root,
                            static_cast<const void*>(&definition))),
        case_(definition) {}

  // All steps but the last. What went wrong, or nothing.
  std::string Prepare() {
    umask(0);
    if (mkdir(folder_.c_str(), 0755) != 0) return "no folder " + folder_;
    if (chdir(folder_.c_str()) != 0) return "cannot enter " + folder_;
    std::string trouble;
    for (const Step& step :
         std::span(case_.steps).first(case_.steps.size() - 1)) {
      const std::string answer = Do(step);
      if (std::ranges::contains(step.expected, answer)) continue;
      trouble = std::format("line {}: {}: {}", step.line, step.text, answer);
      break;
    }
    where_ = UniqueFd(open(".", O_PATH | O_CLOEXEC));
    before_.emplace(folder_);
    return trouble;
  }

  // The last step: what it answers and what it changes.
  std::string Finish() {
    if (fchdir(where_.get()) != 0) return "cannot enter " + folder_;
    const std::string answer = Do(case_.steps.back());
    return answer + "\n" + before_->Compare();
  }

  void Remove() {
    held_.clear();
    before_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 private:
  std::string Do(const Step& step) {
    umask(step.umask);
    std::string answer;
    {
      const ActAs as(step.credentials);
      answer = Perform(step.words, held_);
    }
    umask(0);
    return answer;
  }

  const std::string folder_;
  const Case& case_;
  Held held_;
  UniqueFd where_;  // the folder that the last step starts from
  std::optional<Snapshot> before_;
};

class MatrixTest : public testing::Test {
 public:
  // `cases` are those that were written as one.
  MatrixTest(const std::string& volume, const std::string& local,
             std::span<const Case> cases)
      : volume_(volume), local_(local), cases_(cases) {}

  void TestBody() override {
    for (size_t at = 0; at < cases_.size() && failures_ < kMaxReports;
         at += kBatch) {
      RunBatch(cases_.subspan(at, std::min(kBatch, cases_.size() - at)));
    }
    ASSERT_EQ(chdir("/"), 0);
    RecordProperty("cases", static_cast<int>(cases_.size()));
  }

 private:
  void RunBatch(std::span<const Case> cases) {
    std::vector<std::unique_ptr<Trial>> on_volume;
    std::vector<std::unique_ptr<Trial>> on_local;
    for (const Case& definition : cases) {
      on_local.push_back(std::make_unique<Trial>(local_, definition));
      on_volume.push_back(std::make_unique<Trial>(volume_, definition));
      Report(definition, "", on_local.back()->Prepare());
      Report(definition, "", on_volume.back()->Prepare());
    }
    std::this_thread::sleep_for(kTick);
    for (size_t i = 0; i < cases.size(); ++i) {
      const std::string expected = on_local[i]->Finish();
      Report(cases[i], expected, on_volume[i]->Finish());
    }
    ASSERT_EQ(chdir("/"), 0);
    // Not those on the local file system: ext4 gets slow where inodes come and
    // go.
    for (const std::unique_ptr<Trial>& trial : on_volume) trial->Remove();
  }

  void Report(const Case& definition, const std::string& expected,
              const std::string& found) {
    if (found == expected || failures_ >= kMaxReports) return;
    ++failures_;
    std::string steps;
    for (const Step& step : definition.steps) steps += step.text + "\n";
    EXPECT_EQ(found, expected) << definition.name << "\n" << steps;
  }

  const std::string& volume_;
  const std::string& local_;
  const std::span<const Case> cases_;
  size_t failures_ = 0;
};

// Cases of one template stand together and have its name up to the first '/'.
std::string TemplateOf(const Case& definition) {
  return definition.name.substr(0, definition.name.find('/'));
}

void Register(const std::string& file, std::span<const Case> cases,
              const std::string& volume, const std::string& local) {
  while (!cases.empty()) {
    const std::string name = TemplateOf(cases.front());
    const auto end = std::ranges::find_if(
        cases, [&name](const Case& one) { return TemplateOf(one) != name; });
    const std::span<const Case> own(cases.begin(), end);
    testing::RegisterTest(
        file.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
        [&volume, &local, own] { return new MatrixTest(volume, local, own); });
    cases = cases.subspan(own.size());
  }
}

// Scattered, so that no value always comes with the same other one.
bool IsChosen(size_t index) {
  constexpr uint32_t kGoldenRatio = 2654435769;
  const uint32_t scattered = static_cast<uint32_t>(index) * kGoldenRatio;
  return (scattered >> 16) % 100 < FLAGS_percent;
}

Result<std::vector<std::vector<Case>>> ReadCases(std::span<char*> files) {
  std::vector<std::vector<Case>> cases;
  for (const char* path : files) {
    DRIVEROOT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
    Result<std::vector<Case>> parsed = ParseCases(text);
    if (!parsed) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::format("{}: {}", path, parsed.error().message()));
    }
    std::vector<Case>& chosen = cases.emplace_back();
    for (size_t i = 0; i < parsed->size(); ++i) {
      if (IsChosen(i)) chosen.push_back(std::move((*parsed)[i]));
    }
  }
  return cases;
}

// Snapshots hold everything in a batch.
void RaiseFileLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(std::span<char*> files) {
  const LocalFolder local;
  for (const std::string& reason :
       {TestMount::SkipReason(), local.skip_reason()}) {
    if (reason.empty()) continue;
    std::printf("skipped: %s\n", reason.c_str());
    return 0;
  }
  const auto cases = ReadCases(files);
  auto mount = TestMount::Make();
  if (!cases || !mount) {
    const Error& error = cases ? mount.error() : cases.error();
    std::fprintf(stderr, "%s\n", error.message().c_str());
    return 1;
  }
  RaiseFileLimit();
  const std::string volume = (*mount)->path();
  size_t count = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    Register(std::filesystem::path(files[i]).stem(), (*cases)[i], volume,
             local.path());
    count += (*cases)[i].size();
  }
  std::printf("%zu cases\n", count);
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace driveroot::posix

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  return driveroot::posix::Main(
      std::span(argv, static_cast<size_t>(argc)).subspan(1));
}
