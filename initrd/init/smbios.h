// SPDX-License-Identifier: Apache-2.0
//
// The strings that the machine's maker or the emulator put into the firmware's
// tables (SMBIOS specification, DMTF DSP0134, structure type 11 "OEM Strings").
//
// Pure function: safe from any thread. The table is not trusted: whatever does
// not fit ends the reading.
#ifndef INITRD_INIT_SMBIOS_H_
#define INITRD_INIT_SMBIOS_H_

#include <string>
#include <string_view>
#include <vector>

namespace driveroot {

// All type 11 strings of `table` (the bytes of /sys/firmware/dmi/tables/DMI),
// in order.
std::vector<std::string> ParseOemStrings(std::string_view table);

}  // namespace driveroot

#endif  // INITRD_INIT_SMBIOS_H_
