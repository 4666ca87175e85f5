// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes the STARTTLS dialogs of the line protocols. The first byte chooses the protocol and the
// role, the rest is a schedule of what both sides send. The same schedule runs in whole pieces and
// in small ones, with the same result. Before TLS, a backend gets only the few allowed commands, as
// client the far side gets nothing, and no dialog sends much more than it gets.
//
// modules: starttls
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "starttls/line_reader.h"
#include "starttls/line_words.h"
#include "support/dialog_owner.h"

namespace {

using culvert::DialogOwner;
using culvert::StartTls;
using Next = DialogOwner::Next;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Protocol {
  StartTls protocol;
  std::vector<std::string_view> allowed;   // commands, before TLS
  std::vector<std::string_view> commands;  // what clients send
  std::vector<std::string_view> replies;   // what servers send
};

const std::array<Protocol, 7> kProtocols = {{
    {StartTls::kSmtp,
     {"EHLO", "HELO", "NOOP", "RSET", "QUIT"},
     {"EHLO c", "STARTTLS", "NOOP", "RSET", "QUIT", "MAIL FROM:<a>", "HELO c", "STARTTLS x"},
     {"220 mx", "220-mx", "250-mx", "250-STARTTLS", "250 STARTTLS", "250-AUTH x", "250 ok", "554 x",
      "421 x"}},
    {StartTls::kLmtp,
     {"LHLO", "NOOP", "RSET", "QUIT"},
     {"LHLO c", "STARTTLS", "NOOP", "RSET", "QUIT", "MAIL FROM:<a>", "EHLO c"},
     {"220 mx", "250-mx", "250-STARTTLS", "250 STARTTLS", "250 AUTH x", "250 ok", "421 x"}},
    {StartTls::kImap,
     {"CAPABILITY", "NOOP", "LOGOUT", "ID"},
     {"a CAPABILITY", "a STARTTLS", "a NOOP", "a LOGOUT", "a ID NIL", "a LOGIN b c", "a ID {3}",
      "a ID {3+}"},
     {"* OK x", "* OK [CAPABILITY STARTTLS AUTH=X] x", "* CAPABILITY STARTTLS AUTH=X", "a OK x",
      "C0 OK", "C1 OK", "* BYE x", "* PREAUTH x", "* ID {3}", "+ x", "a NO [CAPABILITY X] y"}},
    {StartTls::kPop3,
     {"CAPA", "NOOP", "QUIT"},
     {"CAPA", "STLS", "NOOP", "QUIT", "USER a"},
     {"+OK", "-ERR x", "STLS", "SASL x", "USER", "."}},
    {StartTls::kSieve,
     {"NOOP", "LOGOUT"},
     {"CAPABILITY", "STARTTLS", "NOOP \"a\"", "NOOP {3+}", "LOGOUT", "AUTHENTICATE \"PLAIN\""},
     {"OK", "NO \"x\"", "BYE \"x\"", "\"STARTTLS\"", "\"SASL\" \"x\"", "{3}", "OK (TAG {3}"}},
    {StartTls::kFtp,
     {"FEAT", "SYST", "NOOP", "QUIT", "HELP"},
     {"AUTH TLS", "FEAT", "NOOP", "QUIT", "PBSZ 0", "PROT C", "PROT P", "CCC", "PASV", "USER a",
      "\xff\xf4\xff\xf2"
      "ABOR"},
     {"220 x", "220-x", "120 x", "211-x", "211 x", " AUTH TLS", " MDTM", "234 x", "200 ok", "150 x",
      "421 x"}},
    {StartTls::kNntp,
     {"CAPABILITIES", "MODE", "QUIT", "DATE", "HELP"},
     {"CAPABILITIES", "STARTTLS", "MODE READER", "QUIT", "DATE", "HELP", "GROUP x"},
     {"200 x", "201 x", "101 x", "100 x", "STARTTLS", "AUTHINFO USER", ".", "382 x", "111 x",
      "400 x"}},
}};

struct Action {
  enum class Kind : uint8_t { kPeer, kFar, kSecure } kind;
  std::string bytes;
};

/// Reads the schedule: pieces of bytes as they are, and lines of the protocol.
std::vector<Action> readSchedule(const Protocol& protocol, bool server,
                                 std::span<const uint8_t> data) {
  std::vector<Action> actions;
  while (data.size() >= 2 && actions.size() < 200) {
    const uint8_t kind = data[0];
    const size_t number = data[1];
    data = data.subspan(2);
    const bool peer = (kind & 1) != 0;
    Action action{peer ? Action::Kind::kPeer : Action::Kind::kFar, {}};
    if ((kind & 7) == 7) {
      action.kind = Action::Kind::kSecure;
    } else if ((kind & 2) != 0) {
      const auto& lines = peer == server ? protocol.commands : protocol.replies;
      action.bytes = std::string(lines[number % lines.size()]) + "\r\n";
    } else {
      const size_t size = std::min(number, data.size());
      action.bytes = culvert::asText(data.first(size));
      if ((kind & 0xf0) == 0xf0)  // a long line
        action.bytes += std::string(number * 100, 'x');
      data = data.subspan(size);
    }
    const bool joins = (kind & 8) != 0 && !actions.empty() && actions.back().kind == action.kind;
    if (joins) {
      actions.back().bytes += action.bytes;
    } else {
      actions.push_back(std::move(action));
    }
  }
  return actions;
}

std::string_view verbOf(const Protocol& protocol, std::string_view line) {
  if (protocol.protocol == StartTls::kImap) line = culvert::splitWord(line).rest;
  while (protocol.protocol == StartTls::kFtp && line.size() >= 2 && line[0] == '\xff')
    line.remove_prefix(std::min<size_t>(
        static_cast<uint8_t>(line[1]) >= 251 && static_cast<uint8_t>(line[1]) <= 254 ? 3 : 2,
        line.size()));
  return culvert::splitWord(line).word;
}

/// The backend has got whole commands only, all of them allowed.
void requireAllowed(const Protocol& protocol, std::string_view sent) {
  using culvert::LineReader;
  LineReader reader(protocol.protocol == StartTls::kSieve ? LineReader::Literals::kSieveClient
                                                          : LineReader::Literals::kNone);
  while (!sent.empty()) {
    const LineReader::Line line = reader.next(sent);
    require(line.state == LineReader::State::kWhole);
    const std::string_view verb = verbOf(protocol, line.text);
    require(std::any_of(protocol.allowed.begin(), protocol.allowed.end(),
                        [&](std::string_view known) { return culvert::equalNoCase(verb, known); }));
    sent.remove_prefix(line.size);
  }
}

struct Result {
  std::string toPeer, toFar;
  Next next = Next::kMore;
  culvert::DialogFault fault = culvert::DialogFault::kNone;
  bool operator==(const Result&) const = default;
};

class Run {
 public:
  Run(const Protocol& protocol, bool server, size_t piece)
      : protocol_(protocol),
        server_(server),
        piece_(piece),
        owner_(server ? makeServerDialog(protocol.protocol, {"culvert.example"})
                      : makeClientDialog(protocol.protocol, {"culvert.example"})) {}

  Result act(const Action& action) {
    const bool byServer = (action.kind == Action::Kind::kFar) == server_;
    const bool commandsWait = !(server_ ? owner_.peerRest() : owner_.farRest()).empty();
    waited_ = waited_ || (byServer && commandsWait);
    if (action.kind == Action::Kind::kSecure) {
      if (owner_.next() == Next::kStartTls && owner_.peerRest().empty()) owner_.secure();
    } else if (action.kind == Action::Kind::kFar || owner_.next() != Next::kStartTls) {
      send(action);
    }
    judge();
    return {toPeer_, toFar_, owner_.next(), owner_.fault()};
  }

  /// A line of the server came while commands waited. If the server sends more replies than there
  /// were commands, it depends on the pieces which commands they seem to answer.
  bool waited() const { return waited_; }

 private:
  void send(const Action& action) {
    received_ += action.bytes.size();
    const size_t most = action.bytes.size();
    const size_t piece = std::min(std::max(piece_, most / 200), std::max<size_t>(most, 1));
    for (size_t at = 0; at < most; at += piece) {
      const std::string_view part = std::string_view(action.bytes).substr(at, piece);
      action.kind == Action::Kind::kPeer ? owner_.peerSends(part) : owner_.farSends(part);
    }
  }

  void judge() {
    toPeer_ += owner_.takeToPeer();
    toFar_ += owner_.takeToFar();
    require(owner_.broken().empty());
    require(!owner_.dialog().progress().empty());
    require(owner_.detail().size() < 1024);
    require(toPeer_.size() + toFar_.size() <= 20 * received_ + 64 * 5000);
    if (owner_.secured()) return;
    if (server_) {
      requireAllowed(protocol_, toFar_);
    } else {
      require(toFar_.empty());
    }
  }

  const Protocol& protocol_;
  const bool server_;
  const size_t piece_;
  DialogOwner owner_;
  bool waited_ = false;
  size_t received_ = 0;
  std::string toPeer_, toFar_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Protocol& protocol = kProtocols[data[0] % kProtocols.size()];
  const bool server = data[0] < 128;
  const size_t piece = data[1] % 16 + 2;
  Run whole(protocol, server, SIZE_MAX);
  Run bytes(protocol, server, 1);
  Run pieces(protocol, server, piece);
  for (const Action& action : readSchedule(protocol, server, {data + 2, size - 2})) {
    const Result result = whole.act(action);
    // Whether bytes are early depends on the pieces.
    if (result.fault == culvert::DialogFault::kEarlyData) return 0;
    const bool same = bytes.act(action) == result && pieces.act(action) == result;
    require(same || whole.waited());
    if (!same) return 0;
    if (result.next == Next::kFail || result.next == Next::kEnd) return 0;
  }
  return 0;
}
