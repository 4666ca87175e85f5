// SPDX-License-Identifier: GPL-3.0-or-later
// Turns verify-client, client-ca, crl and the allow keys of one service into a PeerAuth. Thread:
// control.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/file_stamp.h"
#include "config/config.h"
#include "tls/peer_auth/peer_auth.h"

namespace culvert {

/// Returns the files and rules in `options` from which a PeerAuth is built. verify-client must not
/// be off.
PeerAuthSource peerAuthSource(const ServiceOptions& options);

/// Builds the PeerAuth, or returns `before` if nothing changed. Returns null if verify-client is
/// off, or after an error. Errors and warnings go to `diagnostics` with the place of the option.
std::shared_ptr<const PeerAuth> buildPeerAuth(const ServiceOptions& options,
                                              const std::shared_ptr<const PeerAuth>& before,
                                              Diagnostics& diagnostics);

/// Returns what stat() reports now for the files of client-ca and crl.
std::vector<FileStamp> clientFileStamps(const ServiceOptions& options);

/// Checks one item of the allow option `key` while the configuration is read.
Result<void> checkPeerRule(std::string_view key, std::string_view item);

}  // namespace culvert
