// SPDX-License-Identifier: GPL-3.0-or-later
// The base of tests about certificates in files: a directory, the options of services, and the
// runtime that a start makes of them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "certs/certificate_loader.h"
#include "certs/client_auth_builder.h"
#include "eventually.h"
#include "unit/certs/support/test_ca.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {

class CertsTest : public TlsTest {
 protected:
  /// NAME.pem and NAME.key of the directory.
  void issue(const std::string& name, const TestLeaf& leaf = {}) const {
    TestCa::shared().issue(dir_, name, leaf);
  }

  SourcedText sourced(const std::string& text) { return {text, Origin::file("f.ini", ++line_)}; }

  /// A service with these certificates of the directory: `cert` and `key` in turn, a line each.
  ServiceOptions service(const std::vector<std::string>& names, const std::string& label = "web") {
    ServiceOptions options;
    options.name = label;
    options.ocspStapling = StapleMode::kOff;
    for (const std::string& name : names) {
      options.cert.push_back(sourced(dir_ / (name + ".pem")));
      options.key.push_back(sourced(dir_ / (name + ".key")));
    }
    if (!names.empty()) options.origins["cert"] = options.cert.front().origin;
    return options;
  }
  /// A service with the certificates of a directory below.
  ServiceOptions serviceOf(const std::string& directory) {
    ServiceOptions options = service({});
    options.cert.push_back(sourced(dir_ / directory));
    options.origins["cert"] = options.cert.front().origin;
    return options;
  }

  /// What the daemon has after its start.
  static Runtime started(const Config& config) {
    Runtime runtime;
    Diagnostics said;
    CertificateLoader loader(LoadReason::kStart, {}, said);
    for (const ServiceOptions& options : config.services) {
      RuntimeService one;
      if (!options.selfSigned) one.certificates = loader.load(options, {}, nullptr, nullptr);
      one.clientFiles = clientFileStamps(options);
      auto settings = std::make_shared<TlsSettings>();
      settings->service = options.name;
      settings->peerAuth = buildPeerAuth(options, nullptr, said);
      auto profile = std::make_shared<ServiceProfile>();
      profile->name = options.name;
      auto service = std::make_shared<Service>();
      service->profile = std::move(profile);
      service->tls = std::make_shared<const TlsEndpoint>(
          TlsEndpoint{std::move(settings),
                      std::make_shared<const CredentialSet>(credentialsOf(one.certificates)),
                      std::make_shared<AskedNames>()});
      service->staple = {options.ocspStapling, options.ocspResponder};
      one.service = std::move(service);
      runtime.services.push_back(std::move(one));
    }
    EXPECT_FALSE(said.hasErrors()) << linesOf(said).front();
    return runtime;
  }

  static std::vector<std::string> linesOf(const Diagnostics& diagnostics) {
    std::vector<std::string> lines;
    for (const Diagnostic& one : diagnostics.list()) lines.push_back(one.text());
    return lines;
  }

  /// Returns when nothing has happened to these files for so long that a watch reads them.
  static bool settleFiles(const std::vector<std::string>& paths) {
    return eventually([&paths] {
      for (const std::string& path : paths)
        if (!stampOf(path).settled()) return false;
      return true;
    });
  }
  bool settle(const std::string& name) const {
    return settleFiles({dir_ / (name + ".pem"), dir_ / (name + ".key")});
  }

  TempDir dir_;
  uint32_t line_ = 0;
};

}  // namespace culvert
