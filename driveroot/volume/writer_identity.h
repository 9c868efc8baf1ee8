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
//
// The writer id is random, made once for each machine and user and kept in a
// file of mode 0600: /var/lib/driveroot/writer_id of root, driveroot/writer_id
// in the state folder of others (XDG_STATE_HOME, ~/.local/state). Where it
// cannot be kept it is empty, and whether two writers are the same is in doubt.
WriterIdentity MakeWriterIdentity(const std::string& host_name,
                                  const std::string& boot_id,
                                  const std::string& writer_id = "");

// The id that is kept in `folder`, which is made if need be; empty when that is
// impossible.
std::string KeptWriterId(const std::string& folder);

// A writer id that needs no file, for a machine whose root is the volume
// itself: that of its firmware, else its host name, which such a machine has
// from its network card.
std::string HardwareWriterId();

// A new random UUID.
std::string NewUuid();

// Nanoseconds since 1970.
TimeNs NowNs();

// Since the machine started, time asleep included.
std::chrono::nanoseconds TimeSinceBoot();

// kBusy when the writer of `last` may still be at work, so that `self` must not
// write unless told to; the message says where and how to take over. It is not
// at work when it closed the volume; when it ran in the same boot and pid
// namespace and its process is gone, or a zombie; when it has the same writer
// id, on a machine that has booted since; or when it wrote nothing for an hour.
// The same host name proves nothing: copies of a machine have it, too.
Status CheckNotInUse(const RecordHeader& last, const WriterIdentity& self,
                     TimeNs now);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_WRITER_IDENTITY_H_
