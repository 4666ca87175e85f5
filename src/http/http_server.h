// SPDX-License-Identifier: GPL-3.0-or-later
// HttpServer serves HTTP on listening sockets that it is given. One connection has one request. The
// number of connections, the sizes and all times are bounded, so that a slow or hostile client can
// only delay other clients of this server. Thread: loop, except where a comment says any.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "event/event_loop.h"
#include "event/io_watcher.h"
#include "event/timer.h"
#include "http/http_access.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "net/socket_ops.h"

namespace culvert {

class HttpConnection;

/// The client of a request. The numbers are of the process that connected to a UNIX socket.
struct HttpPeer {
  bool isUnix = false;
  SocketAddress address{};
  uid_t uid = uid_t(-1);
  gid_t gid = gid_t(-1);
  pid_t pid = 0;
};

/// A request that waits for its answer. Destroying it has no effect, on any thread.
class HttpExchange {
 public:
  HttpExchange(HttpRequest request, const HttpPeer& peer, const HttpAccess& access,
               std::weak_ptr<HttpConnection> connection)
      : request_(std::move(request)),
        peer_(peer),
        access_(access),
        connection_(std::move(connection)) {}

  const HttpRequest& request() const { return request_; }
  const HttpPeer& peer() const { return peer_; }
  const HttpAccess& access() const { return access_; }
  /// Answers the request. Does nothing if the client is gone or has an answer.
  void reply(HttpReply reply);
  /// Changes how long the server waits for reply() before it answers 503.
  void setPatience(Millis time);

 private:
  const HttpRequest request_;
  const HttpPeer peer_;
  const HttpAccess access_;
  const std::weak_ptr<HttpConnection> connection_;
};

using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

struct HttpServerLimits {
  size_t connections = 64;
  size_t reserved = 8;   ///< of them, which only admin doors use: metrics may be open to a network
  Millis request{5000};  ///< until the end of the request
  Millis handling{10000};  ///< until the handler answers, see setPatience()
  Millis answer{30000};    ///< until the client has taken the answer
  Millis linger{1000};     ///< after the answer, until the client closes
};

class HttpServer {
 public:
  HttpServer(EventLoop& loop, const HttpServerLimits& limits, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Begins to accept connections. Returns an id for close().
  uint32_t listen(UniqueFd listening, HttpAccess access);
  /// Closes the listening socket. Connections in progress continue.
  void close(uint32_t id);
  /// Closes everything.
  void stop();

  size_t connections() const { return connections_.size(); }

 private:
  friend class HttpConnection;
  struct Door;

  bool hasPlace(const Door& door) const;
  void acceptFrom(Door& door);
  void accepted(Door& door, AcceptResult conn);
  void drop(const std::shared_ptr<HttpConnection>& connection);
  void watchDoors();
  void onPauseOver();

  EventLoop& loop_;
  const HttpServerLimits limits_;
  const std::shared_ptr<const HttpHandler> handler_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  size_t ofMetrics_ = 0;  // connections through other doors than admin doors
  Timer pause_;           // armed while no descriptors are left
  uint32_t nextId_ = 1;
};

}  // namespace culvert
