// SPDX-License-Identifier: GPL-3.0-or-later
// See http_post.h. HttpPost sends HTTP/1.0, because the server then closes the connection after its
// response.
#include "http/http_post.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "event/callback.h"
#include "event/event_loop.h"
#include "net/socket_ops.h"

namespace culvert {

HttpPost::HttpPost(EventLoop& loop, const HttpUrl& url, std::string_view contentType,
                   std::span<const uint8_t> body, AddressSet addresses, HttpLimits limits,
                   Done done)
    : loop_(loop),
      addresses_(std::move(addresses)),
      limits_(limits),
      done_(std::move(done)),
      response_(limits.maxBody),
      timer_(loop, this, call<&HttpPost::guarded<&HttpPost::onTimer>>) {
  request_ = fmt::format(
      "POST {} HTTP/1.0\r\nHost: {}\r\nUser-Agent: culvert\r\nContent-Type: {}\r\n"
      "Content-Length: {}\r\n\r\n",
      url.path, url.authority(), contentType, body.size());
  request_.append(body.begin(), body.end());
}

HttpPost::~HttpPost() = default;

void HttpPost::start() {
  deadline_ = loop_.now() + limits_.timeout;
  timer_.armBy(deadline_);
  tryNext(0);
}

void HttpPost::tryNext(int lastError) {
  watcher_.reset();
  fd_.reset();
  sent_ = 0;
  connected_ = false;
  while (nextAddress_ < addresses_.size()) {
    const SocketAddress& address = addresses_[nextAddress_++];
    ConnectStart attempt = startConnect(address);
    if (!attempt.fd) {
      lastError = attempt.error;
      continue;
    }
    attemptDeadline_ = loop_.now() + limits_.connectTimeout;
    timer_.armBy(attemptDeadline_);
    return adopt(std::move(attempt.fd));
  }
  end(tl::unexpected(HttpFailure{true, "cannot be reached: " + errnoText(lastError)}));
}

void HttpPost::adopt(UniqueFd fd) {
  fd_ = std::move(fd);
  watcher_ = std::make_unique<IoWatcher>(loop_, fd_.get(), this,
                                         call<&HttpPost::guarded<&HttpPost::onReadable>>,
                                         call<&HttpPost::guarded<&HttpPost::onWritable>>);
  if (!watcher_->watch(false, true))
    end(tl::unexpected(HttpFailure{false, "cannot be waited for: " + errnoText(ENOMEM)}));
}

void HttpPost::onWritable() {
  if (!connected_) {
    if (const int error = connectResult(fd_.get()); error != 0) return tryNext(error);
    connected_ = true;
    attemptDeadline_ = kNever;
  }
  while (sent_ < request_.size()) {
    const ssize_t count = ::send(fd_.get(), request_.data() + sent_, request_.size() - sent_,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return tryNext(errno);
    sent_ += static_cast<size_t>(count);
  }
  if (!watcher_->watch(true, false))
    end(tl::unexpected(HttpFailure{false, "cannot be waited for: " + errnoText(ENOMEM)}));
}

void HttpPost::onReadable() {
  std::array<uint8_t, 16 * 1024> buffer;
  ssize_t count = 0;
  do {
    count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) return;
  if (count < 0 && !heard_) return tryNext(errno);
  if (count < 0)
    return end(tl::unexpected(HttpFailure{false, "breaks the connection: " + errnoText(errno)}));
  heard_ = true;
  const auto state =
      count == 0 ? response_.finish() : response_.feed({buffer.data(), static_cast<size_t>(count)});
  if (state == HttpResponse::State::kDone) return end(response_.takeBody());
  if (state == HttpResponse::State::kBad)
    return end(tl::unexpected(HttpFailure{false, response_.error()}));
}

void HttpPost::onTimer() {
  const TimePoint now = loop_.now();
  const auto late = standstill(std::min(deadline_, attemptDeadline_), now, limits_.timeout);
  if (late.count() != 0 && !std::exchange(stoodStill_, true)) {
    deadline_ = std::max(deadline_, now + late);
    if (attemptDeadline_ != kNever) attemptDeadline_ = std::max(attemptDeadline_, now + late);
  }
  if (now >= deadline_) {
    return end(tl::unexpected(HttpFailure{
        !heard_, fmt::format("does not answer within {} s", limits_.timeout.count() / 1000)}));
  }
  if (now >= attemptDeadline_) return tryNext(ETIMEDOUT);
  timer_.armBy(std::min(deadline_, attemptDeadline_));
}

/// Runs one step of a callback. If memory runs out, only this HTTP exchange fails.
template <void (HttpPost::*kStep)()>
void HttpPost::guarded() {
  try {
    (this->*kStep)();
  } catch (const std::bad_alloc&) {
    end(tl::unexpected(HttpFailure{false, "out of memory"}));
  }
}

void HttpPost::cancel() {
  done_ = nullptr;
  watcher_.reset();
  fd_.reset();
  timer_.disarm();
}

void HttpPost::end(HttpResult result) {
  const Done done = std::move(done_);
  cancel();
  if (done) done(std::move(result));
}

}  // namespace culvert
