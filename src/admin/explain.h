// SPDX-License-Identifier: GPL-3.0-or-later
// Explains in words which service takes a connection, for --explain and for the admin endpoint.
// Thread: any.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "service/entrance.h"

namespace culvert {

/// A connection, as an operator describes it.
struct ExplainOptions {
  std::string client;     ///< ADDRESS, ADDRESS:PORT or "unix"; empty: an address of another host
  std::string sni;        ///< empty: no server name
  std::string alpn;       ///< protocols, separated by commas; empty: no ALPN
  std::string port;       ///< of the listen address; empty: every listen address
  std::string transport;  ///< tls or raw; empty: tls, or raw if no TLS service listens there
};

/// One listen address with its services.
struct ExplainListener {
  AddressSpec spec;
  Entrance::Services services;
};

struct ExplainAnswer {
  std::string text;
  bool taken = true;  ///< at each of the addresses, a service takes the connection
};

/// An error if an option has a wrong value.
Result<void> checkExplainOptions(const ExplainOptions& options);

/// An error if an option has a wrong value, or if no listener has the port.
Result<ExplainAnswer> explainConnection(const std::vector<ExplainListener>& listeners,
                                        const ExplainOptions& options);

}  // namespace culvert
