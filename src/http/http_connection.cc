// SPDX-License-Identifier: GPL-3.0-or-later
// See http_connection.h.
#include "http/http_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <new>

#include "event/callback.h"

namespace culvert {
namespace {

constexpr size_t kReadSize = 16 * 1024;
// How much of a body that is too long the server reads, so that the client sees the answer.
constexpr size_t kMostDiscarded = 256 * 1024;

}  // namespace

HttpConnection::HttpConnection(HttpServer& server, UniqueFd fd, const HttpPeer& peer,
                               const HttpAccess& access)
    : server_(server),
      fd_(std::move(fd)),
      watcher_(
          server.loop_, fd_.get(), this,
          [](void* self) {
            static_cast<HttpConnection*>(self)->guarded<&HttpConnection::onReadable>();
          },
          [](void* self) {
            static_cast<HttpConnection*>(self)->guarded<&HttpConnection::onWritable>();
          }),
      timer_(server.loop_, this,
             [](void* self) {
               static_cast<HttpConnection*>(self)->guarded<&HttpConnection::onTimer>();
             }),
      peer_(peer),
      access_(access),
      grave_(std::make_unique<Grave>()) {}

void HttpConnection::start() {
  enter(Phase::kReading, server_.limits_.request);
  watch(true, false);
}

void HttpConnection::reply(HttpReply reply) {
  try {
    answer(std::move(reply));
  } catch (const std::bad_alloc&) {
    server_.loop_.noteMemoryShortage();
    end();
  }
}

/// If memory runs out, only this connection ends.
template <void (HttpConnection::*kStep)()>
void HttpConnection::guarded() {
  try {
    (this->*kStep)();
  } catch (const std::bad_alloc&) {
    server_.loop_.noteMemoryShortage();
    end();
  }
}

void HttpConnection::enter(Phase phase, Millis limit) {
  phase_ = phase;
  deadline_ = server_.loop_.now() + limit;
  timer_.armBy(deadline_);
}

void HttpConnection::watch(bool readable, bool writable) {
  if (!watcher_.watch(readable, writable)) throw std::bad_alloc();  // ENOMEM or no watch left
}

void HttpConnection::onReadable() {
  if (phase_ == Phase::kReading) return readRequest();
  if (phase_ == Phase::kLingering) return linger();
}

void HttpConnection::onWritable() {
  if (phase_ == Phase::kSending) send();
}

void HttpConnection::readRequest() {
  std::array<char, kReadSize> bytes;
  const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return end();
  const auto state = reader_.feed({bytes.data(), static_cast<size_t>(size)});
  headOnly_ = reader_.request().method == "HEAD";
  switch (state) {
    case HttpRequestReader::State::kMore:
      return;
    case HttpRequestReader::State::kFailed:
      return answer(refusalReply(reader_.status(), reader_.error()));
    case HttpRequestReader::State::kDone:
      return handle();
  }
}

void HttpConnection::handle() {
  HttpRequest& request = reader_.request();
  watch(false, false);
  enter(Phase::kHandling, server_.limits_.handling);
  if (auto refused = refusalOf(request, access_)) {
    HttpReply reply = refusalReply(refused->status, refused->why);
    if (refused->status == 405) reply.headers.emplace_back("Allow", "GET, HEAD");
    return answer(std::move(reply));
  }
  const auto handler = server_.handler_;  // the handler may destroy the server
  (*handler)(std::make_shared<HttpExchange>(std::move(request), peer_, access_, weak_from_this()));
}

void HttpConnection::setPatience(Millis time) {
  if (phase_ == Phase::kHandling) enter(Phase::kHandling, time);
}

void HttpConnection::answer(HttpReply reply) {
  if (phase_ != Phase::kReading && phase_ != Phase::kHandling) return;
  head_ = headOf(reply);
  if (!headOnly_) body_ = std::move(reply.body);
  enter(Phase::kSending, server_.limits_.answer);
  send();
}

void HttpConnection::send() {
  while (sent_ < head_.size() + body_.size()) {
    const size_t ofHead = std::min(sent_, head_.size()), ofBody = sent_ - ofHead;
    std::array<iovec, 2> parts = {iovec{head_.data() + ofHead, head_.size() - ofHead},
                                  iovec{body_.data() + ofBody, body_.size() - ofBody}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t size = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return watch(false, true);
    if (size < 0) return end();
    sent_ += static_cast<size_t>(size);
  }
  ::shutdown(fd_.get(), SHUT_WR);
  head_ = body_ = std::string();
  enter(Phase::kLingering, server_.limits_.linger);
  watch(true, false);
}

/// Reads what the client still sends: a close with unread bytes would reset the connection, and the
/// client could lose the answer.
void HttpConnection::linger() {
  std::array<char, kReadSize> bytes;
  const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return end();
  discarded_ += static_cast<size_t>(size);
  if (discarded_ > kMostDiscarded) end();
}

void HttpConnection::onTimer() {
  if (server_.loop_.now() < deadline_) return timer_.armBy(deadline_);
  switch (phase_) {
    case Phase::kReading:
      return answer(refusalReply(408, "the request was not complete in time"));
    case Phase::kHandling:
      return answer(refusalReply(503, "culvert did not answer in time"));
    case Phase::kSending:
      setLingerReset(fd_.get());
      return end();
    case Phase::kLingering:
      return end();
  }
}

void HttpConnection::end() { server_.drop(shared_from_this()); }

void HttpConnection::bury(EventLoop& loop) {
  if (grave_ == nullptr) return;
  watcher_.watch(false, false);
  timer_.disarm();
  phase_ = Phase::kLingering;  // answers do nothing from now on
  fd_.reset();
  grave_->connection = shared_from_this();
  loop.deleteLater(std::move(grave_));
}

}  // namespace culvert
