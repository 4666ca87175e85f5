// SPDX-License-Identifier: GPL-3.0-or-later
// See ticket_secret.h.
#include "tls/tickets/ticket_secret.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bitset>

#include "base/hex.h"
#include "tls/library/random_source.h"
#include "tls/library/wolfssl.h"

namespace culvert {

namespace {

constexpr size_t kLongestFile = 16 * 1024;
// A secret is not random if it has fewer than kLeastVariety different byte values. 32 random bytes
// have about 30 different values.
constexpr size_t kLeastVariety = 16;
constexpr std::string_view kIdSalt = "culvert session ticket secret id v1";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

/// Returns false for secrets that a person has typed, such as repetitions and counting sequences.
bool looksRandom(const SecretBytes& secret) {
  std::bitset<256> values;
  std::bitset<256> steps;
  for (size_t i = 0; i < secret.size(); ++i) {
    values.set(secret.data()[i]);
    if (i > 0) steps.set(static_cast<uint8_t>(secret.data()[i] - secret.data()[i - 1]));
  }
  return values.count() >= kLeastVariety && steps.count() >= kLeastVariety;
}

Result<SecretBytes> parseSecret(std::string_view hex) {
  const auto refuse = [](std::string_view what) {
    return fail(fmt::format("{}; {} to {} are allowed, as `openssl rand -hex 32` makes them", what,
                            2 * kMinTicketSecret, 2 * kMaxTicketSecret));
  };
  if (!std::all_of(hex.begin(), hex.end(), [](char c) { return hexDigit(c) >= 0; }))
    return refuse("has characters other than hex digits");
  if (hex.size() % 2 != 0)
    return refuse(fmt::format("has {} hex digits, an odd number", hex.size()));
  if (hex.size() < 2 * kMinTicketSecret)
    return refuse(fmt::format("is too short with {} hex digits", hex.size()));
  if (hex.size() > 2 * kMaxTicketSecret)
    return refuse(fmt::format("is too long with {} hex digits", hex.size()));
  SecretBytes secret(hex.size() / 2);
  (void)decodeHex(hex, {secret.data(), secret.size()});  // cannot fail: all are hex digits
  if (!looksRandom(secret)) return fail("is not random: make it with `openssl rand -hex 32`");
  return secret;
}

bool sameBytes(const SecretBytes& a, const SecretBytes& b) {
  return std::equal(a.span().begin(), a.span().end(), b.span().begin(), b.span().end());
}

}  // namespace

Result<TicketSecrets> parseTicketSecrets(std::string_view text, const std::string& name) {
  TicketSecrets secrets;
  secrets.reserve(kMaxTicketSecrets);
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto refuse = [&](const std::string& what) {
      return fail(fmt::format("{}:{}: {}", name, number, what));
    };
    if (secrets.size() == kMaxTicketSecrets)
      return refuse(fmt::format(
          "is one secret too many: {} are allowed; the first seals tickets, and both open them",
          kMaxTicketSecrets));
    auto secret = parseSecret(line);
    if (!secret) return refuse("the secret " + secret.error().text);
    if (!secrets.empty() && sameBytes(secrets.front(), *secret))
      return refuse("repeats the previous secret");
    secrets.push_back(std::move(*secret));
  }
  if (secrets.empty())
    return fail(name + ": holds no secret; make one with `openssl rand -hex 32`");
  return secrets;
}

Result<TicketSecretFile> readTicketSecretFile(const std::string& path) {
  const auto text = readSecretFile(path, kLongestFile);
  if (!text) return tl::unexpected(text.error());
  auto secrets = parseTicketSecrets(text->text(), path);
  if (!secrets) return tl::unexpected(secrets.error());
  TicketSecretFile file{std::move(*secrets), {}};
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    file.warnings.push_back(fmt::format(
        "{}: {} can read it (mode {:04o}). Anyone who has the secret can decrypt recorded TLS 1.2 "
        "sessions and impersonate this server to clients that resume. Set mode 0600",
        path, (info.st_mode & S_IROTH) != 0 ? "everybody" : "its group", info.st_mode & 07777));
  }
  return file;
}

Result<SecretBytes> randomTicketSecret() {
  SecretBytes secret(kMinTicketSecret);
  if (culvertRandomBlock(secret.data(), kMinTicketSecret) != 0)
    return fail("no random bytes for session ticket keys");
  return secret;
}

bool sameTicketSecrets(const TicketSecrets& a, const TicketSecrets& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), sameBytes);
}

std::string ticketSecretId(const SecretBytes& secret) {
  byte id[4] = {};
  const int result = wc_HKDF(WC_SHA256, secret.data(), static_cast<word32>(secret.size()),
                             reinterpret_cast<const byte*>(kIdSalt.data()),
                             static_cast<word32>(kIdSalt.size()), nullptr, 0, id, sizeof(id));
  if (result != 0) return "unknown";
  return encodeHex(id);
}

}  // namespace culvert
