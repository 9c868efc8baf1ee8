// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 on one connection: requests one after the other. Bytes of the next
// request stay in the kernel until this one is answered.
#include <algorithm>
#include <optional>
#include <utility>

#include "vmtest/fakedrive/server/http1_parser.h"
#include "vmtest/fakedrive/server/session.h"

namespace driveroot::fakedrive {
namespace {

class Http1Session : public Session {
 public:
  explicit Http1Session(SessionContext context)
      : context_(std::move(context)) {}
  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;

  ~Http1Session() override {
    if (!exchange_) return;
    exchange_->Detach();
    if (handed_over_) {
      context_.handler->Finished(*exchange_);
    } else if (!refusal_) {
      context_.handler->HandleCutOff(*exchange_);
    }
  }

  void OnInput(std::string_view bytes) override {
    parser_.Append(bytes);
    Parse();
  }

  bool WantsInput() const override {
    return !handed_over_ && !refusal_ && !done_;
  }

  void Produce(std::string* output) override {
    if (!interim_.empty()) {
      output->append(interim_);
      interim_.clear();
    }
    if (refusal_) {
      WriteWhole(*refusal_, output);
      done_ = true;
      refusal_.reset();
      exchange_.reset();
      return;
    }
    if (handed_over_ && exchange_->answered()) WriteResponse(output);
  }

  bool Done() const override { return done_; }
  bool Reset() const override { return reset_; }

  void OnResponse(const std::shared_ptr<Exchange>& exchange) override {
    (void)exchange;  // There is only one at a time.
    context_.wake();
  }

 private:
  void Parse() {
    while (WantsInput()) {
      switch (parser_.Next()) {
        case Http1Parser::Event::kNeedMore:
          return;
        case Http1Parser::Event::kHead:
          BeginRequest();
          break;
        case Http1Parser::Event::kBody:
          TakeBody(parser_.body());
          break;
        case Http1Parser::Event::kEnd:
          handed_over_ = true;
          context_.handler->Handle(exchange_);
          return;
        case Http1Parser::Event::kError:
          Refuse(parser_.error_status(), parser_.error());
          return;
      }
    }
  }

  void BeginRequest() {
    exchange_ = std::make_shared<Exchange>(
        this, parser_.head(), context_.connection_id, context_.spool_folder);
    max_body_ = context_.handler->MaxBodyBytes(exchange_->head());
    if (exchange_->head().content_length.value_or(0) > max_body_) {
      Refuse(413, "the request's body is too large");
      return;
    }
    if (parser_.expects_continue()) {
      interim_ = "HTTP/1.1 100 Continue\r\n\r\n";
      context_.wake();
    }
  }

  void TakeBody(std::string_view bytes) {
    Body& body = exchange_->mutable_body();
    if (bytes.size() > max_body_ - body.size()) {
      Refuse(413, "the request's body is too large");
    } else if (const Status status = body.Append(bytes); !status) {
      Refuse(500, status.error().message());
    }
  }

  void Refuse(int status, const std::string& message) {
    ++context_.counters->protocol_errors;
    if (exchange_) exchange_->Detach();
    refusal_ = TextResponse(status, "text/plain; charset=utf-8",
                            "fakedrive: " + message + "\n");
    context_.wake();
  }

  static void WriteHead(const Response& response, bool keep_alive,
                        std::string* output) {
    output->append("HTTP/1.1 ");
    output->append(std::to_string(response.status));
    output->append(" ");
    output->append(ReasonPhrase(response.status));
    output->append("\r\n");
    for (const auto& [name, value] : response.headers.all()) {
      output->append(name);
      output->append(": ");
      output->append(SafeHeaderValue(value));
      output->append("\r\n");
    }
    if (response.status != 204) {
      output->append("content-length: ");
      output->append(std::to_string(response.body_size()));
      output->append("\r\n");
    }
    if (!keep_alive) output->append("connection: close\r\n");
    output->append("\r\n");
  }

  static void WriteWhole(const Response& response, std::string* output) {
    WriteHead(response, false, output);
    output->append(response.text);
  }

  void WriteResponse(std::string* output) {
    const Response& response = exchange_->response();
    if (response.abort != Abort::kNone && !response.abort_after) {
      reset_ = true;
      return;
    }
    const bool keep_alive =
        parser_.keep_alive() && !response.last_on_connection;
    if (!head_written_) {
      WriteHead(response, keep_alive, output);
      head_written_ = true;
    }
    const uint64_t size = response.head_only ? 0 : response.body_size();
    const uint64_t end = std::min(size, response.abort_after.value_or(size));
    if (exchange_->body_sent < end && output->size() < kPiece) {
      const size_t used = output->size();
      output->resize(kPiece);
      const int64_t got =
          response.ReadBody(exchange_->body_sent, output->data() + used,
                            static_cast<size_t>(std::min<uint64_t>(
                                kPiece - used, end - exchange_->body_sent)));
      if (got <= 0) {
        reset_ = true;
        return;
      }
      output->resize(used + static_cast<size_t>(got));
      exchange_->body_sent += static_cast<uint64_t>(got);
    }
    if (exchange_->body_sent < end) return;
    if (response.abort != Abort::kNone) {
      // Once the bytes before it are out.
      if (output->empty()) reset_ = true;
      return;
    }
    EndExchange(keep_alive);
  }

  void EndExchange(bool keep_alive) {
    exchange_->complete = true;
    exchange_->Detach();
    context_.handler->Finished(*exchange_);
    exchange_.reset();
    handed_over_ = false;
    head_written_ = false;
    if (!keep_alive) {
      done_ = true;
      return;
    }
    Parse();
  }

  const SessionContext context_;
  Http1Parser parser_;
  std::shared_ptr<Exchange> exchange_;
  uint64_t max_body_ = 0;
  bool handed_over_ = false;  // The handler has the request.
  bool head_written_ = false;
  bool done_ = false;
  bool reset_ = false;
  std::string interim_;
  std::optional<Response> refusal_;
};

}  // namespace

std::unique_ptr<Session> MakeHttp1Session(SessionContext context) {
  return std::make_unique<Http1Session>(std::move(context));
}

}  // namespace driveroot::fakedrive
