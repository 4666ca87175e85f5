// SPDX-License-Identifier: GPL-3.0-or-later
// AdminDoors opens and closes the sockets of the HTTP servers (options metrics and admin), and starts
// their thread when the first one is needed. A reload changes them in its transaction: prepare()
// binds, then commit() or discard(). Thread: control.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/admin_thread.h"
#include "server/door_address.h"

namespace culvert {

class AdminDoors {
 public:
  /// Descriptors of the thread: connections, sockets, its event loop and pipe.
  static constexpr size_t kDescriptors = 64 + 4 + 5;

  struct Change {
    struct Entry {
      DoorAddress wanted;
      std::string bound;  ///< the bound address, with the port that the system chose
      UniqueFd fd;        ///< not valid if the door is open already
    };
    std::vector<Entry> entries;
  };

  /// Binds the addresses that are not bound yet. Errors carry the place of the option.
  Change prepare(const GlobalOptions& global, const ListenOptions& options,
                 Diagnostics& diagnostics) const;
  static void discard(Change change);
  /// Makes the change the current state and logs it. Before setThread(), only remembers it.
  void commit(Change change, Logger& logger);

  /// `make` creates the thread. Call once, when the workers run; opens what commit() remembered.
  Result<void> setThread(std::function<std::unique_ptr<AdminThread>()> make);
  /// nullptr if no door was ever open.
  AdminThread* thread() const { return thread_.get(); }
  bool wanted() const { return !open_.empty(); }
  /// Ends the thread and removes the files of UNIX sockets.
  void stop();

 private:
  // The file of a UNIX socket. Another process may put another file at its path.
  struct SocketFile {
    dev_t device = 0;
    ino_t number = 0;  // 0: there is none
    bool operator==(const SocketFile&) const = default;
  };
  struct Open {
    DoorAddress address;
    std::string bound;
    UniqueFd waiting;  // until the thread exists
    SocketFile file;
  };
  static SocketFile fileOf(const DoorAddress& address);
  static void removeFile(const Open& open);
  Result<void> handOver();

  std::vector<Open> open_;
  std::vector<std::string> closed_;  // keys of doors that the thread has to close
  std::function<std::unique_ptr<AdminThread>()> make_;
  std::unique_ptr<AdminThread> thread_;
};

}  // namespace culvert
