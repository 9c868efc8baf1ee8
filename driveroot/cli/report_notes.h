// SPDX-License-Identifier: Apache-2.0
//
// Tells users what a transfer left out or changed.
#ifndef DRIVEROOT_CLI_REPORT_NOTES_H_
#define DRIVEROOT_CLI_REPORT_NOTES_H_

#include "driveroot/base/result.h"
#include "driveroot/transfer/transfer_notes.h"

namespace driveroot {

// Prints each kind of note as a line to standard error. An error when something
// is missing, so that the command's exit code says so.
Status ReportNotes(const TransferNotes& notes);

}  // namespace driveroot

#endif  // DRIVEROOT_CLI_REPORT_NOTES_H_
