// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/api_error.h"

#include <utility>

#include "vmtest/fakedrive/drive/json.h"

namespace driveroot::fakedrive {

ApiError InvalidParameter(std::string_view parameter, std::string message) {
  ApiError error;
  error.status = 400;
  error.reason = "invalid";
  error.message = std::move(message);
  error.location = parameter;
  error.location_type = "parameter";
  return error;
}

ApiError BadRequest(std::string message) {
  ApiError error;
  error.status = 400;
  error.reason = "badRequest";
  error.message = std::move(message);
  return error;
}

ApiError FileNotFound(std::string_view id) {
  ApiError error;
  error.status = 404;
  error.reason = "notFound";
  error.message = "File not found: " + std::string(id) + ".";
  error.location = "fileId";
  error.location_type = "parameter";
  return error;
}

ApiError Forbidden(std::string_view reason, std::string message) {
  ApiError error;
  error.status = 403;
  error.reason = reason;
  error.message = std::move(message);
  return error;
}

ApiError UsageLimit(std::string_view reason, std::string message) {
  ApiError error = Forbidden(reason, std::move(message));
  error.domain = "usageLimits";
  return error;
}

ApiError NotSimulated(std::string_view what) {
  ApiError error;
  error.status = 501;
  error.reason = "notSimulated";
  error.message = "fakedrive does not simulate " + std::string(what) + ".";
  return error;
}

ApiError Internal(const Error& error) {
  ApiError internal;
  internal.status = 500;
  internal.reason = "internalError";
  internal.message = "fakedrive: " + error.message();
  return internal;
}

Response ErrorResponse(const ApiError& error) {
  rapidjson::Document document;
  JsonAllocator& allocator = document.GetAllocator();
  JsonObject detail(allocator);
  detail.Set("message", std::string_view(error.message))
      .Set("domain", std::string_view(error.domain))
      .Set("reason", std::string_view(error.reason));
  if (!error.location.empty()) {
    detail.Set("location", std::string_view(error.location))
        .Set("locationType", std::string_view(error.location_type));
  }
  Json details(rapidjson::kArrayType);
  details.PushBack(detail.Take(), allocator);
  JsonObject inner(allocator);
  inner.Set("code", Json(error.status))
      .Set("message", std::string_view(error.message))
      .Set("errors", std::move(details));
  JsonObject outer(allocator);
  outer.Set("error", inner.Take());
  Response response = TextResponse(
      error.status, "application/json; charset=UTF-8", JsonText(outer.Take()));
  for (const auto& [name, value] : error.headers.all())
    response.headers.Add(name, value);
  return response;
}

}  // namespace driveroot::fakedrive
