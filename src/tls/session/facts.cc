// SPDX-License-Identifier: GPL-3.0-or-later
// See facts.h.
#include "tls/session/facts.h"

#include "base/ascii.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/group_number.h"
#include "tls/protocol/tls_names.h"

namespace culvert {

namespace {

/// Converts wolfSSL's name of a group to the name that culvert uses.
std::string ownGroupName(const char* name) {
  if (name == nullptr) return {};
  struct Spelling {
    std::string_view theirs;
    uint16_t ours;
  };
  static constexpr Spelling kSpellings[] = {{"SECP256R1", Group::kP256},
                                            {"SECP384R1", Group::kP384},
                                            {"SECP521R1", Group::kP521},
                                            {"X25519", Group::kX25519}};
  for (const Spelling& spelling : kSpellings)
    if (equalNoCase(name, spelling.theirs)) return groupName(spelling.ours);
  return name;
}

}  // namespace

Negotiated readNegotiated(WOLFSSL* ssl) {
  Negotiated facts;
  switch (wolfSSL_GetVersion(ssl)) {
    case WOLFSSL_TLSV1_2:
      facts.version = kTls12;
      break;
    case WOLFSSL_TLSV1_3:
      facts.version = kTls13;
      break;
    default:
      break;
  }
  // wolfSSL returns the two bytes of the suite's number in host byte order.
  facts.suite = static_cast<uint16_t>(wolfSSL_get_current_cipher_suite(ssl));
  facts.resumed = wolfSSL_session_reused(ssl) != 0;
  // A resumed TLS 1.2 session has no key exchange, but wolfSSL still reports a curve: the curve of
  // the server's certificate.
  if (facts.version == kTls13 || !facts.resumed) facts.group = wolfSSL_get_curve_name(ssl);
  char* protocol = nullptr;
  unsigned short size = 0;
  if (wolfSSL_ALPN_GetProtocol(ssl, &protocol, &size) == WOLFSSL_SUCCESS && protocol != nullptr)
    facts.alpn = std::make_shared<const std::string>(protocol, size);
  return facts;
}

uint16_t Negotiated::groupNumber() const {
  const std::string name = ownGroupName(group);
  for (const uint16_t one : servedGroups())
    if (groupName(one) == name) return one;
  return 0;
}

TlsFacts Negotiated::describe() const {
  if (version == 0) return {};
  return {.version = std::string(versionName(version)),
          .suite = std::string(suiteName(suite)),
          .group = ownGroupName(group),
          .alpn = alpn ? *alpn : std::string(),
          .resumed = resumed};
}

}  // namespace culvert
