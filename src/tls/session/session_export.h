// SPDX-License-Identifier: GPL-3.0-or-later
// Takes the keys of an established session out of wolfSSL. No other file knows how. Thread: loop.
#pragma once

#include <cstdint>
#include <string>

#include "tls/record/session_keys.h"

struct WOLFSSL;

namespace culvert {

enum class ExportResult : uint8_t {
  kDone,     ///< the keys are there; the WOLFSSL is not needed any more
  kLibrary,  ///< wolfSSL must keep the records: a CBC suite, or a build that exports nothing
  kPending,  ///< the peer sent a part of a message too much behind its last handshake message
};

/// Copies the keys and limits of `ssl`, whose handshake is done, to `keys`. Does not change `ssl`.
ExportResult exportSession(const WOLFSSL* ssl, SessionKeys& keys);

/// Returns who encrypts the records of established sessions in this build, for `culvert --version`
/// and the log. Chooses the AEAD providers if no session has done so yet.
std::string recordsText();

}  // namespace culvert
