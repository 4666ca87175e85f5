// SPDX-License-Identifier: GPL-3.0-or-later
// See http_server.h.
#include "http/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "event/callback.h"
#include "http/http_connection.h"

namespace culvert {
namespace {

// After a failed accept (no descriptors left), so much time passes before the next.
constexpr Millis kPause{200};
constexpr int kAcceptsPerTurn = 16;

HttpPeer peerOf(int fd, const SocketAddress& address) {
  HttpPeer peer{.isUnix = address.isUnix(), .address = address};
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (peer.isUnix && ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.uid = credentials.uid;
    peer.gid = credentials.gid;
    peer.pid = credentials.pid;
  }
  return peer;
}

}  // namespace

struct HttpServer::Door {
  Door(HttpServer& owner, uint32_t number, UniqueFd listening, HttpAccess rules)
      : server(owner),
        id(number),
        fd(std::move(listening)),
        access(std::move(rules)),
        watcher(owner.loop_, fd.get(), this, call<&Door::onReadable>, nullptr) {}
  void onReadable() { server.acceptFrom(*this); }

  HttpServer& server;
  const uint32_t id;
  UniqueFd fd;
  const HttpAccess access;
  IoWatcher watcher;
};

void HttpExchange::reply(HttpReply reply) {
  if (const auto connection = connection_.lock()) connection->reply(std::move(reply));
}

void HttpExchange::setPatience(Millis time) {
  if (const auto connection = connection_.lock()) connection->setPatience(time);
}

HttpServer::HttpServer(EventLoop& loop, const HttpServerLimits& limits, HttpHandler handler)
    : loop_(loop),
      limits_(limits),
      handler_(std::make_shared<const HttpHandler>(std::move(handler))),
      pause_(loop, this, call<&HttpServer::onPauseOver>) {}

HttpServer::~HttpServer() { stop(); }

uint32_t HttpServer::listen(UniqueFd listening, HttpAccess access) {
  doors_.push_back(std::make_unique<Door>(*this, nextId_, std::move(listening), std::move(access)));
  watchDoors();
  return nextId_++;
}

void HttpServer::close(uint32_t id) {
  std::erase_if(doors_, [id](const auto& door) { return door->id == id; });
}

void HttpServer::stop() {
  doors_.clear();
  while (!connections_.empty()) drop(*connections_.begin());
}

bool HttpServer::hasPlace(const Door& door) const {
  return connections_.size() < limits_.connections &&
         (door.access.admin || ofMetrics_ + limits_.reserved < limits_.connections);
}

/// At the limit, clients wait in the listen queues.
void HttpServer::watchDoors() {
  const bool paused = pause_.armed();
  for (const auto& door : doors_)
    if (!door->watcher.watch(!paused && hasPlace(*door), false)) pause_.armBy(loop_.now() + kPause);
}

void HttpServer::onPauseOver() { watchDoors(); }

void HttpServer::acceptFrom(Door& door) {
  for (int i = 0; i < kAcceptsPerTurn && hasPlace(door); ++i) {
    AcceptResult conn = acceptOne(door.fd.get());
    if (conn.fd.valid()) {
      accepted(door, std::move(conn));
      continue;
    }
    if (acceptErrorIsTransient(conn.error)) continue;
    if (conn.error != EAGAIN) pause_.armBy(loop_.now() + kPause);
    break;
  }
  watchDoors();
}

void HttpServer::accepted(Door& door, AcceptResult conn) {
  std::shared_ptr<HttpConnection> made;
  try {
    const HttpPeer peer = peerOf(conn.fd.get(), conn.peer);
    made = std::make_shared<HttpConnection>(*this, std::move(conn.fd), peer, door.access);
    connections_.insert(made);
    if (!door.access.admin) ++ofMetrics_;
    made->start();
  } catch (const std::bad_alloc&) {
    loop_.noteMemoryShortage();
    if (made) drop(made);
  }
}

void HttpServer::drop(const std::shared_ptr<HttpConnection>& connection) {
  const std::shared_ptr<HttpConnection> kept = connection;  // the argument may be in the set
  if (connections_.erase(kept) != 0 && !kept->access().admin) --ofMetrics_;
  kept->bury(loop_);
  watchDoors();
}

}  // namespace culvert
