// SPDX-License-Identifier: Apache-2.0
#include "driveroot/store/fake/fake_object_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "driveroot/store/object_store_contract.h"

namespace driveroot {
namespace {

class FakeBackend : public ContractBackend {
 public:
  Result<std::unique_ptr<ObjectStore>> Open() override {
    return std::make_unique<FaultyObjectStore>(
        std::make_unique<FakeObjectStore>(account_), nullptr);
  }

 private:
  std::shared_ptr<FakeAccount> account_ = std::make_shared<FakeAccount>();
};

INSTANTIATE_TEST_SUITE_P(Fake, ObjectStoreContractTest,
                         testing::Values(ContractParam{
                             "Fake",
                             [] { return std::make_unique<FakeBackend>(); }}),
                         ContractParamName);

TEST(FaultyObjectStoreTest, FailsBeforeOrAfterTheEffect) {
  const auto account = std::make_shared<FakeAccount>();
  FaultyObjectStore store(std::make_unique<FakeObjectStore>(account),
                          [](const StoreCall& call) -> std::optional<Fault> {
                            if (call.number == 1) return Fault{};
                            if (call.number == 2)
                              return Fault{.lost_response = true};
                            return std::nullopt;
                          });
  EXPECT_FALSE(store.Create("a", ObjectKind::kSegment, "a", "1"));
  EXPECT_FALSE(store.Create("b", ObjectKind::kSegment, "b", "2"));
  EXPECT_FALSE(store.Read("a", 0, 9));
  EXPECT_EQ(store.Read("b", 0, 9).value_or(""), "2");
}

TEST(FakeObjectStoreTest, QuotaIsKept) {
  const auto account = std::make_shared<FakeAccount>();
  account->quota = 10;
  FakeObjectStore store(account);
  ASSERT_TRUE(store.Create("a", ObjectKind::kSegment, "a", "123456"));
  const Status full = store.Create("b", ObjectKind::kSegment, "b", "12345");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kOutOfSpace);
  EXPECT_TRUE(store.Create("b", ObjectKind::kSegment, "b", "1234"));
}

}  // namespace
}  // namespace driveroot
