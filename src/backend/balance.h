// SPDX-License-Identifier: GPL-3.0-or-later
// Balancer puts the addresses of a service into the order in which one tunnel tries them. It gets
// its random numbers from its owner and uses no clock and no lock. Thread: the owner's.
//
//   first         the order of the list
//   round-robin   smooth weighted turns: of weights 2 and 1, the order is a b a a b a
//   least         by (open tunnels + 1) / weight; round-robin between equals
//   random2       two random addresses by weight, first the one with fewer open tunnels / weight
//   source-hash   weighted rendezvous hashing: each client has an order of its own. If an address
//                 goes, only its clients change, and they come back with it.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/choices.h"
#include "net/address.h"

namespace culvert {

/// A number that depends only on the address and its port. It is the same in every process.
uint64_t addressKey(const SocketAddress& address);
/// A number that depends only on the host, not on the port. All unnamed UNIX sockets have the same.
uint64_t hostKey(const SocketAddress& address);

struct AddressHash {
  size_t operator()(const SocketAddress& address) const { return addressKey(address); }
};

class Balancer {
 public:
  struct Entry {
    uint64_t key = 0;  ///< addressKey(); for source-hash
    unsigned weight = 1;
    uint64_t open = 0;  ///< open tunnels
    int64_t turn = 0;   ///< the state of round-robin, which order() changes and the owner keeps
  };

  explicit Balancer(std::function<uint64_t()> random) : random_(std::move(random)) {}

  /// Returns the indexes of `entries` in the order in which to try them. `client` is the hostKey()
  /// of the client, for source-hash.
  std::vector<size_t> order(Balance how, std::vector<Entry>& entries, uint64_t client);

 private:
  double unit();
  std::vector<size_t> byTurn(std::vector<Entry>& entries);
  std::vector<size_t> byChance(const std::vector<Entry>& entries);

  std::function<uint64_t()> random_;
};

}  // namespace culvert
