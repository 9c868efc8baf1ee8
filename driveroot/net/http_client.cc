// SPDX-License-Identifier: Apache-2.0
#include "driveroot/net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "driveroot/net/curl_transfer.h"
#include "driveroot/net/system_files.h"
#include "driveroot/net/trust_store.h"
#include "driveroot/net/url.h"

namespace driveroot {
namespace {

// Upper bound of one poll: libcurl's timers and wake-ups end it earlier.
constexpr int kPollMilliseconds = 1000;
constexpr size_t kMaxIdleHandles = 32;

struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;

// A fake server on this machine is never behind the user's proxy.
std::string NoProxyList() {
  std::string list = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    const char* value = getenv(name);
    if (value != nullptr && *value != '\0') return list + "," + value;
  }
  return list;
}

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ',';
    joined += word;
  }
  return joined;
}

std::string Origin(const std::string& url) {
  const std::optional<UrlParts> parts = ParseUrl(url);
  return parts ? parts->host + ":" + std::to_string(parts->port) : "";
}

// A request on its way, on the stack of the thread that waits for it.
struct Call {
  Call(const HttpRequest& r, CurlTransfer::Deliver deliver,
       ProgressLimits limits)
      : request(r), transfer(r, std::move(deliver)), watch(limits) {}

  const HttpRequest& request;
  CurlTransfer transfer;
  CurlEasy easy;
  std::chrono::steady_clock::time_point started;
  ProgressWatch watch;
  uint64_t carried = 0;  // bytes of the bodies, when it was looked at last

  // Guarded by Loop::mutex_.
  std::optional<Result<HttpResponse>> outcome;
  HttpResponse head;    // of the answer whose body arrives
  std::string arrived;  // of the body, not yet taken
  bool unwanted = false;
  std::condition_variable changed;  // outcome or arrived
};

}  // namespace

// The network thread and what it owns. mutex_ guards what callers share with
// it; nothing blocks while holding it.
class HttpClient::Loop {
 public:
  explicit Loop(HttpClientOptions options) : options_(std::move(options)) {
    // Initialises libcurl once for the process; threads come later.
    static const CURLcode initialised = [] {
      // libcurl would append the secrets of each connection to that file.
      unsetenv("SSLKEYLOGFILE");
      return curl_global_init(CURL_GLOBAL_DEFAULT);
    }();
    if (initialised == CURLE_OK) multi_.reset(curl_multi_init());
    if (multi_ == nullptr) return;
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                      options_.connections_per_host);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_CONCURRENT_STREAMS,
                      options_.streams_per_connection);
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), "driveroot-net");
  }

  ~Loop() {
    Cancel();
    if (thread_.joinable()) thread_.join();
    // Handles must leave before the multi that knows them.
    idle_.clear();
  }

  Result<HttpResponse> Perform(const HttpRequest& request) {
    if (multi_ == nullptr) {
      return Fail(ErrorCode::kInternal, "libcurl cannot be initialised");
    }
    Call call(
        request,
        [this, &call](const HttpResponse& head, std::string_view piece) {
          std::lock_guard lock(mutex_);
          if (call.head.status == 0) call.head = head;
          call.arrived += piece;
          call.changed.notify_one();
        },
        options_.progress);
    std::unique_lock lock(mutex_);
    if (cancelled_) return Fail(ErrorCode::kCancelled, "shutting down");
    submitted_.push_back(&call);
    curl_multi_wakeup(multi_.get());
    for (;;) {
      call.changed.wait(lock, [&] {
        return call.outcome.has_value() || !call.arrived.empty();
      });
      if (call.arrived.empty()) return *std::move(call.outcome);
      HandOver(call, lock);
    }
  }

  void Cancel() {
    std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (multi_ != nullptr) curl_multi_wakeup(multi_.get());
  }

  NetCounters Counters() const {
    std::lock_guard lock(mutex_);
    return counters_;
  }

 private:
  // Gives the caller what has arrived; `lock` is let go meanwhile.
  void HandOver(Call& call, std::unique_lock<std::mutex>& lock) {
    const std::string piece = std::exchange(call.arrived, {});
    if (call.unwanted) return;
    lock.unlock();
    const bool go_on = call.request.on_body(call.head, piece);
    lock.lock();
    if (go_on) return;
    call.unwanted = true;
    unwanted_ = true;
    curl_multi_wakeup(multi_.get());
  }

  void Run() {
    // Here, where it holds up nobody but the first request.
    shared_.emplace(NoProxyList(), "", TrustStore(options_.ca_pem));
    while (StartSubmitted()) {
      BreakOffUnwanted();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      FinishDone();
      BreakOffSlow();
      curl_multi_poll(multi_.get(), nullptr, 0, kPollMilliseconds, nullptr);
    }
    while (!active_.empty()) BreakOff(active_.begin()->second, "shutting down");
  }

  void BreakOffUnwanted() {
    std::vector<Call*> calls;
    {
      std::lock_guard lock(mutex_);
      if (!std::exchange(unwanted_, false)) return;
      for (const auto& [easy, call] : active_) {
        if (call->unwanted) calls.push_back(call);
      }
    }
    for (Call* call : calls) BreakOff(call, "the rest is not wanted");
  }

  // Those that carry next to nothing.
  void BreakOffSlow() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return;
    next_look_ = now + std::chrono::seconds(1);
    std::vector<Call*> begun;  // the others wait for a connection
    for (const auto& [easy, call] : active_) {
      const std::optional<uint64_t> bytes = CurlTransfer::Carried(easy);
      if (!bytes) continue;
      begun.push_back(call);
      carried_ += *bytes - std::min(*bytes, call->carried);
      call->carried = *bytes;
    }
    for (Call* call : begun) {
      const auto slow =
          call->watch.Note(now, call->carried, carried_, begun.size());
      if (!slow) continue;
      BreakOff(
          call,
          Error(ErrorCode::kUnavailable,
                "the connection to " + UrlForMessages(call->request.url) +
                    " carried only " + std::to_string(slow->bytes) +
                    " bytes in " + std::to_string(slow->time.count()) + " s"));
    }
  }

  void BreakOff(Call* call, const char* reason) {
    BreakOff(call, Error(ErrorCode::kCancelled, reason));
  }

  void BreakOff(Call* call, const Error& error) {
    CURL* easy = call->easy.get();
    Result<HttpResponse> outcome = std::unexpected(error);
    Count(*call, CurlTransfer::Costs(easy), outcome);
    active_.erase(easy);
    curl_multi_remove_handle(multi_.get(), easy);
    call->easy.reset();
    Complete(call, std::move(outcome));
  }

  // Begins what was handed over; false when cancelled.
  bool StartSubmitted() {
    std::deque<Call*> submitted;
    bool cancelled;
    {
      std::lock_guard lock(mutex_);
      submitted.swap(submitted_);
      cancelled = cancelled_;
    }
    for (Call* call : submitted) {
      Status started = cancelled ? Fail(ErrorCode::kCancelled, "shutting down")
                                 : Start(call);
      if (!started) {
        call->easy.reset();
        Complete(call, std::unexpected(started.error()));
      }
    }
    return !cancelled;
  }

  Status Start(Call* call) {
    call->started = std::chrono::steady_clock::now();
    if (idle_.empty()) {
      call->easy.reset(curl_easy_init());
    } else {
      call->easy = std::move(idle_.back());
      idle_.pop_back();
    }
    CURL* easy = call->easy.get();
    if (easy == nullptr) {
      return Fail(ErrorCode::kInternal, "no memory for an HTTP request");
    }
    shared_->name_servers = Join(LoadNameServers(options_.resolv_conf));
    DRIVEROOT_RETURN_IF_ERROR(
        call->transfer.Configure(easy, options_, *shared_));
    const CURLMcode code = curl_multi_add_handle(multi_.get(), easy);
    if (code != CURLM_OK) {
      return Fail(ErrorCode::kInternal,
                  std::string("libcurl: ") + curl_multi_strerror(code));
    }
    active_.emplace(easy, call);
    return {};
  }

  void FinishDone() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      const auto found = active_.find(easy);
      if (found == active_.end()) continue;
      Call* call = found->second;
      active_.erase(found);
      Finish(call, code);
    }
  }

  void Finish(Call* call, CURLcode code) {
    CURL* easy = call->easy.get();
    const std::string origin = Origin(call->request.url);
    Result<HttpResponse> outcome =
        call->transfer.Finish(easy, code, trusted_.contains(origin));
    if (outcome) trusted_.insert(origin);
    Count(*call, CurlTransfer::Costs(easy), outcome);

    curl_multi_remove_handle(multi_.get(), easy);
    // Forgets the token and the pointers into the caller's stack.
    curl_easy_reset(easy);
    if (idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(call->easy));
    call->easy.reset();
    Complete(call, std::move(outcome));
  }

  // Hands the outcome over. The call is gone as soon as the lock is.
  void Complete(Call* call, Result<HttpResponse> outcome) {
    std::lock_guard lock(mutex_);
    call->outcome = std::move(outcome);
    call->changed.notify_one();
  }

  void Count(const Call& exchange, const TransferCosts& costs,
             const Result<HttpResponse>& outcome) {
    const HttpRequest& request = exchange.request;
    std::lock_guard lock(mutex_);
    CallCounters& call = counters_.calls[std::string(request.call)];
    call.method = request.method;
    if (counters_.recent.size() == NetCounters::kMaxRecent) {
      counters_.recent.pop_front();
    }
    counters_.recent.push_back(
        {.call = request.call,
         .started = Milliseconds(exchange.started - made_),
         .milliseconds = costs.milliseconds,
         .status = outcome ? outcome->status : 0,
         .bytes_up = costs.body_up,
         .bytes_down = costs.body_down});
    ++call.requests;
    const bool broken_off =
        !outcome && outcome.error().code() == ErrorCode::kCancelled;
    if (!broken_off && (!outcome || outcome->status >= 400)) ++call.failures;
    call.bytes_up += costs.body_up;
    call.bytes_down += costs.body_down;
    call.milliseconds += costs.milliseconds;
    ++counters_.requests;
    counters_.bytes_up += costs.bytes_up;
    counters_.bytes_down += costs.bytes_down;
    counters_.connections_opened += costs.connections;
    if (!outcome && !broken_off) ++counters_.network_failures;
    if (outcome && outcome->http_version == 20) ++counters_.http2_responses;
  }

  static uint64_t Milliseconds(std::chrono::steady_clock::duration duration) {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration)
            .count());
  }

  const HttpClientOptions options_;
  const std::chrono::steady_clock::time_point made_ =
      std::chrono::steady_clock::now();
  CurlMulti multi_;

  // Of the network thread alone.
  std::optional<SharedSettings> shared_;
  std::unordered_map<CURL*, Call*> active_;
  std::vector<CurlEasy> idle_;
  uint64_t carried_ = 0;  // bytes of all bodies that were looked at
  std::chrono::steady_clock::time_point next_look_;
  std::set<std::string> trusted_;  // origins whose certificate was found good

  mutable std::mutex mutex_;
  std::deque<Call*> submitted_;
  bool cancelled_ = false;
  bool unwanted_ = false;  // some call's rest is
  NetCounters counters_;

  std::thread thread_;  // last: it uses all of the above
};

HttpClient::HttpClient(HttpClientOptions options)
    : loop_(std::make_unique<Loop>(std::move(options))) {}

HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::Perform(const HttpRequest& request) {
  return loop_->Perform(request);
}

void HttpClient::Cancel() { loop_->Cancel(); }

NetCounters HttpClient::Counters() const { return loop_->Counters(); }

}  // namespace driveroot
