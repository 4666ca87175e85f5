// SPDX-License-Identifier: GPL-3.0-or-later
// The words of a simulation: what a tunnel is now, in one line, and the last steps of a run. Thread:
// one.
#pragma once

#include <array>
#include <cstdio>
#include <deque>
#include <string>

#include "sim_tunnel.h"

namespace culvert::simulation {

/// Where the steps of a run go, in words.
class SimTrace {
 public:
  explicit SimTrace(bool print) : print_(print) {}
  void add(const std::string& line) {
    if (print_) {
      std::printf("%s\n", line.c_str());
      std::fflush(stdout);  // the next step may end the process
    }
    lines_.push_back(line);
    if (lines_.size() > kLast) lines_.pop_front();
  }
  std::string last() const {
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    return text;
  }

 private:
  static constexpr size_t kLast = 40;
  const bool print_;
  std::deque<std::string> lines_;
};

inline std::string describe(const SimSide& side) {
  const ScriptedPeer& p = side.peer;
  std::string text = p.stream == nullptr ? "closed" : p.watchedRead ? "R" : "-";
  if (p.stream != nullptr) text += p.watchedWrite ? "W" : "-";
  text += " sent " + std::to_string(side.fed) + " read " + std::to_string(p.taken) + " got " +
          std::to_string(side.arrived);
  if (p.stream != nullptr) text += " backlog " + std::to_string(p.stream->backlog());
  return text + (p.finSeen ? " FIN" : "") + (p.aborted ? " RST" : "");
}

/// "R" and "W": what its sockets are watched for. "sent" is by the peer, "read" by culvert.
inline std::string describe(const SimTunnel& t) {
  static constexpr std::array kStates = {
#define TUNNEL_STATE(ident, name, meaning) name,
#include "tunnel/tunnel_state.def"
#undef TUNNEL_STATE
  };
  std::string text = "    tunnel " + std::to_string(t.number) + " ";
  if (t.report.ended != 0) {
    const std::string& detail = t.report.reason.detail;
    text += "ended, cause=" + t.report.reason.text() +
            (detail.empty() ? "" : " detail=\"" + detail + "\"");
  } else if (t.live()) {
    text += std::string(kStates[static_cast<size_t>(t.tunnel->state())]) + ", inbound " +
            std::to_string(t.tunnel->inbound().buffered()) + ", outbound " +
            std::to_string(t.tunnel->outbound().buffered());
  } else {
    text += "waits for its turn";
  }
  return text + "; client " + describe(t.client) + "; backend " + describe(t.backend);
}

}  // namespace culvert::simulation
