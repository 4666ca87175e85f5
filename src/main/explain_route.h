// SPDX-License-Identifier: GPL-3.0-or-later
// --explain prints which service takes a described connection, with which certificate and backend,
// and why the other services of the listen address do not. It connects nowhere. Thread: start.
#pragma once

#include <string>

#include "config/config_source.h"

namespace culvert {

/// The connection that --explain is asked about, as texts of the command line.
struct ExplainOptions {
  std::string client;     ///< ADDRESS, ADDRESS:PORT or `unix`; empty: a client of another host
  std::string sni;        ///< empty: no server name
  std::string alpn;       ///< protocols, separated by commas; empty: no ALPN
  std::string port;       ///< of the listen address; empty: every listen address
  std::string transport;  ///< tls or raw; empty: tls, or raw if no TLS service listens there
};

/// Returns the exit code: 0 if a service takes the connection, 1 if none does, 2 if an option has a
/// wrong value, and the exit code of --check if the configuration is not sound.
int explainRoute(const ConfigSource& source, const ExplainOptions& options);

}  // namespace culvert
