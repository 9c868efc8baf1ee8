// SPDX-License-Identifier: Apache-2.0
#include "driveroot/volume/create_object.h"

#include <string>

namespace driveroot {

Status CheckCreated(ObjectStore& store, const ObjectId& id,
                    std::string_view bytes, const Status& created) {
  if (created || created.error().code() != ErrorCode::kAlreadyExists) {
    return created;
  }
  const Result<bool> own = store.Holds(id, bytes);
  if (own && *own) return {};
  if (own) return created;
  if (own.error().code() != ErrorCode::kNotFound) {
    return std::unexpected(own.error());
  }
  return Fail(ErrorCode::kUnavailable, "the store says both that object " + id +
                                           " exists and that it does not");
}

Status CreateOwn(ObjectStore& store, const Persist& persist, const ObjectId& id,
                 ObjectKind kind, std::string_view name,
                 std::string_view bytes) {
  return persist([&] {
    return CheckCreated(store, id, bytes, store.Create(id, kind, name, bytes));
  });
}

Status CreateUnderFreshId(ObjectStore& store, const Persist& persist,
                          const std::function<Result<ObjectId>()>& take_id,
                          ObjectId& id, ObjectKind kind, std::string_view name,
                          std::string_view bytes) {
  return persist([&]() -> Status {
    const Status created = store.Create(id, kind, name, bytes);
    const Status checked = CheckCreated(store, id, bytes, created);
    if (checked || created.error().code() != ErrorCode::kAlreadyExists) {
      return checked;
    }
    const ObjectId taken = id;
    DRIVEROOT_ASSIGN_OR_RETURN(id, take_id());
    return Fail(ErrorCode::kUnavailable,
                "the store gives the id " + taken + " of object " +
                    std::string(name) +
                    " for taken, and not by that: another one is tried");
  });
}

}  // namespace driveroot
