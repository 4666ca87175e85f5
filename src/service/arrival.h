// SPDX-License-Identifier: GPL-3.0-or-later
// A connection on its way: from the acceptor to a worker (AcceptedConn), and in the worker once its
// service is known (Arrival). Thread: any (values).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/entrance.h"

namespace culvert {

/// An accepted connection. Its destructor closes the descriptor.
struct AcceptedConn {
  UniqueFd fd;
  SocketAddress peer;
  std::shared_ptr<const Entrance> entrance;  // the listener's when the connection was accepted
  TimePoint accepted{};
  LimitHold place{};  // in the service, if the listener has one service only
};

/// What a PROXY header said about a connection.
struct ProxyOrigin {
  SocketAddress proxy;   ///< who sent the header
  SocketAddress client;  ///< the source in the header; not set if the header names none
  SocketAddress local;   ///< the destination in the header; not set if the header names none
  std::string tlvs;      ///< the TLVs of a version 2 header, to pass on
};

/// A connection whose service is known.
struct Arrival {
  UniqueFd fd;
  SocketAddress peer;
  std::unique_ptr<const ProxyOrigin> origin;  ///< nullptr without a PROXY header
  std::vector<uint8_t> early;                 ///< bytes of the client that were received already
  std::shared_ptr<const Service> service;
  TimePoint accepted{};
  LimitHold place{};  ///< in the service, if the acceptor has taken it

  /// The client: the source in the PROXY header, or else the peer.
  const SocketAddress& client() const {
    return origin != nullptr && origin->client.isSet() ? origin->client : peer;
  }
};

}  // namespace culvert
