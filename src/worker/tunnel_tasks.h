// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelTasks walks the tunnels of one worker for an operator: it lists those that meet a query, or
// closes them. A turn of the loop visits a slice, so that 100,000 tunnels delay no other tunnel.
// Thread: loop.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "event/timer.h"
#include "tunnel/tunnel_set.h"
#include "worker/tunnel_query.h"

namespace culvert {

class TunnelTasks {
 public:
  TunnelTasks(EventLoop& loop, TunnelSet& tunnels, std::string_view worker);
  ~TunnelTasks();

  /// Calls the function on the worker's thread, when all tunnels are visited or the limit of the
  /// query is reached.
  void list(TunnelQuery query, TunnelsListed done);
  /// Closes every tunnel that meets the query, with cause admin-closed.
  void close(TunnelQuery query, TunnelsClosed done);

 private:
  struct Task;
  void begin(std::unique_ptr<Task> task);
  void step();
  bool advance(Task& task);

  EventLoop& loop_;
  TunnelSet& tunnels_;
  const std::string worker_;
  Timer timer_;
  std::deque<std::unique_ptr<Task>> tasks_;  // the first one runs
};

}  // namespace culvert
