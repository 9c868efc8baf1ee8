// SPDX-License-Identifier: Apache-2.0
#include "vmtest/fakedrive/drive/drive.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "vmtest/fakedrive/drive/downloads.h"
#include "vmtest/fakedrive/drive/files_api.h"
#include "vmtest/fakedrive/drive/parameters.h"
#include "vmtest/fakedrive/drive/permissions_api.h"
#include "vmtest/fakedrive/drive/revisions_api.h"

namespace driveroot::fakedrive {
namespace {

using Kind = FaultAction::Kind;

// 5 TB, the largest file that Drive takes, and what multipart adds to it.
constexpr uint64_t kMaxUploadBytes = 5'242'880'000'000 + (uint64_t{1} << 20);

Response NotFoundPage() {
  return TextResponse(404, "text/html; charset=UTF-8",
                      "<!DOCTYPE html><title>Error 404 (Not Found)</title>\n");
}

Response FaultResponse(const FaultAction& fault) {
  ApiError error;
  error.status = fault.status;
  error.reason = fault.reason;
  error.message = "fakedrive: injected by a fault rule";
  if (error.reason.ends_with("LimitExceeded") &&
      error.reason != "propertyLengthLimitExceeded")
    error.domain = "usageLimits";
  if (fault.retry_after > 0)
    error.headers.Add("retry-after", std::to_string(fault.retry_after));
  return ErrorResponse(error);
}

void AddHeaders(std::string_view lines, Response* response) {
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const size_t colon = std::min(line.find(": "), line.size());
    const size_t value = std::min(colon + 2, line.size());
    response->headers.Add(AsciiLower(line.substr(0, colon)),
                          std::string(line.substr(value)));
  }
}

Response InventedResponse(const FaultAction& fault) {
  Response response;
  response.status = fault.status;
  response.text = fault.body;
  AddHeaders(fault.headers, &response);
  return response;
}

// What a fault does to an answer that is made already.
void SpoilResponse(const FaultAction& fault, Response* response) {
  const Abort abort =
      fault.whole_connection ? Abort::kConnection : Abort::kStream;
  switch (fault.kind) {
    case Kind::kResetBeforeCommit:
    case Kind::kResetAfterCommit:
      response->abort = abort;
      break;
    case Kind::kTruncate:
      response->abort = abort;
      response->abort_after = std::min(fault.bytes, response->body_size());
      break;
    case Kind::kCorrupt:
      if (response->body_size() > 0)
        response->corrupt_at = std::min(fault.at, response->body_size() - 1);
      break;
    case Kind::kAnswerAfterCommit:
      *response = InventedResponse(fault);
      break;
    case Kind::kAddHeaders:
      AddHeaders(fault.headers, response);
      break;
    case Kind::kGoaway:
      response->last_on_connection = true;
      break;
    default:
      break;
  }
}

}  // namespace

Result<std::unique_ptr<Drive>> Drive::Open(EventLoop* loop,
                                           const std::string& folder,
                                           const Settings& settings,
                                           FaultRules faults, RequestLog log) {
  DRIVEROOT_ASSIGN_OR_RETURN(Account account, Account::LoadOrCreate(folder));
  DRIVEROOT_ASSIGN_OR_RETURN(std::unique_ptr<FileStore> files,
                             FileStore::Open(folder, account.root_id()));
  DRIVEROOT_ASSIGN_OR_RETURN(UploadSessions sessions,
                             UploadSessions::Open(folder + "/uploads"));
  return std::unique_ptr<Drive>(new Drive(loop, settings, std::move(account),
                                          std::move(files), std::move(sessions),
                                          std::move(faults), std::move(log)));
}

Drive::Drive(EventLoop* loop, const Settings& settings, Account account,
             std::unique_ptr<FileStore> files, UploadSessions sessions,
             FaultRules faults, RequestLog log)
    : loop_(*loop),
      settings_(settings),
      account_(std::move(account)),
      files_(std::move(files)),
      oauth_(World{
          .account = &account_, .files = files_.get(), .settings = &settings_}),
      uploads_(World{.account = &account_,
                     .files = files_.get(),
                     .settings = &settings_},
               std::move(sessions)),
      faults_(std::move(faults)),
      log_(std::move(log)) {
  ApplySettings();
}

void Drive::AttachServer(Server* server) {
  server_ = server;
  ApplySettings();
}

void Drive::ApplySettings() {
  const auto now = RateLimit::Clock::now();
  writes_.reset();
  units_.reset();
  if (settings_.creates_per_second > 0)
    writes_.emplace(settings_.creates_per_second,
                    std::max(settings_.creates_per_second, 1.0), now);
  if (settings_.units_per_minute > 0) {
    const auto units = static_cast<double>(settings_.units_per_minute);
    units_.emplace(units / 60, units, now);
  }
  if (server_ != nullptr)
    server_->SetBandwidth(settings_.bandwidth_mbit * 1e6 / 8);
}

std::string Drive::CredentialsJson() const {
  rapidjson::Document document;
  JsonObject object(document.GetAllocator());
  object.Set("client_id", std::string_view(account_.client_id()))
      .Set("client_secret", std::string_view(account_.client_secret()))
      .Set("refresh_token", std::string_view(account_.first_refresh_token()));
  return JsonText(object.Take()) + "\n";
}

uint64_t Drive::MaxBodyBytes(const RequestHead& head) {
  // A hundred calls with metadata.
  if (head.target.starts_with("/batch")) return 8 * kMaxJsonBytes;
  return head.target.starts_with("/upload/") ? kMaxUploadBytes : kMaxJsonBytes;
}

void Drive::Handle(std::shared_ptr<Exchange> exchange) {
  auto target = ParseTarget(exchange->head().target);
  if (!target) {
    exchange->Respond(ErrorResponse(BadRequest("Malformed request target.")));
    return;
  }
  const Route route = FindRoute(exchange->head().method, *target);
  if (route.call == CallClass::kControl) {
    exchange->Respond(Control(*exchange, *target));
    return;
  }
  const FaultAction fault = faults_.Match(exchange->head().method, route.call,
                                          exchange->head().target);
  uint64_t delay_ms = IsWrite(route.call) ? settings_.write_latency_ms
                                          : settings_.read_latency_ms;
  if (fault.kind == Kind::kStall) delay_ms += fault.ms;

  // It is carried out now and answered then, so that the work, as hashing what
  // was uploaded, is part of the delay, as Google's own is.
  const auto answer_at =
      EventLoop::Clock::now() + std::chrono::milliseconds(delay_ms);
  const Call call{.exchange = *exchange,
                  .target = *target,
                  .route = route,
                  .fault = fault,
                  .base_url = "https://" + exchange->head().authority};
  const auto response = std::make_shared<Response>(Execute(call));
  SpoilResponse(fault, response.get());
  if (delay_ms == 0) {
    exchange->Respond(std::move(*response));
    return;
  }
  loop_.After(answer_at - EventLoop::Clock::now(), [exchange, response] {
    exchange->Respond(std::move(*response));
  });
}

void Drive::HandleCutOff(const Exchange& exchange) {
  const auto target = ParseTarget(exchange.head().target);
  if (!target) return;
  const Route route = FindRoute(exchange.head().method, *target);
  if (route.call == CallClass::kUpload) uploads_.KeepCutOff(exchange, *target);
  stats_.Count(route.call, exchange);
  log_.Write(route.call, exchange);
}

void Drive::Finished(const Exchange& exchange) {
  const auto target = ParseTarget(exchange.head().target);
  const CallClass call = target
                             ? FindRoute(exchange.head().method, *target).call
                             : CallClass::kUnknown;
  stats_.Count(call, exchange);
  log_.Write(call, exchange);
}

Response Drive::Execute(const Call& call) {
  switch (call.fault.kind) {
    case Kind::kStatus:
      return FaultResponse(call.fault);
    case Kind::kAnswer:
      return InventedResponse(call.fault);
    case Kind::kResetBeforeCommit:
      return {};
    case Kind::kExpireToken:
      if (const Status revoked = account_.RevokeAccessTokens(); !revoked)
        return ErrorResponse(Internal(revoked.error()));
      break;
    default:
      break;
  }
  switch (call.route.call) {
    case CallClass::kToken:
      return oauth_.Token(call);
    case CallClass::kDevice:
      return oauth_.DeviceCode(call);
    case CallClass::kConsent:
      return oauth_.Consent(call);
    case CallClass::kRevoke:
      return oauth_.Revoke(call);
    case CallClass::kUnknown:
      return NotFoundPage();
    default:
      break;
  }
  // A bad token is refused even where none is needed.
  const bool has_token =
      call.exchange.head().headers.Find("authorization") != nullptr;
  if (has_token || (NeedsToken(call.route.call) && !IsForAnyone(call))) {
    if (auto good = oauth_.Authorize(call); !good)
      return ErrorResponse(good.error());
  }
  if (auto good = CheckParameters(call.route, call.target); !good)
    return ErrorResponse(good.error());
  if (auto good = CheckRates(call.route.call); !good)
    return ErrorResponse(good.error());
  auto response = Dispatch(call);
  return response ? *std::move(response) : ErrorResponse(response.error());
}

bool Drive::IsForAnyone(const Call& call) {
  const bool reads = call.route.call == CallClass::kGet ||
                     call.route.call == CallClass::kMedia;
  if (!reads || call.target.Parameter("key") == nullptr) return false;
  const FileRecord* record = files_->Find(call.route.id);
  return record != nullptr && IsPublic({.account = &account_,
                                        .files = files_.get(),
                                        .settings = &settings_},
                                       *record);
}

ApiResult<Response> Drive::Batch(const Call& call) {
  constexpr uint64_t kMaxBatchBytes = uint64_t{8} << 20;
  const auto body = call.exchange.body().ReadAll(kMaxBatchBytes);
  if (!body) return std::unexpected(BadRequest(body.error().message()));
  const std::string* type = call.exchange.head().headers.Find("content-type");
  const auto calls = ParseBatch(*body, type != nullptr ? *type : "");
  if (!calls) return std::unexpected(calls.error());
  std::vector<BatchAnswer> answers;
  for (const BatchCall& inner : *calls)
    answers.push_back({.content_id = inner.content_id,
                       .response = ExecuteOfBatch(call, inner)});
  return FormatBatch(answers);
}

Response Drive::ExecuteOfBatch(const Call& batch, const BatchCall& inner) {
  RequestHead head = inner.head;
  head.authority = batch.exchange.head().authority;
  const std::string* token =
      batch.exchange.head().headers.Find("authorization");
  if (token != nullptr && head.headers.Find("authorization") == nullptr)
    head.headers.Add("authorization", *token);
  const auto target = ParseTarget(head.target);
  if (!target) return ErrorResponse(BadRequest("Malformed request target."));
  const Route route = FindRoute(head.method, *target);
  if (route.is_upload || route.call == CallClass::kMedia ||
      route.call == CallClass::kBatch || route.call == CallClass::kControl)
    return ErrorResponse(
        BadRequest("Neither media nor batches are possible in a batch."));
  Exchange exchange(/*target=*/nullptr, std::move(head),
                    batch.exchange.connection_id(), spool_folder());
  if (const Status kept = exchange.mutable_body().Append(inner.body); !kept)
    return ErrorResponse(Internal(kept.error()));
  const FaultAction fault =
      faults_.Match(exchange.head().method, route.call, exchange.head().target);
  Response response = Execute({.exchange = exchange,
                               .target = *target,
                               .route = route,
                               .fault = fault,
                               .base_url = batch.base_url});
  exchange.complete = true;
  exchange.body_sent = response.body_size();
  // The batch's own Finished counts it alone.
  stats_.Count(route.call, exchange);
  return response;
}

ApiResult<Response> Drive::Dispatch(const Call& call) {
  const World world{
      .account = &account_, .files = files_.get(), .settings = &settings_};
  switch (call.route.call) {
    case CallClass::kGet:
      return GetFile(world, call);
    case CallClass::kMedia:
      return DownloadFile(world, call);
    case CallClass::kList:
      return ListFiles(world, call);
    case CallClass::kCreate:
      return call.route.is_upload ? uploads_.Start(call)
                                  : CreateFile(world, call);
    case CallClass::kUpdate:
      return call.route.is_upload ? uploads_.Start(call)
                                  : UpdateFile(world, call);
    case CallClass::kUpload:
      return uploads_.Continue(call);
    case CallClass::kCopy:
      return CopyFile(world, call);
    case CallClass::kDelete:
      return DeleteFile(world, call);
    case CallClass::kGenerateIds:
      return GenerateIds(world, call);
    case CallClass::kAbout:
      return GetAbout(world, call);
    case CallClass::kChanges:
      return GetChanges(world, call);
    case CallClass::kDrives:
      return AnswerDrives(world, call);
    case CallClass::kPermissions:
    case CallClass::kPermissionsChange:
      return AnswerPermissions(world, call);
    case CallClass::kRevisions:
    case CallClass::kRevisionsChange:
      return AnswerRevisions(world, call);
    case CallClass::kExport:
      return ExportFile(world, call);
    case CallClass::kDownload:
      return call.route.is_operation ? GetOperation(world, call)
                                     : StartDownload(world, call);
    case CallClass::kPublicLink:
      return FollowPublicLink(world, call);
    case CallClass::kBatch:
      return Batch(call);
    case CallClass::kNotSimulated:
      return std::unexpected(
          NotSimulated(call.exchange.head().method + " " + call.target.path));
    default:
      return NotFoundPage();
  }
}

ApiResult<void> Drive::CheckRates(CallClass call) {
  const auto now = RateLimit::Clock::now();
  // Chunks belong to a create or update that was counted when it began.
  const bool counted = IsWrite(call) && call != CallClass::kUpload;
  ApiError error =
      UsageLimit("userRateLimitExceeded", "User rate limit exceeded.");
  error.status = settings_.rate_error;
  if (error.status == 429) {
    error.reason = "rateLimitExceeded";
    error.message = "Rate limit exceeded.";
  }
  if (counted && writes_ && !writes_->Take(1, now))
    return std::unexpected(std::move(error));
  if (units_ && !units_->Take(static_cast<double>(UnitsOf(call)), now))
    return std::unexpected(std::move(error));
  return {};
}

}  // namespace driveroot::fakedrive
