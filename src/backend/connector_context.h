// SPDX-License-Identifier: GPL-3.0-or-later
// What a Connector gets from outside: the settings of its service, the objects that it shares with
// the other connectors of its loop, and the owner of that loop. Thread: loop (ConnectorOptions:
// frozen).
#pragma once

#include <memory>
#include <string>

#include "backend/backend_pool.h"
#include "base/intrusive_list.h"
#include "event/event_loop.h"
#include "stats/counters.h"

namespace culvert {

/// The settings that the connectors of one service share. Frozen.
struct ConnectorOptions {
  std::string service;  ///< for the log
  /// Never null.
  std::shared_ptr<BackendPool> pool = std::make_shared<BackendPool>();
  Millis connectTimeout{10000};  ///< for all passes together; 0 = no limit
  bool retry = true;             ///< if false, fail after the first pass
};

/// What a connector needs from the owner of its loop.
class ConnectorHost {
 public:
  /// Logs that a backend address has failed or answers again.
  virtual void onBackendNews(const ConnectorOptions& options, const AddressNews& news) = 0;
  /// Logs that a backend address is ejected or returns.
  virtual void onPoolNews(const ConnectorOptions& options, const PoolNews& news) = 0;
  /// Takes a descriptor for a parallel attempt; a connector's first attempt needs no spare
  /// descriptor. Returns false if no descriptor is free.
  virtual bool takeSpareDescriptor() = 0;
  virtual void giveSpareDescriptor() = 0;
  /// True if max-tunnels is nearly reached, so that a tunnel that waits for a dead backend may
  /// block other clients.
  virtual bool placesScarce() const = 0;

 protected:
  ~ConnectorHost() = default;
};

class Connector;

/// Objects that the connectors of one loop share. The objects outlive the connectors.
struct ConnectorContext {
  EventLoop& loop;
  CounterBlock& counters;
  ConnectorHost& host;
  IntrusiveList<Connector> waiting{};  ///< connectors between dial() and the outcome, the oldest
                                       ///< first
};

}  // namespace culvert
