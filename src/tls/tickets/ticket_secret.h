// SPDX-License-Identifier: GPL-3.0-or-later
// The secrets from which session ticket keys are derived. culvert reads them from a file that
// replicas share, or generates one at random. Thread: control; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/library/secret_bytes.h"

namespace culvert {

/// culvert seals tickets with the first secret and opens tickets with every secret. The second
/// secret is for the time in which the replicas change from one secret to another.
using TicketSecrets = std::vector<SecretBytes>;
inline constexpr size_t kMaxTicketSecrets = 2;

/// The smallest number of bytes of one secret.
inline constexpr size_t kMinTicketSecret = 32;
inline constexpr size_t kMaxTicketSecret = 128;

struct TicketSecretFile {
  TicketSecrets secrets;
  std::vector<std::string> warnings;
};

/// Reads the secrets from the file `path`, which has one secret in hex in each line. Empty lines
/// and lines that start with # are ignored. Errors and warnings name the path and the line, but
/// never quote the line.
Result<TicketSecretFile> readTicketSecretFile(const std::string& path);

/// Parses `text`, the contents of such a file. Messages call the file `name`.
Result<TicketSecrets> parseTicketSecrets(std::string_view text, const std::string& name);

/// A random secret for this process only.
Result<SecretBytes> randomTicketSecret();

bool sameTicketSecrets(const TicketSecrets& a, const TicketSecrets& b);

/// Eight hex digits for the log, which are equal in processes with the same secret. They do not
/// reveal the secret.
std::string ticketSecretId(const SecretBytes& secret);

}  // namespace culvert
