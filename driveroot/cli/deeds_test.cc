// SPDX-License-Identifier: Apache-2.0
//
// The real program on volumes, in a local folder and on a Drive, to whose files
// a person did something: what it pulls is right or it says what is wrong, and
// `fsck --repair` ends with a volume that can be written to.
// driveroot/volume/deeds_test.cc goes through all deeds on all objects.
#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driveroot/base/files.h"
#include "driveroot/base/noise.h"
#include "driveroot/base/unique_fd.h"
#include "gtest/gtest.h"
#include "vmtest/fakedrive/testing/fake_drive_process.h"
#include "vmtest/fakedrive/testing/test_client.h"
#include "vmtest/process/process.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

struct Outcome {
  int code = 0;
  std::string output;
};

// More than goes into a record.
constexpr size_t kFirstBytes = 5'000'000;
constexpr size_t kSecondBytes = 4'500'000;

enum class Deed { kRemoved, kEmptied, kRenamed, kTrashed };

std::string NameOf(Deed deed) {
  switch (deed) {
    case Deed::kRemoved:
      return "removed";
    case Deed::kEmptied:
      return "emptied";
    case Deed::kRenamed:
      return "renamed";
    case Deed::kTrashed:
      return "trashed";
  }
  return "";
}

// A volume as a person sees it.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::string Volume(int number) const = 0;
  virtual std::vector<std::string> Flags() const { return {}; }
  // The files of volume `number` whose names begin so, in order.
  virtual std::vector<std::string> Files(int number,
                                         const std::string& folder) = 0;
  virtual void Do(Deed deed, const std::string& file) = 0;
  // Whether that can be done there and leaves the object readable.
  virtual bool IsHarmless(Deed deed) const = 0;
};

class LocalPlace : public Place {
 public:
  explicit LocalPlace(stdfs::path top) : top_(std::move(top)) {}

  std::string Volume(int number) const override {
    return "dir:" + Folder(number).string();
  }

  std::vector<std::string> Files(int number,
                                 const std::string& folder) override {
    if (folder == "superblock") return {Folder(number) / "superblock.json"};
    std::vector<std::string> files;
    for (const auto& entry :
         stdfs::directory_iterator(Folder(number) / folder)) {
      files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
  }

  void Do(Deed deed, const std::string& file) override {
    if (deed == Deed::kRemoved) stdfs::remove(file);
    if (deed == Deed::kEmptied) stdfs::resize_file(file, 0);
    if (deed == Deed::kRenamed) stdfs::rename(file, file + ".old");
    if (deed == Deed::kTrashed) stdfs::rename(file, top_ / "trash");
  }

  bool IsHarmless(Deed) const override { return false; }

 private:
  stdfs::path Folder(int number) const {
    return top_ / ("volume" + std::to_string(number));
  }

  const stdfs::path top_;
};

class DrivePlace : public Place {
 public:
  DrivePlace() {
    auto started = fakedrive::FakeDriveProcess::Start();
    EXPECT_TRUE(started) << started.error();
    drive_ = *std::move(started);
    client_ = std::make_unique<fakedrive::TestClient>(drive_.get(),
                                                      CURL_HTTP_VERSION_1_1);
    EXPECT_EQ(client_->LogIn().status, 200);
  }

  std::string Volume(int number) const override {
    return "drive:" + Name(number);
  }
  std::vector<std::string> Flags() const override {
    return {"--drive_endpoint=" + drive_->endpoint(),
            "--ca_file=" + drive_->ca_file(),
            "--credentials=" + drive_->credentials_file()};
  }

  std::vector<std::string> Files(int number,
                                 const std::string& folder) override {
    const std::string volume = Find("", Name(number)).front();
    if (folder == "superblock") return Find(volume, "superblock.json");
    if (folder == "segments") return Find(volume, "segment-");
    return Find(Find(volume, folder).front(), "");
  }

  void Do(Deed deed, const std::string& file) override {
    const std::string path = "/drive/v3/files/" + file;
    if (deed == Deed::kRemoved) {
      EXPECT_EQ(client_->Do({.method = "DELETE", .path = path}).status, 204);
    } else if (deed == Deed::kEmptied) {
      EXPECT_EQ(client_->Update(file, "{}", "").status, 200);
    } else {
      const std::string json =
          deed == Deed::kRenamed ? R"({"name":"old"})" : R"({"trashed":true})";
      EXPECT_EQ(client_
                    ->Do({.method = "PATCH",
                          .path = path,
                          .body = json,
                          .headers = {"Content-Type: application/json"}})
                    .status,
                200);
    }
  }

  bool IsHarmless(Deed deed) const override {
    return deed == Deed::kRenamed || deed == Deed::kTrashed;
  }

 private:
  static std::string Name(int number) {
    return "volume" + std::to_string(number);
  }

  // The ids of files of a folder, or anywhere, whose names begin with `name`.
  std::vector<std::string> Find(const std::string& folder,
                                const std::string& name) {
    const std::string query =
        folder.empty() ? "name='" + name + "'" : "'" + folder + "' in parents";
    const fakedrive::TestAnswer answer = client_->Get(
        "/drive/v3/files?pageSize=1000&q=" + fakedrive::Escape(query));
    EXPECT_EQ(answer.status, 200) << answer.body;
    const auto document = answer.Json();
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& file : document["files"].GetArray()) {
      const std::string its_name = file["name"].GetString();
      if (its_name.starts_with(name)) {
        found.emplace_back(its_name, file["id"].GetString());
      }
    }
    std::ranges::sort(found);
    std::vector<std::string> ids;
    for (const auto& [its_name, id] : found) ids.push_back(id);
    return ids;
  }

  std::unique_ptr<fakedrive::FakeDriveProcess> drive_;
  std::unique_ptr<fakedrive::TestClient> client_;
};

class DeedsProgramTest : public testing::Test {
 protected:
  DeedsProgramTest()
      : top_(stdfs::path(testing::TempDir()) /
             testing::UnitTest::GetInstance()->current_test_info()->name()) {
    stdfs::remove_all(top_);
    stdfs::create_directories(top_ / "tree");
    std::ofstream(top_ / "tree/first") << Noise(kFirstBytes, 1);
  }

  Outcome Run(const Place& place, std::vector<std::string> arguments) const {
    vmtest::ProcessOptions options;
    options.arguments = {std::string(std::getenv("TEST_SRCDIR")) +
                         "/driveroot/driveroot/driveroot"};
    options.arguments.push_back(arguments.front());
    for (const std::string& flag : place.Flags()) {
      options.arguments.push_back(flag);
    }
    options.arguments.insert(options.arguments.end(), arguments.begin() + 1,
                             arguments.end());
    const std::string log = top_ / "output";
    const UniqueFd out(open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    options.standard_output = out.get();
    options.standard_error = out.get();
    Result<vmtest::Process> process = vmtest::Process::Start(options);
    EXPECT_TRUE(process);
    const std::optional<int> code = process->Wait(std::chrono::minutes(5));
    return {code.value_or(-1), ReadFile(log, 1 << 20).value_or("")};
  }

  Outcome Pull(const Place& place, int number) const {
    stdfs::remove_all(top_ / "copy");
    return Run(place, {"pull", place.Volume(number), top_ / "copy"});
  }

  std::string Copied(const std::string& name) const {
    return ReadFile(top_ / "copy" / name, 1 << 24).value_or("");
  }

  // Pushes twice, does `deed` to the file at `position` (from the end on if
  // negative) of `folder`, and looks what becomes of it.
  void Try(Place& place, int number, const std::string& folder, int position,
           Deed deed) {
    SCOPED_TRACE(place.Volume(number) + ": " + folder + " " +
                 std::to_string(position) + " " + NameOf(deed));
    const std::string volume = place.Volume(number);
    stdfs::remove(top_ / "tree/second");
    ASSERT_EQ(Run(place, {"push", top_ / "tree", volume}).code, 0);
    std::ofstream(top_ / "tree/second") << Noise(kSecondBytes, 2);
    ASSERT_EQ(Run(place, {"push", top_ / "tree", volume}).code, 0);
    const std::vector<std::string> files = place.Files(number, folder);
    ASSERT_FALSE(files.empty());
    const auto count = static_cast<int>(files.size());
    place.Do(deed, files.at(position < 0 ? count + position : position));

    const Outcome pulled = Pull(place, number);
    if (pulled.code == 0) {
      EXPECT_TRUE(Copied("first") == Noise(kFirstBytes, 1));
      EXPECT_TRUE(Copied("second") == Noise(kSecondBytes, 2));
    } else {
      EXPECT_FALSE(place.IsHarmless(deed)) << pulled.output;
      EXPECT_EQ(pulled.output.find("no volume"), std::string::npos)
          << pulled.output;
    }
    const Outcome repaired = Run(place, {"fsck", "--repair", volume});
    EXPECT_EQ(repaired.output.find("another writer"), std::string::npos)
        << repaired.output;
    const bool is_lost = folder == "segments" && !place.IsHarmless(deed);
    EXPECT_EQ(repaired.code, is_lost ? 1 : 0) << repaired.output;
    if (is_lost) {
      EXPECT_TRUE(("\n" + repaired.output).contains("\n/second "))
          << repaired.output;
    } else {
      const Outcome again = Pull(place, number);
      EXPECT_EQ(again.code, 0) << again.output;
      EXPECT_TRUE(Copied("second") == Noise(kSecondBytes, 2));
    }
    std::ofstream(top_ / "tree/second") << Noise(kSecondBytes, 3);
    const Outcome pushed = Run(place, {"push", top_ / "tree", volume});
    EXPECT_EQ(pushed.code, 0) << pushed.output;
    const Outcome last = Pull(place, number);
    EXPECT_EQ(last.code, 0) << last.output;
    EXPECT_TRUE(Copied("second") == Noise(kSecondBytes, 3));
  }

  void TryAll(Place& place, const std::vector<Deed>& deeds) {
    int number = 0;
    for (const Deed deed : deeds) {
      Try(place, number++, "superblock", 0, deed);
      Try(place, number++, "checkpoints", -1, deed);
      Try(place, number++, "log", 0, deed);
      Try(place, number++, "log", -1, deed);
      Try(place, number++, "segments", -1, deed);
    }
  }

  const stdfs::path top_;
};

TEST_F(DeedsProgramTest, InALocalFolder) {
  LocalPlace place(top_);
  TryAll(place, {Deed::kRemoved, Deed::kEmptied, Deed::kRenamed});
}

TEST_F(DeedsProgramTest, OnADrive) {
  DrivePlace place;
  TryAll(place, {Deed::kRemoved, Deed::kEmptied, Deed::kTrashed});
}

}  // namespace
}  // namespace driveroot
