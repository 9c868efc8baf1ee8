// SPDX-License-Identifier: Apache-2.0
#include "initrd/saving/save_dialog.h"

#include <format>

#include "rapidjson/document.h"

namespace driveroot {
namespace {

// Most machines have saved everything by then and need not talk about it.
constexpr std::chrono::seconds kAnnounceAfter(3);
// A request may take its time.
constexpr std::chrono::seconds kStallAfter(15);

uint64_t NumberOrZero(const rapidjson::Value& object, const char* key) {
  const auto member = object.FindMember(key);
  if (member == object.MemberEnd() || !member->value.IsUint64()) return 0;
  return member->value.GetUint64();
}

const rapidjson::Value* FindObject(const rapidjson::Value& object,
                                   const char* key) {
  const auto member = object.FindMember(key);
  if (member == object.MemberEnd() || !member->value.IsObject()) return nullptr;
  return &member->value;
}

// Pieces of segments that the store has taken.
uint64_t PiecesStored(const rapidjson::Value& status) {
  const rapidjson::Value* value = &status;
  for (const char* key : {"network", "calls", "upload.content"}) {
    value = FindObject(*value, key);
    if (value == nullptr) return 0;
  }
  const uint64_t requests = NumberOrZero(*value, "requests");
  const uint64_t failures = NumberOrZero(*value, "failures");
  return requests > failures ? requests - failures : 0;
}

std::string Seconds(SaveDialog::Clock::duration duration) {
  return std::format("{} s",
                     std::chrono::ceil<std::chrono::seconds>(duration).count());
}

std::string Reason(const SaveState& state) {
  return state.reason.empty() ? "the store does not answer" : state.reason;
}

}  // namespace

Result<SaveState> ParseSaveState(std::string_view answer) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(answer.data(), answer.size());
  const rapidjson::Value* status =
      document.HasParseError() || !document.IsObject()
          ? nullptr
          : FindObject(document, "status");
  if (status == nullptr) {
    return Fail(ErrorCode::kDataLoss, "the daemon's answer has no status");
  }
  SaveState state = {
      .unsaved_files = NumberOrZero(*status, "uncommitted_inodes"),
      .unsaved_bytes = NumberOrZero(*status, "unstored_bytes"),
      .stored = NumberOrZero(*status, "last_durable_record") +
                NumberOrZero(*status, "bytes_written") + PiecesStored(*status),
  };
  const auto reason = status->FindMember("last_error");
  if (reason != status->MemberEnd() && reason->value.IsString()) {
    state.reason = reason->value.GetString();
  }
  return state;
}

std::string DescribeUnsaved(const SaveState& state) {
  std::string text = std::format("{} file{}", state.unsaved_files,
                                 state.unsaved_files == 1 ? "" : "s");
  if (state.unsaved_bytes > 0) {
    text += std::format(", {:.1f} MB",
                        static_cast<double>(state.unsaved_bytes) / 1e6);
  }
  return text;
}

SaveDialog::Step SaveDialog::Tick(const SaveState& state,
                                  Clock::time_point now) {
  Step step;
  last_state_ = state;
  if (!has_state_ || state.stored > stored_) {
    if (has_state_) last_progress_ = now;
    if (is_asking_ || is_stalled_) {
      step.lines.emplace_back("the store takes data again: saving goes on");
    }
    is_asking_ = false;
    is_stalled_ = false;
    stored_ = state.stored;
    has_state_ = true;
  }
  if (is_asking_) {
    TickAsking(state, now, step);
  } else {
    TickSaving(state, now, step);
  }
  return step;
}

void SaveDialog::TickSaving(const SaveState& state, Clock::time_point now,
                            Step& step) {
  const Clock::duration silence = now - last_progress_;
  if (silence >= limits_.silence) {
    Step question = Ask(state, now);
    step.lines.insert(step.lines.end(), question.lines.begin(),
                      question.lines.end());
    step.overlay = std::move(question.overlay);
    step.give_up = question.give_up;
    return;
  }
  if (silence >= kStallAfter && !is_stalled_) {
    step.lines.push_back(
        std::format("nothing is stored for now: {}. Not saved yet: {}. In {} "
                    "you are asked whether to give up.",
                    Reason(state), DescribeUnsaved(state),
                    Seconds(limits_.silence - silence)));
    is_stalled_ = true;
    is_announced_ = true;
  }
  if (!is_announced_ && now - start_ >= kAnnounceAfter) {
    step.lines.push_back(
        std::format("saving what was written: {}", DescribeUnsaved(state)));
    is_announced_ = true;
  }
  if (is_stalled_) {
    step.overlay =
        std::format("{} not saved, question in {}", DescribeUnsaved(state),
                    Seconds(limits_.silence - silence));
  } else if (is_announced_) {
    step.overlay = std::format("{} not saved yet", DescribeUnsaved(state));
  }
}

SaveDialog::Step SaveDialog::Ask(const SaveState& state,
                                 Clock::time_point now) {
  is_asking_ = true;
  asked_ = now;
  Step step;
  step.lines.push_back(std::format("NOT SAVED: {}. The reason: {}",
                                   DescribeUnsaved(state), Reason(state)));
  if (limits_.answer.count() == 0) {
    step.give_up = true;
    return step;
  }
  step.lines.push_back(std::format(
      "Enter: wait another {}.  g and Enter: give up, which loses that. "
      "Without an answer it is given up in {}.",
      Seconds(limits_.silence), Seconds(limits_.answer)));
  TickAsking(state, now, step);
  return step;
}

void SaveDialog::TickAsking(const SaveState& state, Clock::time_point now,
                            Step& step) {
  const Clock::duration waited = now - asked_;
  if (waited < limits_.answer) {
    step.overlay = std::format("wait (Enter) or give up (g, Enter)? {}",
                               Seconds(limits_.answer - waited));
    return;
  }
  step.lines.push_back(std::format(
      "nobody answered: given up, with {} not saved", DescribeUnsaved(state)));
  step.give_up = true;
}

SaveDialog::Step SaveDialog::Answer(std::string_view typed,
                                    Clock::time_point now) {
  Step step;
  if (!is_asking_) return step;
  if (typed == "g" || typed == "G") {
    step.lines.push_back(std::format("given up, with {} not saved",
                                     DescribeUnsaved(last_state_)));
    step.give_up = true;
    return step;
  }
  if (!typed.empty()) {
    step.lines.emplace_back("please press Enter, or g and Enter");
    return step;
  }
  is_asking_ = false;
  is_stalled_ = true;
  last_progress_ = now;
  step.lines.push_back(
      std::format("waiting another {}", Seconds(limits_.silence)));
  return step;
}

}  // namespace driveroot
