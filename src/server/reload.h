// SPDX-License-Identifier: GPL-3.0-or-later
// Reload changes what is in force: from the configuration on HUP, as a transaction; and from
// certificate files when they change by themselves. Thread: control.
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

  /// Watches the certificate files from now on. Call once, when the threads run.
  void start();

  /// Reads the configuration again. Returns true if it is in force; a failure changes nothing.
  bool run();

  /// Logs what expires. Call twice a second.
  void onTick() { certificates_.onTick(parts_.runtime); }

  /// Refuses further changes: culvert stops.
  void stop() { stopped_ = true; }

 private:
  bool replaceAll(Diagnostics& diagnostics);
  void commit(Preparation made, ListenerTable::Change change);
  void reviewTrust(const Runtime& before);
  void dropUnusedContexts();
  void onCertificatesDue();

  ServerParts& parts_;
  CertificateKeeper certificates_;
  bool stopped_ = false;
};

}  // namespace culvert
