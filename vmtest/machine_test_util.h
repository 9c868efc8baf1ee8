// SPDX-License-Identifier: Apache-2.0
//
// Steps that tests with machines share. They fail the test fatally, unless they
// return something.
#ifndef VMTEST_MACHINE_TEST_UTIL_H_
#define VMTEST_MACHINE_TEST_UTIL_H_

#include <string>
#include <string_view>

#include "driveroot/base/result.h"
#include "vmtest/testbed/testbed.h"

namespace driveroot::vmtest {

// How often `part` occurs.
int Count(std::string_view text, std::string_view part);

// Types a command, and waits for what it is to print.
void Expect(Machine& machine, const std::string& command,
            const std::string& printed);

// Waits for a text on the console.
void ExpectConsole(Machine& machine, const std::string& text);

// The type of the newest record of a volume's log: "open", "commit", "close".
Result<std::string> LastRecordType(TestBed& bed, const std::string& volume);

}  // namespace driveroot::vmtest

#endif  // VMTEST_MACHINE_TEST_UTIL_H_
