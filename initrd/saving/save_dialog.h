// SPDX-License-Identifier: Apache-2.0
//
// What a person at the machine is told and asked while the last changes go to
// the store: SaveDialog decides, save_volume.h carries out.
//
// Few lines, since each goes to the journal, too, which is on the volume that
// is to be saved: one when saving takes long, one when nothing is stored any
// more, with the reason, and then the choice. What counts down is shown in
// place.
//
// Not thread-safe.
#ifndef INITRD_SAVING_SAVE_DIALOG_H_
#define INITRD_SAVING_SAVE_DIALOG_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "driveroot/base/result.h"

namespace driveroot {

// What the daemon says of its volume.
struct SaveState {
  uint64_t unsaved_files = 0;  // changed since what is durable
  uint64_t unsaved_bytes = 0;  // of data
  // Grows whenever the store has confirmed something: a record, a segment, a
  // piece of one. What the daemon merely says or tries is no progress.
  uint64_t stored = 0;
  std::string reason = {};  // why nothing is stored; empty: none known

  bool operator==(const SaveState&) const = default;
};

// From the daemon's answer to "status". kDataLoss: it is none.
Result<SaveState> ParseSaveState(std::string_view answer);

// "3 files, 1.2 MB".
std::string DescribeUnsaved(const SaveState& state);

class SaveDialog {
 public:
  using Clock = std::chrono::steady_clock;

  struct Limits {
    // So long without progress, and a person is asked.
    std::chrono::seconds silence{300};
    // So long without an answer, and it is given up; 0: without asking.
    std::chrono::seconds answer{60};
  };

  struct Step {
    std::vector<std::string> lines = {};  // to be printed, once
    std::string overlay = {};  // replaces the last overlay; empty: none
    bool give_up = false;
  };

  SaveDialog(const Limits& limits, Clock::time_point now)
      : limits_(limits), start_(now), last_progress_(now) {}

  // To be called about once a second.
  Step Tick(const SaveState& state, Clock::time_point now);

  // Somebody typed a line. Ignored when nothing was asked.
  Step Answer(std::string_view typed, Clock::time_point now);

 private:
  Step Ask(const SaveState& state, Clock::time_point now);
  void TickSaving(const SaveState& state, Clock::time_point now, Step& step);
  void TickAsking(const SaveState& state, Clock::time_point now, Step& step);

  const Limits limits_;
  const Clock::time_point start_;
  Clock::time_point last_progress_;
  Clock::time_point asked_;
  uint64_t stored_ = 0;
  bool has_state_ = false;
  bool is_asking_ = false;
  bool is_announced_ = false;
  bool is_stalled_ = false;  // and that was said
  SaveState last_state_;
};

}  // namespace driveroot

#endif  // INITRD_SAVING_SAVE_DIALOG_H_
