// SPDX-License-Identifier: GPL-3.0-or-later
// What the dialogs of MySQL as server and as client share: they read the greeting of the backend, and
// pass the login behind TLS. Thread: loop.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "starttls/dialog.h"
#include "starttls/mysql_packets.h"

namespace culvert {

/// What the first packet of the backend is.
struct MysqlGreeting {
  enum class Kind : uint8_t { kMore, kGreeting, kErr, kBad, kTooLong };
  Kind kind = Kind::kMore;
  std::string packet{};  // the whole packet
  size_t flagsAt = 0;    // in `packet`, of a greeting
};

/// Reads the packet at the front of `bytes`.
MysqlGreeting readMysqlGreeting(std::string_view bytes);

/// The part behind TLS, which both roles share: packets pass with new sequence numbers.
class MysqlDialog : public Dialog {
 public:
  bool needsFar() const final { return true; }
  DialogStep begin(DialogOutput&) final { return {}; }

 protected:
  MysqlDialog(MysqlRelay fromClient, MysqlRelay fromBackend)
      : fromClient_(fromClient), fromBackend_(fromBackend) {}
  DialogStep relayClient(std::span<const uint8_t> bytes, std::string& out) {
    return relay(fromClient_, bytes, out, "the client");
  }
  DialogStep relayBackend(std::span<const uint8_t> bytes, std::string& out) {
    return relay(fromBackend_, bytes, out, "the backend");
  }
  /// The steps for a first packet of the backend that is not a greeting.
  static DialogStep withoutGreeting(const MysqlGreeting& greeting, std::string& toClient);

  enum class State : uint8_t {
    kGreeting,  // until the backend's first packet
    kResponse,  // until the client's first packet, and until TLS is established
    kLogin,     // behind TLS
  };
  State state_ = State::kGreeting;

 private:
  static DialogStep relay(MysqlRelay& relay, std::span<const uint8_t> bytes, std::string& out,
                          std::string_view sender);

  MysqlRelay fromClient_;
  MysqlRelay fromBackend_;
};

}  // namespace culvert
