// SPDX-License-Identifier: GPL-3.0-or-later
// The secrets from which session ticket keys are derived. culvert reads them from a file that
// replicas share, or generates one random secret. Thread: control; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/library/secret_bytes.h"

namespace culvert {

/// culvert seals tickets with the first secret, and opens tickets with every secret. Two secrets
/// are needed while the replicas change from one secret to another.
using TicketSecrets = std::vector<SecretBytes>;
inline constexpr size_t kMaxTicketSecrets = 2;

/// The smallest and the largest size of one secret, in bytes.
inline constexpr size_t kMinTicketSecret = 32;
inline constexpr size_t kMaxTicketSecret = 128;

struct TicketSecretFile {
  TicketSecrets secrets;
  std::vector<std::string> warnings;
};

/// Reads the secrets from the file `path`. Each line has one secret in hex. Empty lines and lines
/// that start with # are ignored. Errors and warnings name the path and the line number, but never
/// quote the line.
Result<TicketSecretFile> readTicketSecretFile(const std::string& path);

/// Parses `text`, the contents of a secrets file. Error texts use `name` as the file's name.
Result<TicketSecrets> parseTicketSecrets(std::string_view text, const std::string& name);

/// Generates a random secret for this process only.
Result<SecretBytes> randomTicketSecret();

bool sameTicketSecrets(const TicketSecrets& a, const TicketSecrets& b);

/// Returns eight hex digits for the log. The digits are equal in processes with the same secret,
/// and do not reveal the secret.
std::string ticketSecretId(const SecretBytes& secret);

}  // namespace culvert
