// SPDX-License-Identifier: Apache-2.0
#include "vmtest/machine_test_util.h"

#include <cstddef>
#include <cstdint>

#include "gtest/gtest.h"
#include "rapidjson/document.h"

namespace driveroot::vmtest {

int Count(std::string_view text, std::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != text.npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

void Expect(Machine& machine, const std::string& command,
            const std::string& printed) {
  Status status = machine.console().Type(command + "\n");
  ASSERT_TRUE(status) << "host: " << status.error();
  status = machine.console().WaitFor(printed, kBootLimit);
  ASSERT_TRUE(status) << "guest: " << status.error();
}

void ExpectConsole(Machine& machine, const std::string& text) {
  const Status status = machine.console().WaitFor(text, kBootLimit);
  ASSERT_TRUE(status) << "guest: " << status.error();
}

Result<std::string> LastRecordType(TestBed& bed, const std::string& volume) {
  DRIVEROOT_ASSIGN_OR_RETURN(const std::string log,
                             bed.Driveroot("log", {"--json", volume}));
  rapidjson::Document document;
  document.Parse(log.data(), log.size());
  uint64_t last = 0;
  std::string type;
  for (const auto& record : document["records"].GetArray()) {
    if (record["record"].GetUint64() < last) continue;
    last = record["record"].GetUint64();
    type = record["type"].GetString();
  }
  return type;
}

}  // namespace driveroot::vmtest
