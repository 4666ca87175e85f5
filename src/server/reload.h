// SPDX-License-Identifier: GPL-3.0-or-later
// Reload changes what is in force: by the configuration, on HUP, as a transaction, and by itself
// when files of certificates have changed. Thread: control.
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

  /// Watches the files of certificates from now on. Once, when the threads run.
  void start();

  /// Reads the configuration again. A failure changes nothing. True when it is in force.
  bool run();

  /// What expires: to be called twice a second.
  void onTick() { certificates_.onTick(parts_.runtime); }

  /// No more changes: culvert stops.
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
