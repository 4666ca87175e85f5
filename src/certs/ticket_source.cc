// SPDX-License-Identifier: GPL-3.0-or-later
// See ticket_source.h.
#include "certs/ticket_source.h"

#include <chrono>

namespace culvert {
namespace {

using WallClock = std::chrono::system_clock;

}  // namespace

std::optional<TicketSecrets> TicketSource::load(const GlobalOptions& global,
                                                Diagnostics& diagnostics) {
  constexpr const char* kKey = "ticket-secret-file";
  const auto refuse = [&](const Error& error) {
    diagnostics.error(global.originOf(kKey), sectionLabel(global), kKey, error.text);
    return std::nullopt;
  };
  if (global.ticketSecretFile.empty()) {
    if (own_.empty()) {
      auto drawn = randomTicketSecret();
      if (!drawn) return refuse(drawn.error());
      own_ = std::move(*drawn);
    }
    TicketSecrets secrets;
    secrets.emplace_back(own_.span());
    return secrets;
  }
  auto file = readTicketSecretFile(global.ticketSecretFile);
  if (!file) return refuse(file.error());
  for (const std::string& text : file->warnings)
    diagnostics.warning(global.originOf(kKey), sectionLabel(global), kKey, text);
  return std::move(file->secrets);
}

Result<bool> TicketSource::apply(TicketSecrets secrets, Millis rotation) {
  if (keys_) return keys_->replace(std::move(secrets), rotation, WallClock::now());
  auto keys = TicketKeys::create(std::move(secrets), rotation, WallClock::now());
  if (!keys) return tl::unexpected(keys.error());
  keys_ = std::move(*keys);
  return true;
}

Result<bool> TicketSource::rotate() { return keys_->rotate(WallClock::now()); }

std::string TicketSource::idsOf(const TicketSecrets& secrets) {
  std::string ids;
  for (const SecretBytes& secret : secrets)
    ids += (ids.empty() ? "" : ", accepts ") + ticketSecretId(secret);
  return ids;
}

}  // namespace culvert
