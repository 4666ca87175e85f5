// SPDX-License-Identifier: GPL-3.0-or-later
// HttpPost sends one request to one server and reads the response, without blocking. It tries each
// address in turn. One deadline applies to all attempts together, and the body has a size limit.
// Thread: loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "base/http_url.h"
#include "base/unique_fd.h"
#include "event/io_watcher.h"
#include "event/timer.h"
#include "http/http_response.h"
#include "net/resolve.h"

namespace culvert {

struct HttpFailure {
  bool silent = false;  ///< the server sent nothing, so another request will probably fail too
  std::string text;     ///< what went wrong, as one clause
};
using HttpResult = tl::expected<std::vector<uint8_t>, HttpFailure>;

struct HttpLimits {
  Millis timeout{10000};        ///< limit for the whole exchange
  Millis connectTimeout{3000};  ///< limit for the attempt to connect to one address
  size_t maxBody = 64 * 1024;
};

class HttpPost final : public Deferred {
 public:
  /// The loop calls this function once, with the result. The function must not destroy the HttpPost
  /// directly, but may pass it to deleteLater().
  using Done = std::function<void(HttpResult)>;

  /// `addresses` must not be empty. Destroying the HttpPost cancels the exchange.
  HttpPost(EventLoop& loop, const HttpUrl& url, std::string_view contentType,
           std::span<const uint8_t> body, AddressSet addresses, HttpLimits limits, Done done);
  ~HttpPost() override;
  void start();
  /// Cancels the exchange, so that Done is not called.
  void cancel();
  /// True after the exchange was cancelled or Done was called.
  bool ended() const { return done_ == nullptr; }

 private:
  void tryNext(int lastError);
  void adopt(UniqueFd fd);
  void onWritable();
  void onReadable();
  void onTimer();
  template <void (HttpPost::*kStep)()>
  void guarded();
  void end(HttpResult result);

  EventLoop& loop_;
  const AddressSet addresses_;
  const HttpLimits limits_;
  Done done_;
  std::string request_;
  HttpResponse response_;
  size_t nextAddress_ = 0;
  size_t sent_ = 0;
  bool connected_ = false;
  bool heard_ = false;
  bool stoodStill_ = false;  // true if the deadlines were extended after the process was stopped
  UniqueFd fd_;
  std::unique_ptr<IoWatcher> watcher_;  // declared after fd_, so that it is destroyed first
  Timer timer_;
  TimePoint deadline_ = kNever;
  TimePoint attemptDeadline_ = kNever;
};

}  // namespace culvert
