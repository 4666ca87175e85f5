// SPDX-License-Identifier: GPL-3.0-or-later
// See admin_thread.h.
#include "admin/admin_thread.h"

#include <map>

#include "admin/routes.h"
#include "base/thread.h"
#include "process/privileges.h"

namespace culvert {

struct AdminThread::Inside {
  explicit Inside(AdminParts from)
      : parts(std::move(from)),
        home(loop),
        routes(parts, loop, home),
        server(loop, HttpServerLimits{}, [this](std::shared_ptr<HttpExchange> exchange) {
          routes.handle(std::move(exchange));
        }) {}

  void setDoors(std::vector<AdminDoor>& added, const std::vector<std::string>& closed) {
    for (const std::string& key : closed) {
      const auto found = doors.find(key);
      if (found == doors.end()) continue;
      server.close(found->second);
      doors.erase(found);
    }
    for (AdminDoor& door : added) {
      if (door.admin) routes.openAdmin();
      doors[door.key] =
          server.listen(std::move(door.fd), {.admin = door.admin, .boundText = door.bound});
    }
  }

  const AdminParts parts;
  EventLoop loop;
  PostBox home;
  Routes routes;
  HttpServer server;
  std::map<std::string, uint32_t> doors;  // the server's ids, by key
};

AdminThread::AdminThread(AdminParts parts) : inside_(std::make_unique<Inside>(std::move(parts))) {}

AdminThread::~AdminThread() { stop(); }

Result<void> AdminThread::start() {
  if (auto opened = inside_->home.open(); !opened) return opened;
  auto thread =
      startThread("culvert-admin", dropThreadCapabilities, [this] { inside_->loop.run(); });
  if (!thread) return tl::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

void AdminThread::stop() {
  if (!thread_.joinable()) return;
  inside_->home.post([this] {
    inside_->server.stop();
    inside_->loop.stop();
  });
  thread_.join();
}

void AdminThread::setDoors(std::vector<AdminDoor> added, std::vector<std::string> closed) {
  // std::function copies its callable, and a descriptor cannot be copied.
  auto doors = std::make_shared<std::vector<AdminDoor>>(std::move(added));
  inside_->home.post(
      [this, doors, closed = std::move(closed)] { inside_->setDoors(*doors, closed); });
}

void AdminThread::publish(std::shared_ptr<const AdminView> view) {
  inside_->home.post([this, view = std::move(view)] { inside_->routes.setView(view); });
}

}  // namespace culvert
