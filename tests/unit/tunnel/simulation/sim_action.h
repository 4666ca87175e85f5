// SPDX-License-Identifier: GPL-3.0-or-later
// What can happen in a simulation, as values: one Action is one step, a TunnelSetup is how one tunnel
// and its two peers begin. Both can be said in words. Thread: any (values).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scripted_stream.h"
#include "tunnel/tunnel_host.h"

namespace culvert::simulation {

/// The calls of a tunnel on its streams.
enum class Verb : uint8_t { kHandshake, kRead, kWrite, kFlush, kShutdown, kDiscard, kWatch, kNone };
inline constexpr std::array<std::string_view, 8> kVerbNames = {
    "handshake()",     "read()",         "write()", "flush()",
    "shutdownWrite()", "discardInput()", "watch()", "nothing"};

inline constexpr std::array<std::string_view, 6> kStatusNames = {
    "kOk", "kBlocked", "kEof", "kTruncated", "kReset", "kFailed"};
inline std::string nameOf(IoStatus status) {
  return std::string(kStatusNames[static_cast<size_t>(status)]);
}

enum class ActionKind : uint8_t {
  // the loop
  kReady,       ///< one watcher that is armed and ready gets its callback
  kTurn,        ///< a turn of the loop
  kWait,        ///< time passes; the loop serves everything meanwhile
  kStandstill,  ///< time passes; the loop is not running meanwhile
  // a peer, and the kernel in front of it
  kSend,
  kOpenWindow,
  kShutWindow,
  kAcknowledge,
  kHoldAcks,
  kEmptyRecords,
  kAnswers,  ///< from now on each read() makes an answer of so many bytes
  kPace,     ///< from now on read() gives so many bytes at most
  kHandshake,
  kEnd,
  kReset,
  kFailWrites,
  // what surrounds a tunnel
  kDial,  ///< the dialer answers as its setup says
  kClose,
  kCloseAll,
  kOpen,      ///< a new tunnel, at once or through the queue of handshakes
  kShortage,  ///< the next call of `verb` finds no memory
  kScarce,    ///< as kReady, but operator new fails after `amount` allocations
  kCount
};
inline constexpr size_t kActionKinds = static_cast<size_t>(ActionKind::kCount);

struct Action {
  ActionKind kind = ActionKind::kTurn;
  size_t tunnel = 0;
  bool client = true;
  bool write = false;  ///< kReady, kScarce: the watcher for writing
  size_t amount = 0;
  IoStatus status = IoStatus::kOk;
  bool known = true;  ///< a failure has a CloseReason; otherwise the stream had no memory
  Verb verb = Verb::kNone;
  Millis time{0};
  CloseCause cause = CloseCause::kDrain;

  std::string words() const;
};

struct SideSetup {
  size_t window = ScriptedPeer::kUnlimited;
  size_t readAtMost = ScriptedPeer::kUnlimited;
  size_t overhead = 0;  ///< not 0: a stream that seals records, as TLS
  size_t preface = 0;   ///< bytes that wait in its backlog from the beginning
  bool holdAcks = false;
};

struct TunnelSetup {
  TunnelOptions options;
  SideSetup client;
  SideSetup backend;
  std::vector<IoStatus> handshakes;
  std::vector<IoStatus> backendHandshakes;  ///< if the plan has a handshake with the backend
  Micros handshakeCost{0};                  ///< of one step
  bool dialAtOnce = true;
  bool dialNever = false;
  std::optional<CloseCause> dialFailure;
  bool arrives = false;  ///< comes through the queue of handshakes

  std::string words() const;
};

// --- words

inline std::string sizeWords(size_t bytes) {
  return bytes == ScriptedPeer::kUnlimited ? "unlimited" : std::to_string(bytes);
}

inline std::string Action::words() const {
  const std::string who =
      "tunnel " + std::to_string(tunnel) + ": the " + (client ? "client" : "backend");
  const std::string bytes = sizeWords(amount) + " bytes";
  switch (kind) {
    case ActionKind::kReady:
      return who + (write ? " is writable" : " is readable");
    case ActionKind::kTurn:
      return "the loop turns";
    case ActionKind::kWait:
      return "the loop runs for " + std::to_string(time.count()) + " ms";
    case ActionKind::kStandstill:
      return "the process stands still for " + std::to_string(time.count()) + " ms";
    case ActionKind::kSend:
      return who + " sends " + bytes;
    case ActionKind::kOpenWindow:
      return who + "'s socket makes room for " + bytes;
    case ActionKind::kShutWindow:
      return who + "'s socket takes nothing more";
    case ActionKind::kAcknowledge:
      return who + " acknowledges everything";
    case ActionKind::kHoldAcks:
      return who + (amount != 0 ? " acknowledges nothing more" : " acknowledges at once again");
    case ActionKind::kEmptyRecords:
      return who + " sends " + std::to_string(amount) + " empty records";
    case ActionKind::kAnswers:
      return who + " gets " + bytes + " of answer for each read";
    case ActionKind::kPace:
      return who + "'s reads give at most " + bytes;
    case ActionKind::kHandshake:
      return who + "'s next handshake step says " + nameOf(status);
    case ActionKind::kEnd:
      return who + " ends with " + nameOf(status);
    case ActionKind::kReset:
      return who + " resets its connection";
    case ActionKind::kFailWrites:
      return who + "'s stream fails when it is written to";
    case ActionKind::kDial:
      return "tunnel " + std::to_string(tunnel) + ": the dialer answers";
    case ActionKind::kClose:
      return "tunnel " + std::to_string(tunnel) + ": close(" +
             std::string(kCloseCauseNames[static_cast<size_t>(cause)]) + ")";
    case ActionKind::kCloseAll:
      return "closeAll()";
    case ActionKind::kOpen:
      return "tunnel " + std::to_string(tunnel) + " is opened";
    case ActionKind::kShortage:
      return who + "'s next " + std::string(kVerbNames[static_cast<size_t>(verb)]) +
             " finds no memory";
    case ActionKind::kScarce:
      return who + (write ? " is writable" : " is readable") + ", with memory for " +
             std::to_string(amount) + " allocations";
    case ActionKind::kCount:
      break;
  }
  return "?";
}

inline std::string TunnelSetup::words() const {
  const auto side = [](const SideSetup& s) {
    return "window " + sizeWords(s.window) + ", reads " + sizeWords(s.readAtMost) + ", overhead " +
           std::to_string(s.overhead) + ", preface " + std::to_string(s.preface) +
           (s.holdAcks ? ", holds acknowledgements" : "");
  };
  std::string text = "fifo " + std::to_string(options.fifoSize) + ", timeouts: handshake " +
                     std::to_string(options.handshakeTimeout.count()) + ", idle " +
                     std::to_string(options.idleTimeout.count()) + ", stall " +
                     std::to_string(options.stallTimeout.count()) + ", half-close " +
                     std::to_string(options.halfCloseTimeout.count()) + " ms" +
                     (options.truncationAsFin ? ", on-truncation = fin" : "") +
                     "; client: " + side(client) + "; backend: " + side(backend) + "; dialer: ";
  text += dialNever ? "never answers" : dialAtOnce ? "answers at once" : "answers later";
  if (dialFailure)
    text += ", with " + std::string(kCloseCauseNames[static_cast<size_t>(*dialFailure)]);
  text += "; handshake of " + std::to_string(handshakeCost.count()) + " us a step:";
  for (const IoStatus status : handshakes) text += " " + nameOf(status);
  return text + (arrives ? "; waits in the queue of handshakes" : "");
}

}  // namespace culvert::simulation
