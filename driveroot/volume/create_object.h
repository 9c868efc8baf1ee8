// SPDX-License-Identifier: Apache-2.0
//
// Creating objects whose ids nobody else is given. That the store calls such an
// id taken means that an answer was lost, that the store is wrong, or that
// something else lies there: the object itself tells.
#ifndef DRIVEROOT_VOLUME_CREATE_OBJECT_H_
#define DRIVEROOT_VOLUME_CREATE_OBJECT_H_

#include <functional>
#include <string_view>

#include "driveroot/base/result.h"
#include "driveroot/store/object_store.h"

namespace driveroot {

// Makes a call of the store until it succeeds or no repetition can help; waits
// in between. Thread-safe.
using Persist = std::function<Status(const std::function<Status()>& call)>;

// Whether `created`, what Create() of these bytes came to, is success after
// all. kAlreadyExists: something else has the id. kUnavailable: the store says
// both that the id is taken and that there is no such object.
Status CheckCreated(ObjectStore& store, const ObjectId& id,
                    std::string_view bytes, const Status& created);

// Creates an object under `id`. The errors of CheckCreated().
Status CreateOwn(ObjectStore& store, const Persist& persist, const ObjectId& id,
                 ObjectKind kind, std::string_view name,
                 std::string_view bytes);

// The same, under another id when the store gives `id` for taken by something
// else, or insists on its being taken: each attempt that `persist` makes has
// one of its own then, from `take_id`. `id` is the one that has the bytes in
// the end.
Status CreateUnderFreshId(ObjectStore& store, const Persist& persist,
                          const std::function<Result<ObjectId>()>& take_id,
                          ObjectId& id, ObjectKind kind, std::string_view name,
                          std::string_view bytes);

}  // namespace driveroot

#endif  // DRIVEROOT_VOLUME_CREATE_OBJECT_H_
