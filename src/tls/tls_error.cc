// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of errors and the facts of a session. The sentences about handshakes are in
// tls_explain.cc.
#include "tls/tls_error.h"

#include <fmt/format.h>

#include <cstring>

#include "base/ascii.h"
#include "tls/alert_number.h"
#include "tls/tls_names.h"
#include "tls/wolfssl.h"

namespace culvert {

namespace {

constexpr int kNone = -1;

struct ErrorInfo {
  int code;
  std::string_view name;
  int alert;
  std::string_view words;
};

struct AlertNumbers : Alert {
  static constexpr int kNone = culvert::kNone;
};

constexpr ErrorInfo kErrors[] = {
#define TLS_ERROR(code, name, alert, words) {code, name, AlertNumbers::alert, words},
#include "tls/tls_error.def"
#undef TLS_ERROR
};

const ErrorInfo* findError(int wolfError) {
  for (const ErrorInfo& info : kErrors)
    if (info.code == wolfError) return &info;
  return nullptr;
}

}  // namespace

std::string_view tlsErrorName(int wolfError) {
  const ErrorInfo* info = findError(wolfError);
  return info != nullptr ? info->name : "internal";
}

std::string tlsErrorText(int wolfError) {
  if (const ErrorInfo* info = findError(wolfError)) return std::string(info->words);
  char words[WOLFSSL_MAX_ERROR_SZ] = {};
  wolfSSL_ERR_error_string_n(static_cast<unsigned long>(static_cast<long>(wolfError)), words,
                             sizeof(words));
  return fmt::format("{} (wolfSSL {})", words[0] != '\0' ? words : "unknown error", wolfError);
}

std::optional<uint8_t> alertForError(int wolfError) {
  TlsEvent event = classifyError(wolfError);
  if (event != TlsEvent::kFailed) return std::nullopt;
  const ErrorInfo* info = findError(wolfError);
  if (info == nullptr) return uint8_t{Alert::internal_error};
  if (info->alert == kNone) return std::nullopt;
  return static_cast<uint8_t>(info->alert);
}

TlsEvent classifyError(int wolfError) {
  switch (wolfError) {
    case WANT_READ:
    case WOLFSSL_ERROR_WANT_READ:
      return TlsEvent::kWantRead;
    case WANT_WRITE:
    case WOLFSSL_ERROR_WANT_WRITE:
      return TlsEvent::kWantWrite;
    case ZERO_RETURN:
    case WOLFSSL_ERROR_ZERO_RETURN:
      return TlsEvent::kCleanEnd;
    case SOCKET_PEER_CLOSED_E:
      return TlsEvent::kTruncated;
    case SOCKET_ERROR_E:
      return TlsEvent::kReset;
    default:
      return TlsEvent::kFailed;
  }
}

namespace {

/// wolfSSL's spelling of a group to ours.
std::string ownGroupName(const char* name) {
  if (name == nullptr) return {};
  struct Spelling {
    std::string_view theirs;
    std::string_view ours;
  };
  static constexpr Spelling kSpellings[] = {
      {"SECP256R1", "P-256"}, {"SECP384R1", "P-384"}, {"SECP521R1", "P-521"}, {"X25519", "X25519"}};
  for (const Spelling& spelling : kSpellings)
    if (equalNoCase(name, spelling.theirs)) return std::string(spelling.ours);
  return name;
}

}  // namespace

TlsFacts describeSession(WOLFSSL* ssl) {
  TlsFacts facts;
  uint16_t version = 0;
  switch (wolfSSL_GetVersion(ssl)) {
    case WOLFSSL_TLSV1_2:
      version = kTls12;
      break;
    case WOLFSSL_TLSV1_3:
      version = kTls13;
      break;
    default:
      break;
  }
  facts.version = versionName(version);
  // The value is the suite's two bytes in host order.
  facts.suite = suiteName(static_cast<uint16_t>(wolfSSL_get_current_cipher_suite(ssl)));
  facts.resumed = wolfSSL_session_reused(ssl) != 0;
  // A resumed TLS 1.2 session exchanges no keys; the library then still names the certificate's
  // curve.
  if (version == kTls13 || !facts.resumed) facts.group = ownGroupName(wolfSSL_get_curve_name(ssl));
  char* protocol = nullptr;
  unsigned short size = 0;
  if (wolfSSL_ALPN_GetProtocol(ssl, &protocol, &size) == WOLFSSL_SUCCESS && protocol != nullptr)
    facts.alpn.assign(protocol, size);
  return facts;
}

}  // namespace culvert
