// SPDX-License-Identifier: GPL-3.0-or-later
// A Dialog is what culvert says at one end of a tunnel before and just after that end changes from
// plain text to TLS (STARTTLS). The *peer* is the host at this end; the *far* side is the other end
// of the tunnel. As server the peer is the client, as client the peer is the backend. A Dialog is a
// pure state machine: it gets bytes and appends bytes, and makes no system call.
//
// Phases:
//   opening   in the clear. Ends with kStartTls: the owner sends `toPeer`, then starts TLS.
//   settling  behind the handshake, which onSecure() announces: the Dialog changes what passes (a
//             list of capabilities, sequence numbers). Ends by itself with kSettled. Afterwards
//             the owner frees the Dialog and passes all bytes unchanged.
//
// Bounds: a Dialog never holds more than kLongestLine bytes of either side, ends a dialog that is
// longer (too-long), and ends a peer that goes on without TLS (too-many).
// Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/choices.h"

namespace culvert {

/// Why a dialog failed: the word behind `starttls:` in the log.
enum class DialogFault : uint8_t {
  kNone,
  kEarlyData,  ///< "early-data": bytes arrived behind the command and before TLS
  kRefused,    ///< "refused": the peer does not offer TLS, or refuses the command
  kPlaintext,  ///< "plaintext": the client does not ask for TLS
  kSyntax,     ///< "syntax": the peer's bytes are not of this protocol
  kTooLong,    ///< "too-long": a line or a message is longer than the limit
  kTooMany,    ///< "too-many": too many commands or replies without TLS
};
std::string_view dialogFaultName(DialogFault fault);

/// What a step of a dialog appends. The owner clears both strings after it has used them.
struct DialogOutput {
  std::string toPeer;  ///< for the host at this end
  std::string toFar;   ///< for the other end of the tunnel
};

struct [[nodiscard]] DialogStep {
  enum class Next : uint8_t {
    kMore,      ///< waits for more bytes, of either side
    kStartTls,  ///< send toPeer, then start TLS with the peer
    kPlain,     ///< TLS does not follow: pass all bytes unchanged (PostgreSQL's CancelRequest)
    kDirect,    ///< the peer began TLS at once, without a command: start TLS with all its bytes
    kSettled,   ///< only behind TLS: nothing is left to change
    kEnd,       ///< send toPeer and close in order: the peer said goodbye
    kFail,      ///< send toPeer and close; fault and detail say why
  };
  Next next = Next::kMore;
  /// How many bytes of the input were used. The owner keeps the rest and offers it again, together
  /// with later bytes, after any step of either side. With kStartTls of fromPeer() every rest is
  /// early data, which the Dialog has to report itself (kFail, kEarlyData), except if `restIsTls`.
  size_t consumed = 0;
  bool restIsTls =
      false;  ///< with kStartTls: the peer sends its ClientHello without waiting (MySQL)
  DialogFault fault = DialogFault::kNone;
  std::string detail{};  ///< for the log: what is wrong, in plain words; empty if there is no fault
};

class Dialog {
 public:
  /// The longest line or message, in bytes, that a Dialog holds or accepts before it is settled.
  static constexpr size_t kLongestLine = 16 * 1024;
  /// The most commands of a client without TLS, and the most lines of one reply.
  static constexpr unsigned kMostCommands = 64;

  virtual ~Dialog() = default;

  /// True if the opening needs the far side: its greeting, its capabilities, the client's first
  /// message. False if the opening is between culvert and the peer alone: then `toFar` stays empty
  /// and fromFar() is not called before onSecure(). The exception is kPlain: `toFar` has the bytes
  /// of the peer that pass.
  virtual bool needsFar() const = 0;

  /// Called once, before any other call, when the connection to the peer is established. A client
  /// that speaks first begins here.
  virtual DialogStep begin(DialogOutput& out) = 0;
  /// Handles bytes of the peer; behind TLS, its decrypted bytes.
  virtual DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) = 0;
  /// Handles bytes of the far side, which are meant for the peer. May consume nothing, for example
  /// before the peer has answered.
  virtual DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) = 0;
  /// Called once, when the TLS handshake that kStartTls asked for is done.
  virtual DialogStep onSecure(DialogOutput& out) = 0;
  /// For the log, if time runs out: what the Dialog waits for, for example "the client sent no
  /// STARTTLS".
  virtual std::string progress() const = 0;
};

/// What a dialog needs to know of the tunnel.
struct DialogFacts {
  std::string hostName;  ///< the name that culvert gives itself (EHLO), a host name
};

/// Returns whether the server greets first, so that culvert needs the backend before it can answer a
/// client.
bool serverSpeaksFirst(StartTls protocol);

/// Returns the dialog of culvert as server, or nullptr for kOff.
std::unique_ptr<Dialog> makeServerDialog(StartTls protocol, const DialogFacts& facts);
/// Returns the dialog of culvert as client, or nullptr for kOff.
std::unique_ptr<Dialog> makeClientDialog(StartTls protocol, const DialogFacts& facts);

}  // namespace culvert
