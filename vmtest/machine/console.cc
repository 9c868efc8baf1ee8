// SPDX-License-Identifier: Apache-2.0
#include "vmtest/machine/console.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "driveroot/base/files.h"

namespace driveroot::vmtest {
namespace {

// How much of the transcript an error message shows.
constexpr size_t kShownBytes = 1500;

}  // namespace

Console::Console(UniqueFd output, UniqueFd input)
    : output_(std::move(output)),
      input_(std::move(input)),
      reader_([this] { Read(); }) {}

Console::~Console() { reader_.join(); }

void Console::Read() {
  char chunk[4096];
  while (true) {
    const ssize_t count = read(output_.get(), chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (count <= 0) {
      ended_ = true;
      changed_.notify_all();
      return;
    }
    arrivals_.emplace_back(transcript_.size(),
                           std::chrono::system_clock::now());
    transcript_.append(chunk, static_cast<size_t>(count));
    changed_.notify_all();
  }
}

Status Console::WaitFor(std::string_view text, std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  size_t position = std::string::npos;
  const auto found = [&] {
    position = transcript_.find(text, found_);
    return position != std::string::npos;
  };
  changed_.wait_for(lock, limit, [&] { return found() || ended_; });
  if (found()) {
    found_ = position + text.size();
    return {};
  }
  const std::string what = "\"" + std::string(text) + "\" did not appear ";
  if (ended_) {
    return Fail(ErrorCode::kCancelled,
                what + "before the machine ended; its console last showed:\n" +
                    LastLines());
  }
  return Fail(ErrorCode::kUnavailable,
              what + "within " + std::to_string(limit.count()) +
                  " s; the console last showed:\n" + LastLines());
}

Status Console::Type(std::string_view text) {
  return WriteFully(input_.get(), text, "the machine's console");
}

std::string Console::Transcript() const {
  const std::lock_guard lock(mutex_);
  return transcript_;
}

std::vector<Console::Line> Console::Lines() const {
  const std::lock_guard lock(mutex_);
  std::vector<Line> lines;
  auto arrival = arrivals_.begin();
  for (size_t begin = 0; begin < transcript_.size();) {
    while (std::next(arrival) != arrivals_.end() &&
           std::next(arrival)->first <= begin) {
      ++arrival;
    }
    const size_t end =
        std::min(transcript_.find('\n', begin), transcript_.size());
    lines.push_back({arrival->second, transcript_.substr(begin, end - begin)});
    begin = end + 1;
  }
  return lines;
}

std::string Console::LastLines() const {
  const size_t shown = std::min(transcript_.size(), kShownBytes);
  return transcript_.substr(transcript_.size() - shown);
}

}  // namespace driveroot::vmtest
