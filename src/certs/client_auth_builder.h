// SPDX-License-Identifier: GPL-3.0-or-later
// Turns verify-client, client-ca, crl and the allow keys of one service into a ClientAuth. Thread:
// control.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/file_stamp.h"
#include "config/config.h"
#include "tls/peer_auth/client_auth.h"

namespace culvert {

/// Where the answer comes from: the files and rules of the options. verify-client must not be off.
ClientAuthSource clientAuthSource(const ServiceOptions& options);

/// Nothing with verify-client = off, and after an error. Gives `before` back where nothing changed.
/// Errors and warnings go to `diagnostics` with the place of the option.
std::shared_ptr<const ClientAuth> buildClientAuth(const ServiceOptions& options,
                                                  const std::shared_ptr<const ClientAuth>& before,
                                                  Diagnostics& diagnostics);

/// What the system says of the files of client-ca and crl now.
std::vector<FileStamp> clientFileStamps(const ServiceOptions& options);

/// Checks an item of an allow key, when the configuration is read.
Result<void> checkClientRule(std::string_view key, std::string_view item);

}  // namespace culvert
