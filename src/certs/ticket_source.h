// SPDX-License-Identifier: GPL-3.0-or-later
// Where the session ticket keys come from: the file that [global] names, or a secret of this
// process, kept for its life. Thread: control; keys() any.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "tls/tickets/ticket_keys.h"

namespace culvert {

class TicketSource {
 public:
  /// Reads the secrets that `global` asks for and changes nothing. nullopt: the reason is in
  /// `diagnostics` (exit code 4).
  std::optional<TicketSecrets> load(const GlobalOptions& global, Diagnostics& diagnostics);

  /// Puts secrets and rotation into force for every worker at once; true where they were others.
  /// After an error everything is as before.
  Result<bool> apply(TicketSecrets secrets, Millis rotation);
  /// Moves on with the wall clock.
  Result<bool> rotate();

  /// Names by which operators can compare replicas: "1f00ba44, accepts 09abcdef".
  static std::string idsOf(const TicketSecrets& secrets);
  std::string ids() const { return idsOf(keys_->secrets()); }

  /// nullptr before the first apply(); then the same for life.
  const TicketKeys* keys() const { return keys_.get(); }

 private:
  SecretBytes own_;
  std::unique_ptr<TicketKeys> keys_;
};

}  // namespace culvert
