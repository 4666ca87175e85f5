// SPDX-License-Identifier: GPL-3.0-or-later
// SourceRules are allow-from and deny-from of a service: which clients may use it. Thread: frozen.
#pragma once

#include <utility>

#include "net/network.h"

namespace culvert {

class SourceRules {
 public:
  SourceRules() = default;
  SourceRules(NetworkSet allow, NetworkSet deny)
      : allow_(std::move(allow)), deny_(std::move(deny)) {}

  bool empty() const { return allow_.empty() && deny_.empty(); }
  /// The longest network that contains the client decides; between equal ones, deny-from. If no
  /// network contains the client, culvert allows it unless there is an allow-from.
  bool allows(const SocketAddress& client) const {
    if (empty()) return true;
    const Network* allowed = allow_.longest(client);
    const Network* denied = deny_.longest(client);
    if (allowed == nullptr) return denied == nullptr && allow_.empty();
    return denied == nullptr || allowed->bits > denied->bits;
  }
  bool operator==(const SourceRules&) const = default;

 private:
  NetworkSet allow_;
  NetworkSet deny_;
};

}  // namespace culvert
