// SPDX-License-Identifier: GPL-3.0-or-later
// Reload applies the whole configuration on HUP, as a transaction. It also applies changed
// certificate files without HUP. Thread: control.
#pragma once

#include <functional>
#include <memory>

#include "admin/control.h"
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

  /// Reads the configuration again. A failure changes nothing. The result is not nullptr.
  std::shared_ptr<const ReloadReport> run();
  /// The result of the last run(); nullptr before the first.
  std::shared_ptr<const ReloadReport> last() const { return last_; }
  /// Sets the function to call when the state in force has changed without run().
  void setOnRefresh(std::function<void()> changed) { onRefresh_ = std::move(changed); }

  /// Logs certificates that expire. Call twice a second.
  void onTick() { certificates_.onTick(parts_.runtime); }

  /// Refuses further changes. Call when culvert stops.
  void stop() { stopped_ = true; }

 private:
  bool replaceAll(Diagnostics& diagnostics, ReloadReport& report);
  void commit(Preparation made, ListenerTable::Change change, AdminDoors::Change doors,
              ReloadReport& report);
  void reviewTrust(const Runtime& before);
  void dropUnusedContexts();
  void followHealth();
  void openDoors(AdminDoors::Change doors);
  void onCertificatesDue();

  ServerParts& parts_;
  CertificateKeeper certificates_;
  std::shared_ptr<const ReloadReport> last_;
  std::function<void()> onRefresh_;
  bool stopped_ = false;
};

}  // namespace culvert
