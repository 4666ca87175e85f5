// SPDX-License-Identifier: GPL-3.0-or-later
// The secrets from which session ticket keys are derived: read from a file that replicas share, or
// generated at random. Thread: control; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/library/secret_bytes.h"

namespace culvert {

/// The first secret seals tickets, all secrets open them. The second is for the time in which a
/// fleet changes its secret.
using TicketSecrets = std::vector<SecretBytes>;
inline constexpr size_t kMaxTicketSecrets = 2;

/// The smallest number of bytes of one secret.
inline constexpr size_t kMinTicketSecret = 32;
inline constexpr size_t kMaxTicketSecret = 128;

struct TicketSecretFile {
  TicketSecrets secrets;
  std::vector<std::string> warnings;
};

/// Reads `path`: one secret in hex in each line. Empty lines and lines that start with # are
/// ignored. Errors and warnings name the path and the line, but never quote the line.
Result<TicketSecretFile> readTicketSecretFile(const std::string& path);

/// The same for a text; messages use `name` for it.
Result<TicketSecrets> parseTicketSecrets(std::string_view text, const std::string& name);

/// A random secret for this process only.
Result<SecretBytes> randomTicketSecret();

bool sameTicketSecrets(const TicketSecrets& a, const TicketSecrets& b);

/// Eight hex digits that show whether two processes have the same secret. They reveal nothing else
/// about the secret.
std::string ticketSecretId(const SecretBytes& secret);

}  // namespace culvert
