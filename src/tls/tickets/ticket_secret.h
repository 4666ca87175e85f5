// SPDX-License-Identifier: GPL-3.0-or-later
// The master secrets that session ticket keys are derived from: read from a file that replicas
// share, or drawn at random. Thread: control; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/library/secret_bytes.h"

namespace culvert {

/// The first secret seals, all of them open. The second one is for the time in which a fleet
/// changes its secret.
using TicketSecrets = std::vector<SecretBytes>;
inline constexpr size_t kMaxTicketSecrets = 2;

/// Bytes of one secret.
inline constexpr size_t kMinTicketSecret = 32;
inline constexpr size_t kMaxTicketSecret = 128;

struct TicketSecretFile {
  TicketSecrets secrets;
  std::vector<std::string> warnings;
};

/// Reads `path`: one secret a line, in hex; empty lines and lines that begin with # do not count.
/// Errors and warnings name the path, and the line; they never quote it.
Result<TicketSecretFile> readTicketSecretFile(const std::string& path);

/// The same of a text; `name` is what messages call it.
Result<TicketSecrets> parseTicketSecrets(std::string_view text, const std::string& name);

/// A secret of this process alone.
Result<SecretBytes> randomTicketSecret();

bool sameTicketSecrets(const TicketSecrets& a, const TicketSecrets& b);

/// Eight hex digits that tell whether two processes have the same secret, and nothing of it.
std::string ticketSecretId(const SecretBytes& secret);

}  // namespace culvert
