// SPDX-License-Identifier: Apache-2.0
#include "initrd/saving/save_volume.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <format>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "driveroot/base/files.h"
#include "driveroot/base/unique_fd.h"
#include "driveroot/control/control_session.h"

namespace driveroot {
namespace {

using Clock = SaveDialog::Clock;

constexpr uint64_t kMaxLimitBytes = 64;
constexpr std::chrono::seconds kTick(1);
// A status is answered from memory; a daemon that does not is stuck.
constexpr std::chrono::seconds kStatusLimit(5);
// The dialog has limits of its own.
constexpr std::chrono::hours kRequestLimit(24);

// Runs the command in a thread. Whoever gives up leaves the thread behind with
// all that it uses: it waits for the daemon until the machine stops.
std::future<Status> StartCommand(ControlSession session,
                                 const SaveRequest& request) {
  std::promise<Status> done;
  std::future<Status> result = done.get_future();
  std::thread([session = std::move(session), request,
               done = std::move(done)]() mutable {
    // Both may wait for the store. What fails here the daemon says better.
    const UniqueFd root(
        open(request.mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (root.valid()) syncfs(root.get());
    const Result<std::string> answer = session.Request(
        request.command, kRequestLimit, [](const std::string&) {});
    done.set_value(answer ? Status() : std::unexpected(answer.error()));
  }).detach();
  return result;
}

// The state of the daemon; each question has a conversation of its own, since
// one that timed out would answer the next.
Result<SaveState> AskForState(const std::string& device) {
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::Connect(device));
  DRIVEROOT_ASSIGN_OR_RETURN(
      const std::string answer,
      session.Request("status", kStatusLimit, [](const std::string&) {}));
  return ParseSaveState(answer);
}

void Show(Console& console, const SaveDialog::Step& step) {
  for (const std::string& line : step.lines) console.Print(line);
  console.Overlay(step.overlay);
}

}  // namespace

std::string SilenceLimitPath(const std::string& folder) {
  return folder + "/give-up-seconds";
}

SaveDialog::Limits ReadLimits(const std::string& folder) {
  SaveDialog::Limits limits;
  const Result<std::string> text =
      ReadFile(SilenceLimitPath(folder), kMaxLimitBytes);
  int64_t seconds = 0;
  if (text &&
      std::from_chars(text->data(), text->data() + text->size(), seconds).ec ==
          std::errc() &&
      seconds > 0) {
    limits.silence = std::chrono::seconds(seconds);
  }
  return limits;
}

Status SaveVolume(Console& console, const SaveRequest& request) {
  DRIVEROOT_ASSIGN_OR_RETURN(ControlSession session,
                             ControlSession::Connect(request.device));
  SaveDialog dialog(request.limits, Clock::now());
  console.ForgetTyped();
  std::future<Status> done = StartCommand(std::move(session), request);
  SaveState state;
  while (done.wait_for(std::chrono::milliseconds(0)) !=
         std::future_status::ready) {
    // Waits at the keyboard only as long as the command takes.
    std::optional<std::string> typed;
    for (const Clock::time_point until = Clock::now() + kTick;
         !typed && Clock::now() < until;) {
      if (done.wait_for(std::chrono::milliseconds(0)) ==
          std::future_status::ready) {
        break;
      }
      typed = console.ReadLine(std::chrono::milliseconds(50));
    }
    SaveDialog::Step step;
    if (typed) {
      step = dialog.Answer(*typed, Clock::now());
    } else {
      Result<SaveState> now = AskForState(request.device);
      if (now) {
        state = *std::move(now);
      } else {
        state.reason = now.error().message();
      }
      step = dialog.Tick(state, Clock::now());
    }
    Show(console, step);
    if (step.give_up) {
      return Fail(ErrorCode::kCancelled,
                  std::format("{} not saved: {}", DescribeUnsaved(state),
                              state.reason));
    }
  }
  console.Overlay("");
  return done.get();
}

}  // namespace driveroot
