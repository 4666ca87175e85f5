// SPDX-License-Identifier: GPL-3.0-or-later
// See wolf_error.h.
#include "tls/library/wolf_error.h"

#include <fmt/format.h>

#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"

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
#include "tls/library/tls_error.def"
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

}  // namespace culvert
