// SPDX-License-Identifier: Apache-2.0
//
// Who writes to a volume, and whether somebody else still does. Thread-safe.
#ifndef DRIVEROOT_VOLUME_WRITER_IDENTITY_H_
#define DRIVEROOT_VOLUME_WRITER_IDENTITY_H_

#include <chrono>
#include <string>

#include "driveroot/base/result.h"
#include "driveroot/volume/record.h"

namespace driveroot {

// This process. What is given takes the place of what the system says.
WriterIdentity MakeWriterIdentity(const std::string& host_name,
                                  const std::string& boot_id);

// A new random UUID.
std::string NewUuid();

// Nanoseconds since 1970.
TimeNs NowNs();

// Since the machine started, time asleep included.
std::chrono::nanoseconds TimeSinceBoot();

// kBusy when the writer of `last` may still be at work, so that `self` must not
// write unless told to; the message says where and how to take over. It is not
// at work when it closed the volume; when its machine has booted since, or its
// process is gone; or when it is on another machine and wrote nothing for an
// hour.
Status CheckNotInUse(const RecordHeader& last, const WriterIdentity& self,
                     TimeNs now);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_WRITER_IDENTITY_H_
