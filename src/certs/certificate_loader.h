// SPDX-License-Identifier: GPL-3.0-or-later
// CertificateLoader reads the certificate files and certificate directories of a service. It
// decides what to do with a certificate that is worse than the certificate in use. It does not read
// unchanged files again, but only calls stat() for them. Thread: control.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "service/runtime.h"
#include "tls/credentials/asked_names.h"
#include "tls/endpoint/credential_set.h"

namespace culvert {

/// Why certificates are read. The reason decides how strictly culvert checks them.
enum class LoadReason : uint8_t {
  kStart,   ///< the start of culvert: serves each certificate that can be parsed and matches its
            ///< key, so that a reboot does not become an outage
  kStrict,  ///< --check=strict: like kStart, but a certificate that clients refuse is an error
  kReload,  ///< a reload: refuses certificates that clients would refuse, and warns about lost
            ///< names
  kWatch,   ///< files changed without a reload: loads a certificate only if it is not worse than
            ///< the served certificate
};

class CertificateLoader {
 public:
  /// All certificates in use, by CertificateFiles::id().
  using Known = std::unordered_map<std::string, std::shared_ptr<const CertificateUnit>>;

  /// After kStart and kReload, do not serve the result if `diagnostics` has an error. After kWatch,
  /// serve the result in any case, because an error only reports a refused file.
  CertificateLoader(LoadReason reason, Known known, Diagnostics& diagnostics)
      : reason_(reason), known_(std::move(known)), diagnostics_(diagnostics) {}

  /// Returns the certificates of one service, in order. `before` contains the certificates that the
  /// service serves now. `asked` contains the names that clients requested. A certificate must fit
  /// `settings`. At the start, `asked` and `settings` are nullptr.
  CertificateUnits load(const ServiceOptions& options, const CertificateUnits& before,
                        AskedNames* asked, const TlsSettings* settings);

  unsigned refused() const { return refused_; }
  /// True if the caller has to load again soon, because a file is being written or a refusal is not
  /// logged yet.
  bool lookAgain() const { return lookAgain_; }

 private:
  struct Place {
    const ServiceOptions& service;
    Origin cert, key, passphrase;
    bool fromDirectory;
  };
  using Unit = std::shared_ptr<const CertificateUnit>;

  void addAll(const ServiceOptions& options, size_t index, CertificateUnits& units,
              const CertificateUnits& before);
  void addDirectory(const SourcedText& cert, const std::string& passphrase, const Place& place,
                    CertificateUnits& units, const CertificateUnits& before);
  CertificateUnits keepVanished(const CertificateUnits& before, CertificateUnits& units);
  void settleVanished(const ServiceOptions& options, const CertificateUnits& vanished,
                      const CertificateUnits& before, CertificateUnits& units);
  Unit knownUnit(const std::string& id) const;
  Unit unitFor(const CertificateFiles& files, const Place& place);
  Unit read(const CertificateFiles& files, const Place& place, const Unit& before,
            const std::array<FileStamp, 3>& stamps);
  Unit serve(std::shared_ptr<CertificateUnit> unit, const Place& place, bool quiet);
  Unit refuse(std::shared_ptr<CertificateUnit> unit, const Place& place, const Unit& before,
              const CredentialFaults& faults);
  bool isUnchanged(const CertificateUnit& before, const std::array<FileStamp, 3>& stamps) const;
  bool isBeingWritten(const CertificateUnit* before, const std::array<FileStamp, 3>& stamps) const;
  std::string whatIsWorse(const Credentials& now, const Credentials* before) const;
  std::shared_ptr<const Credentials> sameAsKnown(const CertificateFiles& files,
                                                 std::shared_ptr<const Credentials> loaded) const;
  void keepDefault(const ServiceOptions& options, const CertificateUnits& before,
                   CertificateUnits& units);
  void warnOfDefault(const ServiceOptions& options, const CertificateUnits& before,
                     const CertificateUnits& units);
  void keepNames(const ServiceOptions& options, const CertificateUnits& before,
                 CertificateUnits& units);
  void keepCovering(const CertificateUnits& covering, const std::string& why, const Place& place,
                    const CertificateUnits& before, CertificateUnits& units);
  void warnOfAsked(const ServiceOptions& options, const CertificateUnits& before,
                   const CertificateUnits& units, AskedNames& asked);
  void warnOfName(const ServiceOptions& options, const SourcedText& name);
  void warnOfNames(const ServiceOptions& options, const CertificateUnits& units);

  const LoadReason reason_;
  Known known_;
  Known own_;  // units of the service that is being loaded
  const TlsSettings* settings_ = nullptr;
  Diagnostics& diagnostics_;
  unsigned refused_ = 0;
  bool lookAgain_ = false;
};

/// Returns all certificates of `runtime`, for the next check of their files.
CertificateLoader::Known knownCertificates(const Runtime& runtime);

/// Returns the credentials of those `units` that are served, in order.
CredentialSet::List credentialsOf(const CertificateUnits& units);

}  // namespace culvert
