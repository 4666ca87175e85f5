// SPDX-License-Identifier: GPL-3.0-or-later
// Reload applies the whole configuration on HUP, as a transaction. It also applies changed
// certificate files without HUP. Thread: control.
#pragma once

#include "certs/certificate_keeper.h"
#include "server/parts.h"
#include "server/preparation.h"

namespace culvert {

class Reload {
 public:
  explicit Reload(ServerParts& parts);
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  /// Starts watching the certificate files. Call once, when the threads run.
  void start();

  /// Reads the configuration again. Returns true if the new configuration is in force; a failure
  /// changes nothing.
  bool run();

  /// Logs certificates that expire. Call twice a second.
  void onTick() { certificates_.onTick(parts_.runtime); }

  /// Refuses further changes. Call when culvert stops.
  void stop() { stopped_ = true; }

 private:
  bool replaceAll(Diagnostics& diagnostics);
  void commit(Preparation made, ListenerTable::Change change);
  void reviewTrust(const Runtime& before);
  void dropUnusedContexts();
  void followHealth();
  void onCertificatesDue();

  ServerParts& parts_;
  CertificateKeeper certificates_;
  bool stopped_ = false;
};

}  // namespace culvert
