// SPDX-License-Identifier: Apache-2.0
//
// HTTP/2 on one connection, by nghttp2's session API.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vmtest/fakedrive/server/session.h"

namespace driveroot::fakedrive {
namespace {

// What Google's front ends announce.
constexpr uint32_t kMaxStreams = 100;
// Large enough that a window never slows an upload down: the body goes to disk
// as it comes, so nothing piles up.
constexpr uint32_t kStreamWindow = uint32_t{4} << 20;
constexpr int32_t kConnectionWindow = int32_t{64} << 20;
constexpr size_t kMaxHeadBytes = size_t{64} << 10;

struct Stream {
  RequestHead head;
  size_t head_bytes = 0;
  uint64_t max_body = 0;
  std::shared_ptr<Exchange> exchange;
  bool handed_over = false;
  bool refused = false;
  Response refusal;

  const Response& response() const {
    return refused ? refusal : exchange->response();
  }
};

std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv NameValue(std::string_view name, std::string_view value) {
  // nghttp2 copies both: no flag says otherwise. Its fields lack const.
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())),
          name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class Http2Session : public Session {
 public:
  explicit Http2Session(SessionContext context)
      : context_(std::move(context)) {}
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  ~Http2Session() override {
    for (auto& [id, stream] : streams_) EndStream(&stream);
    nghttp2_session_del(session_);
  }

  bool Start();

  void OnInput(std::string_view bytes) override {
    const ssize_t used = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    if (used < 0) {
      ++context_.counters->protocol_errors;
      nghttp2_session_terminate_session(session_, NGHTTP2_PROTOCOL_ERROR);
      broken_ = true;
    }
  }

  bool WantsInput() const override {
    return !broken_ && nghttp2_session_want_read(session_) != 0;
  }

  void Produce(std::string* output) override {
    while (output->size() < kPiece && !reset_) {
      const uint8_t* bytes = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size < 0) {
        reset_ = true;
        return;
      }
      if (size == 0) return;
      output->append(View(bytes, static_cast<size_t>(size)));
    }
  }

  bool Done() const override {
    return nghttp2_session_want_write(session_) == 0 && !WantsInput();
  }
  bool Reset() const override { return reset_; }

  void OnResponse(const std::shared_ptr<Exchange>& exchange) override {
    for (auto& [id, stream] : streams_) {
      if (stream.exchange == exchange) {
        Submit(id, stream);
        break;
      }
    }
    context_.wake();
  }

 private:
  static Http2Session* Self(void* user_data) {
    return static_cast<Http2Session*>(user_data);
  }

  // Callbacks of nghttp2.
  static int OnBeginHeaders(nghttp2_session* session,
                            const nghttp2_frame* frame, void* user_data);
  static int OnHeader(nghttp2_session* session, const nghttp2_frame* frame,
                      const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags,
                      void* user_data);
  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame,
                     void* user_data);
  static int OnData(nghttp2_session* session, uint8_t flags, int32_t id,
                    const uint8_t* bytes, size_t size, void* user_data);
  static int OnStreamClose(nghttp2_session* session, int32_t id,
                           uint32_t error_code, void* user_data);
  static ssize_t ReadResponse(nghttp2_session* session, int32_t id,
                              uint8_t* buffer, size_t size, uint32_t* flags,
                              nghttp2_data_source* source, void* user_data);

  Stream* Find(int32_t id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : &found->second;
  }

  void BeginRequest(int32_t id, Stream* stream);
  void EndRequest(Stream* stream);
  void Refuse(int32_t id, Stream* stream, int status, std::string message);
  void Submit(int32_t id, const Stream& stream);
  void EndStream(Stream* stream);

  const SessionContext context_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, Stream> streams_;
  bool broken_ = false;
  bool reset_ = false;
};

bool Http2Session::Start() {
  nghttp2_session_callbacks* callbacks = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) return false;
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                          OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         OnStreamClose);
  const int made = nghttp2_session_server_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) return false;
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeadBytes}};
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings,
                                 std::size(settings)) == 0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               kConnectionWindow) == 0;
}

int Http2Session::OnBeginHeaders(nghttp2_session* /*session*/,
                                 const nghttp2_frame* frame, void* user_data) {
  if (frame->hd.type == NGHTTP2_HEADERS &&
      frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    Self(user_data)->streams_[frame->hd.stream_id];
    ++Self(user_data)->context_.counters->http2_streams;
  }
  return 0;
}

int Http2Session::OnHeader(nghttp2_session* /*session*/,
                           const nghttp2_frame* frame, const uint8_t* name,
                           size_t name_size, const uint8_t* value,
                           size_t value_size, uint8_t /*flags*/,
                           void* user_data) {
  Stream* stream = Self(user_data)->Find(frame->hd.stream_id);
  // Trailers come when the exchange exists already, and are of no use here.
  if (stream == nullptr || stream->exchange) return 0;
  stream->head_bytes += name_size + value_size + 32;  // RFC 9113, 6.5.2.
  if (stream->head_bytes > kMaxHeadBytes)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::string_view field = View(name, name_size);
  const std::string_view text = View(value, value_size);
  if (field == ":method") {
    stream->head.method = text;
  } else if (field == ":path") {
    stream->head.target = text;
  } else if (field == ":authority") {
    stream->head.authority = text;
  } else if (!field.starts_with(':')) {
    stream->head.headers.Add(field, text);
  }
  return 0;
}

void Http2Session::BeginRequest(int32_t id, Stream* stream) {
  RequestHead& head = stream->head;
  head.protocol = "HTTP/2";
  if (head.authority.empty()) {
    if (const std::string* host = head.headers.Find("host"))
      head.authority = *host;
  }
  // nghttp2 has checked that it is a number and, later, that it is true.
  if (const std::string* length = head.headers.Find("content-length"))
    head.content_length = ParseDecimal(*length);
  stream->exchange = std::make_shared<Exchange>(
      this, head, context_.connection_id, context_.spool_folder);
  stream->max_body = context_.handler->MaxBodyBytes(head);
  if (head.content_length.value_or(0) > stream->max_body)
    Refuse(id, stream, 413, "the request's body is too large");
}

void Http2Session::EndRequest(Stream* stream) {
  if (stream->refused || stream->handed_over) return;
  stream->handed_over = true;
  // The handler may answer at once, and Submit needs no stream pointer after
  // that; the exchange is held here in case the stream closes meanwhile.
  const std::shared_ptr<Exchange> exchange = stream->exchange;
  context_.handler->Handle(exchange);
}

int Http2Session::OnFrame(nghttp2_session* session, const nghttp2_frame* frame,
                          void* user_data) {
  (void)session;
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
    return 0;
  Stream* stream = Self(user_data)->Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (!stream->exchange)
    Self(user_data)->BeginRequest(frame->hd.stream_id, stream);
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
    Self(user_data)->EndRequest(stream);
  return 0;
}

int Http2Session::OnData(nghttp2_session* /*session*/, uint8_t /*flags*/,
                         int32_t id, const uint8_t* bytes, size_t size,
                         void* user_data) {
  Http2Session* self = Self(user_data);
  Stream* stream = self->Find(id);
  if (stream == nullptr || !stream->exchange || stream->refused) return 0;
  Body& body = stream->exchange->mutable_body();
  if (size > stream->max_body - body.size()) {
    self->Refuse(id, stream, 413, "the request's body is too large");
  } else if (const Status status = body.Append(View(bytes, size)); !status) {
    self->Refuse(id, stream, 500, status.error().message());
  }
  return 0;
}

int Http2Session::OnStreamClose(nghttp2_session* /*session*/, int32_t id,
                                uint32_t error_code, void* user_data) {
  Http2Session* self = Self(user_data);
  Stream* stream = self->Find(id);
  if (stream == nullptr) return 0;
  if (stream->exchange && error_code == NGHTTP2_NO_ERROR)
    stream->exchange->complete = true;
  self->EndStream(stream);
  self->streams_.erase(id);
  return 0;
}

void Http2Session::EndStream(Stream* stream) {
  if (!stream->exchange) return;
  stream->exchange->Detach();
  if (stream->handed_over) {
    context_.handler->Finished(*stream->exchange);
  } else if (!stream->refused) {
    context_.handler->HandleCutOff(*stream->exchange);
  }
}

void Http2Session::Refuse(int32_t id, Stream* stream, int status,
                          std::string message) {
  ++context_.counters->protocol_errors;
  stream->refused = true;
  stream->refusal = TextResponse(status, "text/plain; charset=utf-8",
                                 "fakedrive: " + std::move(message) + "\n");
  Submit(id, *stream);
}

void Http2Session::Submit(int32_t id, const Stream& stream) {
  const Response& response = stream.response();
  if (response.abort != Abort::kNone && !response.abort_after) {
    if (response.abort == Abort::kConnection) {
      reset_ = true;
    } else {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id,
                                NGHTTP2_INTERNAL_ERROR);
    }
    return;
  }
  const std::string status = std::to_string(response.status);
  const std::string length = std::to_string(response.body_size());
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [name, value] : response.headers.all())
    fields.emplace_back(name, SafeHeaderValue(value));
  std::vector<nghttp2_nv> values = {NameValue(":status", status)};
  for (const auto& [name, value] : fields)
    values.push_back(NameValue(name, value));
  if (response.status != 204)
    values.push_back(NameValue("content-length", length));
  nghttp2_data_provider provider = {};
  provider.read_callback = ReadResponse;
  const bool has_body = response.body_size() > 0 && !response.head_only;
  nghttp2_submit_response(session_, id, values.data(), values.size(),
                          has_body ? &provider : nullptr);
  if (response.last_on_connection)
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
}

ssize_t Http2Session::ReadResponse(nghttp2_session* /*session*/, int32_t id,
                                   uint8_t* buffer, size_t size,
                                   uint32_t* flags,
                                   nghttp2_data_source* /*source*/,
                                   void* user_data) {
  Http2Session* self = Self(user_data);
  Stream* stream = self->Find(id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const Response& response = stream->response();
  uint64_t& sent = stream->exchange->body_sent;
  const uint64_t end =
      std::min(response.body_size(), response.abort_after.value_or(UINT64_MAX));
  if (response.abort != Abort::kNone && sent >= end) {
    if (response.abort == Abort::kConnection) self->reset_ = true;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  const int64_t got = response.ReadBody(
      sent, reinterpret_cast<char*>(buffer),
      static_cast<size_t>(std::min<uint64_t>(size, end - sent)));
  if (got < 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  sent += static_cast<uint64_t>(got);
  if (sent >= response.body_size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(got);
}

}  // namespace

std::unique_ptr<Session> MakeHttp2Session(SessionContext context) {
  auto session = std::make_unique<Http2Session>(std::move(context));
  if (!session->Start()) return nullptr;
  return session;
}

}  // namespace driveroot::fakedrive
