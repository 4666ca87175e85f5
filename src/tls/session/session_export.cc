// SPDX-License-Identifier: GPL-3.0-or-later
// See session_export.h.
#include "tls/session/session_export.h"

#include <algorithm>

#include "tls/library/culvert_session.h"
#include "tls/library/wolfssl.h"

// Older releases and shared libraries lack the function.
extern "C" int culvertExportSession(const WOLFSSL* ssl, CulvertSession* out) __attribute__((weak));

namespace culvert {
namespace {

AeadKind aeadOf(uint8_t cipher) {
  switch (cipher) {
    case CULVERT_AES_128_GCM:
      return AeadKind::kAes128Gcm;
    case CULVERT_AES_256_GCM:
      return AeadKind::kAes256Gcm;
    default:
      return AeadKind::kChaCha20Poly1305;
  }
}

void copyKeys(const CulvertKeys& from, DirectionKeys& to) {
  std::copy(std::begin(from.secret), std::end(from.secret), to.secret.begin());
  std::copy(std::begin(from.key), std::end(from.key), to.key.begin());
  std::copy(std::begin(from.iv), std::end(from.iv), to.iv.begin());
  to.sequence = from.sequence;
}

bool canExportSessions() {
#ifdef CULVERT_LIBRARY_RECORDS
  return false;
#else
  return culvertExportSession != nullptr;
#endif
}

}  // namespace

std::string recordsText() { return canExportSessions() ? "culvert, " + aeadNames() : "wolfSSL"; }

ExportResult exportSession(const WOLFSSL* ssl, SessionKeys& keys) {
  if (!canExportSessions()) return ExportResult::kLibrary;
  CulvertSession session;
  const int result = culvertExportSession(ssl, &session);
  if (result == CULVERT_EXPORT_DONE) {
    keys.cipher = {.aead = aeadOf(session.cipher),
                   .tls13 = session.version == 0x0304,
                   .hashSize = session.hashSize};
    keys.role = session.server != 0 ? TlsRole::kServer : TlsRole::kClient;
    keys.sendLimit = session.sendLimit;
    keys.inputLimit = session.inputLimit;
    std::copy(std::begin(session.resumption), std::end(session.resumption),
              keys.resumption.begin());
    copyKeys(session.in, keys.in);
    copyKeys(session.out, keys.out);
    keys.out.nextNonce = session.nextNonce;
  }
  wipe(&session, sizeof session);
  switch (result) {
    case CULVERT_EXPORT_DONE:
      return ExportResult::kDone;
    case CULVERT_EXPORT_PENDING:
      return ExportResult::kPending;
    default:
      return ExportResult::kLibrary;
  }
}

}  // namespace culvert
