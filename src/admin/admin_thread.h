// SPDX-License-Identifier: GPL-3.0-or-later
// AdminThread is the thread culvert-admin: it serves the HTTP doors of the options metrics and admin.
// It has no capabilities. It reads atomics and what the control thread publishes; workers hand their
// tunnels over in slices; changes are posted to the control thread. Thread: control, except where a
// comment says otherwise.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/admin_parts.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace culvert {

/// A listening socket for the thread. `key` names it.
struct AdminDoor {
  std::string key;
  UniqueFd fd;
  bool admin = false;  ///< false: only metrics and probes
  std::string bound;   ///< the bound address
};

class AdminThread {
 public:
  explicit AdminThread(AdminParts parts);
  ~AdminThread();
  AdminThread(const AdminThread&) = delete;
  AdminThread& operator=(const AdminThread&) = delete;

  Result<void> start();
  /// Closes all connections and joins the thread. Call after the workers have stopped.
  void stop();
  /// Opens and closes doors. Exchanges in progress continue.
  void setDoors(std::vector<AdminDoor> added, std::vector<std::string> closed);
  /// Replaces what the thread shows of the daemon's state.
  void publish(std::shared_ptr<const AdminView> view);

 private:
  struct Inside;  // what only the thread itself uses
  const std::unique_ptr<Inside> inside_;
  std::thread thread_;
};

}  // namespace culvert
