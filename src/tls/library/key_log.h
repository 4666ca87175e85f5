// SPDX-License-Identifier: GPL-3.0-or-later
// KeyLog writes the secrets of TLS sessions into a file in NSS key log form, so that Wireshark can
// read a capture. Only a culvert made for it can (WOLFSSL_KEYLOG=1). Thread: any, once open.
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

  /// Whether this culvert is made for it and its library tells its secrets; else the error says
  /// why.
  static Result<void> supported();

  /// Opens the file for adding, mode 0600; it must be nobody else's. Does nothing where it is open
  /// already.
  Result<void> open();

  const std::string& path() const { return path_; }

  /// Adds one line with a single write(), so that lines of several threads never mix. What the file
  /// does not take is lost.
  void add(std::string_view label, std::span<const uint8_t> clientRandom,
           std::span<const uint8_t> secret) const;

  /// Has the session tell its secrets. Before the handshake.
  void attach(WOLFSSL* ssl) const;
  /// Adds what a resumed TLS 1.2 session does not tell by itself. After the handshake.
  void finish(WOLFSSL* ssl) const;

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace culvert
