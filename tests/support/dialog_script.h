// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a transcript of a STARTTLS dialog, in pieces of several sizes. A transcript has a line for
// each thing that happens; blanks in front of a line do not count:
//
//   P< text   the peer sends this line           F< text   the far side sends this line
//   P> text   the peer must receive this line    F> text   the far side must receive it
//   secure    the TLS handshake is done          = state   the dialog's state must now be this
//
// The states are: more, start-tls, settled, end, and "fail FAULT". A line without "=" before the
// next thing that happens means more, or start-tls or settled if that was before. Each line gets
// CR LF at its end, unless it ends with "\". \r, \n, \\ and \xNN stand for bytes.
// Thread: any (one owner).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/dialog_owner.h"

namespace culvert {

using MakeDialog = std::function<std::unique_ptr<Dialog>()>;

inline std::string unescaped(std::string_view text) {
  std::string out;
  bool whole = true;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (++i == text.size()) {
      whole = false;
    } else if (text[i] == 'x') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == 'r' ? '\r' : text[i] == 'n' ? '\n' : text[i];
    }
  }
  return whole ? out + "\r\n" : out;
}

inline std::string stateName(const DialogOwner& owner) {
  switch (owner.next()) {
    case DialogStep::Next::kMore:
      return "more";
    case DialogStep::Next::kStartTls:
      return "start-tls";
    case DialogStep::Next::kSettled:
      return "settled";
    case DialogStep::Next::kEnd:
      return "end";
    case DialogStep::Next::kFail:
      return "fail " + std::string(dialogFaultName(owner.fault()));
    default:
      return "other";
  }
}

class DialogScript {
 public:
  explicit DialogScript(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      if (!line.empty()) add(line);
    }
  }

  /// Runs the transcript in pieces of up to this size. 0: each line is one piece.
  void run(std::unique_ptr<Dialog> dialog, size_t piece) const {
    DialogOwner owner(std::move(dialog));
    for (const Move& move : moves_) {
      SCOPED_TRACE("after " + move.line + " in pieces of " + std::to_string(piece));
      act(owner, move, piece);
      EXPECT_EQ(owner.takeToPeer(), move.toPeer);
      EXPECT_EQ(owner.takeToFar(), move.toFar);
      EXPECT_EQ(stateName(owner), move.state) << owner.detail();
      EXPECT_EQ(owner.broken(), "");
      EXPECT_FALSE(owner.dialog().progress().empty());
      if (testing::Test::HasFailure()) return;
    }
  }

 private:
  struct Move {
    std::string line;
    char who = ' ';
    std::string bytes{};
    std::string toPeer{};
    std::string toFar{};
    std::string state = "more";
  };

  void add(std::string_view line) {
    if (line == "secure") {
      moves_.push_back({std::string(line), 's'});
    } else if (line.starts_with("= ")) {
      moves_.back().state = line.substr(2);
    } else if (line[1] == '>') {
      (line[0] == 'P' ? moves_.back().toPeer : moves_.back().toFar) += unescaped(line.substr(3));
    } else {
      const std::string before = moves_.empty() ? "more" : moves_.back().state;
      moves_.push_back({std::string(line), line[0], unescaped(line.substr(3))});
      if (before == "settled" || before == "start-tls") moves_.back().state = before;
    }
  }

  static void act(DialogOwner& owner, const Move& move, size_t piece) {
    if (move.who == 's') return owner.secure();
    const size_t size = piece == 0 ? move.bytes.size() : piece;
    for (size_t at = 0; at < move.bytes.size(); at += size) {
      const std::string part = move.bytes.substr(at, size);
      move.who == 'P' ? owner.peerSends(part) : owner.farSends(part);
    }
  }

  std::vector<Move> moves_;
};

struct DialogCase {
  const char* name;
  const char* script;
};

/// Runs each transcript whole and in pieces of 1, 2, 3 and 7 bytes.
inline void runCases(const MakeDialog& make, const std::vector<DialogCase>& cases) {
  for (const DialogCase& each : cases) {
    SCOPED_TRACE(each.name);
    for (const size_t piece : {0, 1, 2, 3, 7}) DialogScript(each.script).run(make(), piece);
  }
}

/// Runs each transcript in whole lines only. For early data: it is early only if it has arrived
/// together with the end of the command.
inline void runWhole(const MakeDialog& make, const std::vector<DialogCase>& cases) {
  for (const DialogCase& each : cases) {
    SCOPED_TRACE(each.name);
    DialogScript(each.script).run(make(), 0);
  }
}

/// The command that begins TLS comes in two pieces, cut at every place, with bytes behind it in the
/// second one. Nothing of it may reach anybody. `opening` is the transcript before the command.
inline void expectEarlyData(const MakeDialog& make, std::string_view opening,
                            std::string_view command, std::string_view behind) {
  for (size_t cut = 0; cut < command.size(); ++cut) {
    SCOPED_TRACE("cut at " + std::to_string(cut));
    const auto escaped = [](std::string_view bytes) {
      std::string out;
      for (const char c : bytes) out += c == '\r' ? "\\r" : c == '\n' ? "\\n" : std::string(1, c);
      return out + "\\\n";
    };
    std::string script(opening);
    if (cut > 0) script += "P< " + escaped(command.substr(0, cut));
    script += "P< " + escaped(std::string(command.substr(cut)).append(behind));
    script += "= fail early-data\n";
    DialogScript(script).run(make(), 0);
  }
}

}  // namespace culvert
