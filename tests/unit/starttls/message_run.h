// SPDX-License-Identifier: GPL-3.0-or-later
// Plays the owner of a Dialog: keeps what the Dialog does not consume, offers it again, and passes
// bytes unchanged after the Dialog has ended. A transcript is a list of moves; each runs with whole
// inputs and byte by byte. For LDAP, XMPP, PostgreSQL and MySQL.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "starttls/dialog.h"

namespace culvert::testing_messages {

/// Where the connection of a MessageRun is.
enum class RunState : uint8_t { kOpening, kTls, kSettling, kPassing, kDirect, kEnded, kFailed };

inline std::ostream& operator<<(std::ostream& out, RunState state) {
  static constexpr const char* kNames[] = {"opening", "tls",   "settling", "passing",
                                           "direct",  "ended", "failed"};
  return out << kNames[static_cast<int>(state)];
}
class MessageRun {
 public:
  explicit MessageRun(std::unique_ptr<Dialog> dialog) : dialog_(std::move(dialog)) {
    apply(dialog_->begin(out_), nullptr);
    pump();
  }

  void peer(std::string_view bytes) { peerIn_ += bytes, pump(); }
  void far(std::string_view bytes) { farIn_ += bytes, pump(); }
  void secure() {
    ASSERT_EQ(state_, RunState::kTls);
    state_ = RunState::kSettling;
    peerIn_.clear();  // it was the ClientHello
    apply(dialog_->onSecure(out_), nullptr);
    pump();
  }

  /// What the Dialog sent since the last call.
  std::string takePeer() { return std::exchange(toPeer_, {}); }
  std::string takeFar() { return std::exchange(toFar_, {}); }
  RunState state() const { return state_; }
  DialogFault fault() const { return fault_; }
  const std::string& detail() const { return detail_; }
  /// What the Dialog has left with its owner.
  const std::string& peerLeft() const { return peerIn_; }
  const std::string& farLeft() const { return farIn_; }
  const Dialog& dialog() const { return *dialog_; }

 private:
  using Next = DialogStep::Next;
  using Handler = DialogStep (Dialog::*)(std::span<const uint8_t>, DialogOutput&);

  bool runs() const { return state_ == RunState::kOpening || state_ == RunState::kSettling; }

  void pump() {
    bool again = true;
    while (again && runs()) {
      again = offer(&Dialog::fromPeer, peerIn_);
      if (runs() && (state_ == RunState::kSettling || dialog_->needsFar()))
        again = offer(&Dialog::fromFar, farIn_) || again;
    }
    if (state_ == RunState::kPassing) {
      toFar_ += std::exchange(peerIn_, {});
      toPeer_ += std::exchange(farIn_, {});
    }
  }

  /// Returns true if the Dialog used or sent something.
  bool offer(Handler handler, std::string& input) {
    if (input.empty()) return false;
    const DialogStep step = (dialog_.get()->*handler)(asBytes(input), out_);
    const bool moved = step.consumed > 0 || !out_.toPeer.empty() || !out_.toFar.empty();
    apply(step, &input);
    return moved;
  }

  void apply(const DialogStep& step, std::string* input) {
    const bool plain = step.next == Next::kPlain;
    if (state_ == RunState::kOpening && !dialog_->needsFar() && !plain) {
      EXPECT_EQ(out_.toFar, "") << "before TLS";
    }
    toPeer_ += std::exchange(out_.toPeer, {});
    toFar_ += std::exchange(out_.toFar, {});
    EXPECT_EQ(step.fault != DialogFault::kNone, step.next == Next::kFail);
    EXPECT_EQ(step.detail.empty(), step.next != Next::kFail);
    if (step.next == Next::kFail) {
      fault_ = step.fault;
      detail_ = step.detail;
      state_ = RunState::kFailed;
      return;
    }
    if (input != nullptr) {
      ASSERT_LE(step.consumed, input->size());
      input->erase(0, step.consumed);
    }
    switch (step.next) {
      case Next::kStartTls:
        EXPECT_EQ(state_, RunState::kOpening);
        EXPECT_TRUE(step.restIsTls || peerIn_.empty()) << "early data";
        state_ = RunState::kTls;
        break;
      case Next::kSettled:
        EXPECT_EQ(state_, RunState::kSettling);
        [[fallthrough]];
      case Next::kPlain:
        state_ = RunState::kPassing;
        break;
      case Next::kDirect:
        state_ = RunState::kDirect;
        break;
      case Next::kEnd:
        state_ = RunState::kEnded;
        break;
      case Next::kMore:
      case Next::kFail:
        break;
    }
  }

  std::unique_ptr<Dialog> dialog_;
  DialogOutput out_;
  std::string peerIn_, farIn_;
  std::string toPeer_, toFar_;
  RunState state_ = RunState::kOpening;
  DialogFault fault_ = DialogFault::kNone;
  std::string detail_;
};

/// One input, and what the Dialog sends because of it.
struct MessageMove {
  enum class From : uint8_t { kBegin, kPeer, kFar, kSecure };
  From from;
  std::string bytes;
  std::string toPeer;
  std::string toFar;
};
using MessageMoves = std::vector<MessageMove>;

inline MessageMove atBegin(std::string toPeer) {
  return {MessageMove::From::kBegin, "", std::move(toPeer), ""};
}
inline MessageMove fromPeer(std::string bytes, std::string toPeer = "", std::string toFar = "") {
  return {MessageMove::From::kPeer, std::move(bytes), std::move(toPeer), std::move(toFar)};
}
inline MessageMove fromFar(std::string bytes, std::string toPeer = "", std::string toFar = "") {
  return {MessageMove::From::kFar, std::move(bytes), std::move(toPeer), std::move(toFar)};
}
inline MessageMove onSecure(std::string toPeer = "", std::string toFar = "") {
  return {MessageMove::From::kSecure, "", std::move(toPeer), std::move(toFar)};
}

/// How a transcript ends.
struct MessageEnd {
  RunState state;
  DialogFault fault = DialogFault::kNone;
  std::string detail{};  ///< a part of it
};
inline MessageEnd failedWith(DialogFault fault, std::string detail = "") {
  return {RunState::kFailed, fault, std::move(detail)};
}

using MessageMaker = std::function<std::unique_ptr<Dialog>()>;

/// Plays the moves with inputs of at most `piece` bytes.
inline void playMessages(const MessageMaker& make, const MessageMoves& moves, const MessageEnd& end,
                         size_t piece) {
  SCOPED_TRACE("pieces of " + std::to_string(piece));
  MessageRun run(make());
  size_t number = 0;
  for (const MessageMove& move : moves) {
    SCOPED_TRACE("move " + std::to_string(number++));
    if (move.from == MessageMove::From::kSecure) run.secure();
    for (size_t at = 0; at < move.bytes.size(); at += piece) {
      const std::string_view part = std::string_view(move.bytes).substr(at, piece);
      move.from == MessageMove::From::kPeer ? run.peer(part) : run.far(part);
    }
    EXPECT_EQ(run.takePeer(), move.toPeer);
    EXPECT_EQ(run.takeFar(), move.toFar);
    EXPECT_FALSE(run.dialog().progress().empty());
  }
  EXPECT_EQ(run.state(), end.state) << run.detail();
  EXPECT_EQ(run.fault(), end.fault) << run.detail();
  EXPECT_NE(run.detail().find(end.detail), std::string::npos) << run.detail();
}

/// The transcript must give the same in whole and in pieces of every small size.
inline void expectMessages(const MessageMaker& make, const MessageMoves& moves,
                           const MessageEnd& end) {
  for (const size_t piece :
       {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}, size_t{1} << 20})
    playMessages(make, moves, end, piece);
}

/// For early data, which has to arrive together with the command.
inline void expectWhole(const MessageMaker& make, const MessageMoves& moves,
                        const MessageEnd& end) {
  playMessages(make, moves, end, size_t{1} << 20);
}

/// Bytes with NULs, from a literal.
template <size_t kSize>
std::string lit(const char (&text)[kSize]) {
  return std::string(text, kSize - 1);
}

/// A server dialog at the client's end and a client dialog at the backend's end of one tunnel. What
/// one sends to its far side is the far side of the other.
class MessagePair {
 public:
  MessagePair(std::unique_ptr<Dialog> server, std::unique_ptr<Dialog> client)
      : server_(std::move(server)), client_(std::move(client)) {
    exchange();
  }

  void fromClient(std::string_view bytes) { server_.peer(bytes), exchange(); }
  void fromBackend(std::string_view bytes) { client_.peer(bytes), exchange(); }
  void secureClient() { server_.secure(), exchange(); }
  void secureBackend() { client_.secure(), exchange(); }
  std::string takeClient() { return server_.takePeer(); }
  std::string takeBackend() { return client_.takePeer(); }
  MessageRun& server() { return server_; }
  MessageRun& client() { return client_; }

 private:
  void exchange() {
    for (;;) {
      const std::string inbound = server_.takeFar(), outbound = client_.takeFar();
      if (inbound.empty() && outbound.empty()) return;
      client_.far(inbound);
      server_.far(outbound);
    }
  }

  MessageRun server_;
  MessageRun client_;
};

}  // namespace culvert::testing_messages
