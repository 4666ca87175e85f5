// SPDX-License-Identifier: GPL-3.0-or-later
// When the CAs, CRLs or allow rules of a service have changed, TrustReview verifies the service's
// clients on one worker again. These are the clients of open tunnels and of handshakes in progress.
// TrustReview works in slices, so that a worker with very many tunnels keeps carrying data. Thread:
// loop.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "event/timer.h"
#include "service/entrance.h"
#include "tunnel/tunnel_set.h"

namespace culvert {

class Logger;

class TrustReview {
 public:
  TrustReview(EventLoop& loop, Logger& logger, TunnelSet& tunnels);

  /// The current versions of the services whose trust has changed.
  using Services = std::vector<std::shared_ptr<const Service>>;
  void begin(const Services& services);
  /// Replaces the services of a waiting connection's `entrance` with their versions in `changed`, if
  /// their trust has changed.
  static void renew(std::shared_ptr<const Entrance>& entrance, const Services& changed);

 private:
  void step();
  void judgeSafely(Tunnel& tunnel);
  void judge(Tunnel& tunnel);
  void finish();

  EventLoop& loop_;
  Logger& logger_;
  TunnelSet& tunnels_;
  Timer timer_;
  std::unordered_map<std::string_view, std::shared_ptr<const Service>> services_;  // by name
  TunnelWalk walk_;
  size_t closed_ = 0, kept_ = 0, undecided_ = 0;
};

}  // namespace culvert
