// SPDX-License-Identifier: GPL-3.0-or-later
// ListenerTable lists the listening sockets on the control thread and compares them with the
// configuration. A reload applies the difference as a transaction: it binds all new addresses
// first, then commits or discards the change. After the commit, the sockets belong to the acceptor.
// Thread: control.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "net/socket_ops.h"
#include "process/ready_report.h"
#include "server/service_builder.h"
#include "worker/acceptor.h"

namespace culvert {

class ListenerTable {
 public:
  /// A prepared change: new addresses are bound, and the current listeners are unchanged.
  struct Change {
    struct Entry {
      std::string key;  // identifies the listener by its canonical address, and for port 0 also by
                        // its place in the configuration
      std::vector<std::string> services;  // in the order of the configuration
      std::string address;                // the bound address, with the port that the system chose
      SocketAddress unixPath;
      uint32_t id = 0;    // 0 for a new listener
      bool away = false;  // see takeAway()
      UniqueFd fd;        // only for a new listener
    };
    std::vector<Entry> entries;
  };

  /// Resolves and binds the addresses that are not bound yet. Errors (exit code 5) carry the place
  /// of the option.
  Change prepare(const Config& config, const ListenOptions& options,
                 Diagnostics& diagnostics) const;

  /// Discards a change and closes the sockets that prepare() bound.
  static void discard(Change change);

  /// Makes the change the current state. Returns the update for the acceptor.
  ListenerUpdate commit(Change change, const Runtime& runtime);

  /// Returns an update with the same listeners and the services of `runtime`.
  ListenerUpdate renew(const Runtime& runtime) const;

  /// What dropService() has changed.
  struct Dropped {
    ListenerUpdate update;
    std::vector<std::string> closed;  ///< addresses on which culvert listens no longer
    std::vector<std::string> shared;  ///< addresses that other services still use
  };
  /// Takes a service away from its listeners, until the next reload. A listener without a service is
  /// closed.
  Dropped dropService(const std::string& name, const Runtime& runtime);

  /// The bound listeners, in the order of the configuration, without those that are away.
  std::vector<BoundListener> report() const;

  /// A listener as when-backend-down = unlisten sees it.
  struct Seat {
    uint32_t id;
    const std::vector<std::string>& services;
    const std::string& address;
    bool away;
  };
  /// Calls `visit` with each listener.
  template <class Visit>
  void forEachSeat(Visit visit) const {
    for (const Bound& b : bound_) visit(Seat{b.id, b.services, b.address, b.away});
  }
  /// Takes a listener away for a while: the update closes its socket. The listener stays in the
  /// table.
  ListenerUpdate takeAway(uint32_t id);
  /// Binds the address of a listener that is away again. After an error, it stays away.
  Result<ListenerUpdate> bringBack(uint32_t id, const ListenOptions& options,
                                   const Runtime& runtime);

  /// Removes the files of UNIX sockets. Call after the acceptor has stopped.
  void removeSocketFiles();
  /// Removes the file of a listener that a commit dropped. Call after the acceptor has closed the
  /// listener's socket.
  void removeDroppedFile(uint32_t id);

  size_t size() const { return bound_.size(); }

 private:
  struct Bound {
    std::string key;
    std::vector<std::string> services;
    std::string address;
    SocketAddress unixPath;
    uint32_t id;
    bool away = false;  // see takeAway()
  };
  static std::shared_ptr<const Entrance> entranceOf(const std::vector<std::string>& services,
                                                    const RuntimeIndex& runtime);
  const Bound* find(const std::string& key) const;
  Bound& byId(uint32_t id);
  std::string whoHolds(const std::string& address, const std::vector<std::string>& wanted) const;
  void removeFileOf(const Bound& old) const;

  std::vector<Bound> bound_;
  std::vector<Bound> dropped_;  // dropped UNIX sockets that the acceptor has not closed yet
  uint32_t nextId_ = 1;
};

/// For --check. Adds one note of `severity` for each address that cannot be bound now.
void noteUnbindable(const Config& config, Diagnostics& diagnostics, Severity severity);

}  // namespace culvert
