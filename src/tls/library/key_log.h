// SPDX-License-Identifier: GPL-3.0-or-later
// KeyLog writes the secrets of TLS sessions into a file in NSS key log format, so that Wireshark
// can decrypt a capture. culvert must be built with WOLFSSL_KEYLOG=1. Thread: any, once open.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

struct WOLFSSL;

namespace culvert {

class KeyLog {
 public:
  explicit KeyLog(std::string path) : path_(std::move(path)) {}

  /// Succeeds if culvert is built for key logs and wolfSSL can report its secrets. Otherwise the
  /// error says which condition is not met.
  static Result<void> supported();

  /// Opens the file for appending, with mode 0600. The file must belong to culvert's user and have
  /// only one hard link. Does nothing if the file is already open.
  Result<void> open();

  const std::string& path() const { return path_; }

  /// Appends one line with a single write(), so that lines of several threads do not mix. If
  /// write() fails, the line is lost.
  void add(std::string_view label, std::span<const uint8_t> clientRandom,
           std::span<const uint8_t> secret) const;

  /// Makes the session `ssl` report its secrets to this key log. Call before the handshake.
  void attach(WOLFSSL* ssl) const;
  /// If `ssl` is a resumed TLS 1.2 session, appends its secret, which wolfSSL does not report. Call
  /// after the handshake.
  void finish(WOLFSSL* ssl) const;

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace culvert
