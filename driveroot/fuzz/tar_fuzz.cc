// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "driveroot/base/tar/tar.h"
#include "glog/logging.h"

// Entries that are read can be written, and are then read the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace driveroot;
  StringSource source({reinterpret_cast<const char*>(data), size});
  TarReader reader(&source);
  while (true) {
    const auto entry = reader.Next();
    if (!entry || !*entry) return 0;
    std::string contents;
    uint64_t holes = 0;
    std::array<char, 700> buffer;
    while (true) {
      holes += reader.SkipHole();
      const auto length = reader.ReadData(buffer);
      if (!length) return 0;
      if (*length == 0) break;
      contents.append(buffer.data(), *length);
    }
    CHECK_EQ(contents.size() + holes, (*entry)->size);
    std::string archive;
    StringSink sink(&archive);
    TarWriter writer(&sink);
    const Status written = writer.WriteEntry(**entry);
    CHECK(written) << written.error();
    CHECK(writer.WriteData(contents));
    CHECK(writer.Finish());
    StringSource again(archive);
    TarReader second(&again);
    const auto same = second.Next();
    CHECK(same) << same.error();
    CHECK(**same == **entry);
  }
}
