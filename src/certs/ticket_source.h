// SPDX-License-Identifier: GPL-3.0-or-later
// Where the session ticket keys come from: the file that [global] names, or a random secret that
// this process keeps until it exits. Thread: control; keys() any.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "tls/tickets/ticket_keys.h"

namespace culvert {

class TicketSource {
 public:
  /// Reads the secrets that `global` names and changes nothing. Returns nullopt after an error,
  /// which is in `diagnostics` (exit code 4).
  std::optional<TicketSecrets> load(const GlobalOptions& global, Diagnostics& diagnostics);

  /// Applies the secrets and the rotation interval to all workers at once. Returns true if anything
  /// changed. After an error nothing has changed.
  Result<bool> apply(TicketSecrets secrets, Millis rotation);
  /// Switches to the keys for the current wall clock time. Returns true if the keys changed.
  Result<bool> rotate();

  /// Returns the ids of the secrets, for example "1f00ba44, accepts 09abcdef". Operators can
  /// compare the ids of replicas.
  static std::string idsOf(const TicketSecrets& secrets);
  std::string ids() const { return idsOf(keys_->secrets()); }

  /// nullptr before the first apply(); then the same object until the process exits.
  const TicketKeys* keys() const { return keys_.get(); }

 private:
  SecretBytes own_;
  std::unique_ptr<TicketKeys> keys_;
};

}  // namespace culvert
