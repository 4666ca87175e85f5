// SPDX-License-Identifier: GPL-3.0-or-later
// HttpConnection is one connection of an HttpServer: it reads the request, waits for the handler,
// sends the answer, and then lets the client close first. Thread: loop.
#pragma once

#include <memory>
#include <string>

#include "http/http_server.h"

namespace culvert {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpServer& server, UniqueFd fd, const HttpPeer& peer, const HttpAccess& access);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void start();
  /// Answers the request, unless it has an answer.
  void reply(HttpReply reply);
  void setPatience(Millis time);
  const HttpAccess& access() const { return access_; }
  /// Keeps the object, without its socket, until the end of the loop's turn.
  void bury(EventLoop& loop);

 private:
  enum class Phase : uint8_t { kReading, kHandling, kSending, kLingering };
  // Keeps the object alive in the loop's list of dying objects. Made early, because at the end there
  // may be no memory.
  struct Grave : Deferred {
    std::shared_ptr<HttpConnection> connection;
  };

  void onReadable();
  void onWritable();
  void onTimer();
  void readRequest();
  void handle();
  void answer(HttpReply reply);
  void send();
  void linger();
  void enter(Phase phase, Millis limit);
  void watch(bool readable, bool writable);
  void end();
  template <void (HttpConnection::*kStep)()>
  void guarded();

  HttpServer& server_;
  UniqueFd fd_;
  IoWatcher watcher_;  // declared after fd_, so that it stops watching before fd_ closes
  Timer timer_;
  const HttpPeer peer_;
  const HttpAccess access_;
  HttpRequestReader reader_;
  std::unique_ptr<Grave> grave_;
  std::string head_;  // of the answer
  std::string body_;
  size_t sent_ = 0;       // bytes of head_ and body_
  size_t discarded_ = 0;  // bytes that came after the request
  TimePoint deadline_ = kNever;
  Phase phase_ = Phase::kReading;
  bool headOnly_ = false;
};

}  // namespace culvert
