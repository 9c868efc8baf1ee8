// SPDX-License-Identifier: Apache-2.0
//
// TransferNotes gathers what a transfer could not keep as it was: kinds of
// things, each with its number and the paths of the first ones. Nothing is left
// out without a note. Bounded memory. Not thread-safe.
#ifndef DRIVEROOT_TRANSFER_TRANSFER_NOTES_H_
#define DRIVEROOT_TRANSFER_TRANSFER_NOTES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace driveroot {

class TransferNotes {
 public:
  enum class Weight {
    kTold,     // as it is meant to be, or of no consequence
    kMissing,  // the result lacks what it should have: an error
  };

  // `kind` completes a sentence that begins with a number, e.g. "sockets left
  // out".
  void Add(std::string_view kind, std::string_view path,
           Weight weight = Weight::kTold);

  // Takes over what another one has.
  void Add(const TransferNotes& other);

  // One line for each kind: "3 sockets left out: run/a, run/b, run/c".
  // Characters that a terminal would act on are escaped.
  std::vector<std::string> Lines() const;

  // How many notes there are of a kind.
  uint64_t CountOf(std::string_view kind) const;

  // Whether any note says that something is missing.
  bool missing() const { return missing_; }

 private:
  struct Kind {
    std::string name;
    uint64_t count = 0;
    std::vector<std::string> paths;
  };

  Kind& Find(std::string_view name);

  std::vector<Kind> kinds_;  // in the order of their first note
  bool missing_ = false;
};

}  // namespace driveroot

#endif  // DRIVEROOT_TRANSFER_TRANSFER_NOTES_H_
