// SPDX-License-Identifier: GPL-3.0-or-later
// The TLS settings and certificates of a test's service.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "tls/endpoint/credential_set.h"
#include "tls/endpoint/tls_settings.h"
#include "unit/tls/support/test_credentials.h"

namespace culvert {

/// What the server of a test has: settings to change, and certificates.
struct TestTls : TlsSettings {
  CredentialSet credentials;

  TlsEndpoint endpoint() const {
    return {std::make_shared<const TlsSettings>(*this),
            std::make_shared<const CredentialSet>(credentials), nullptr};
  }
};

inline TestTls testSettings(std::initializer_list<const char*> names = {"ec"}) {
  TestTls settings;
  settings.service = "test";
  std::vector<std::shared_ptr<const Credentials>> list;
  for (const char* name : names) list.push_back(testCredentials(name));
  settings.credentials = CredentialSet(std::move(list));
  return settings;
}

}  // namespace culvert
