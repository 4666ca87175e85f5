// SPDX-License-Identifier: GPL-3.0-or-later
// LineDialog is the part that the dialogs of all line protocols share: it splits bytes into lines,
// keeps the order of commands and replies, counts them, and reports faults. A protocol's class says
// what each line means.
//
// The *client* sends commands and the *server* sends replies. If culvert has the role of the server,
// the client is the peer and the server is the far side. If culvert has the role of the client, the
// server is the peer. Behind TLS the client is then the far side; before TLS, culvert speaks itself
// and reads nothing of the far side.
// Thread: loop.
#pragma once

#include <string>
#include <string_view>

#include "starttls/dialog.h"
#include "starttls/line_reader.h"

namespace culvert {

class LineDialog : public Dialog {
 public:
  enum class Role : uint8_t { kServer, kClient };

  bool needsFar() const final { return role_ == Role::kServer; }
  DialogStep begin(DialogOutput&) final { return {}; }  // in all line protocols the server begins
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) final;
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) final;
  DialogStep onSecure(DialogOutput& out) final;
  std::string progress() const final;

 protected:
  /// What the server has been asked for. The greeting is the reply to the connection.
  enum class Ask : uint8_t { kGreeting, kCapability, kQuit, kOther };
  struct Literals {
    LineReader::Literals client = LineReader::Literals::kNone;
    LineReader::Literals server = LineReader::Literals::kNone;
  };

  /// `command` is the one that begins TLS, for example "STLS".
  LineDialog(Role role, std::string_view command, Literals literals);

  // A protocol's class implements these. A line comes without its CR LF.

  /// As server, before TLS: the client's line. The replies to all earlier lines have passed.
  virtual void command(std::string_view line) = 0;
  /// A line of the backend that the client has to get: as server always, as client behind TLS.
  /// Calls replied() with the last line of a reply.
  virtual void reply(std::string_view line) = 0;
  /// As server, before TLS: returns true if the backend may send this line without a command.
  virtual bool mayComeUnasked(std::string_view line) const = 0;
  /// As client, before TLS: a line of the backend.
  virtual void backendLine(std::string_view line) = 0;
  /// TLS is established. By default, as server: settles if the backend is known not to offer TLS.
  virtual void secured();
  /// Behind TLS: the client's line. Returns false to read it again when all replies have passed.
  virtual bool lateCommand(std::string_view line) = 0;
  /// As server: the line by which the protocol announces that the connection is closed.
  virtual std::string goodbye(std::string_view text) const = 0;

  // What the implementations call.

  void say(std::string_view line);                          ///< sends a line to the client
  void pass(std::string_view line, Ask ask = Ask::kOther);  ///< passes a command to the server
  void send(std::string_view line);                         ///< as client: culvert's own command
  void replied();                                           ///< a reply is complete
  void preliminary();  ///< a reply is complete, and another one to the same command follows
  void noteList(bool offersTls);             ///< the backend has sent a list of capabilities
  void keepGreeting(std::string_view line);  ///< as client: for replayGreeting()
  void replayGreeting();
  void startTls(std::string_view reply);  ///< as server: the reply to the command
  void startTls();                        ///< as client
  void settle();
  void end();
  void fail(DialogFault fault, std::string detail);
  /// As client: the backend does not do what culvert needs. Quotes its line.
  void refuse(std::string_view what, std::string_view line);
  void badReply(std::string_view line);

  bool secure() const { return phase_ == Phase::kSettling; }
  bool waiting() const { return outstanding_ > 0; }  ///< a reply is outstanding
  /// A reply is outstanding, or one that came unasked is not complete. culvert does not answer now.
  bool busy() const { return waiting() || replyLines_ > 0; }
  Ask ask() const { return ask_; }
  bool firstLine() const { return replyLines_ == 1; }  ///< of the reply that is being read

 private:
  enum class Phase : uint8_t { kOpening, kHandshake, kSettling, kOver };
  enum class Host : uint8_t { kClient, kServer };

  DialogStep take(Host from, std::span<const uint8_t> bytes, DialogOutput& out);
  bool reads(Host from) const;
  bool readLine(Host from, std::string_view bytes, size_t& used);
  bool handle(Host from, std::string_view line);
  void handleReply(std::string_view line);
  DialogStep finish(size_t consumed);
  std::string& to(Host host);

  const Role role_;
  const std::string_view command_;
  Phase phase_ = Phase::kOpening;
  LineReader clientLines_;
  LineReader serverLines_;
  DialogOutput* out_ = nullptr;  // valid during a step
  DialogStep step_;
  Ask ask_ = Ask::kGreeting;  // of the latest command; only one of kOther may have followers
  unsigned outstanding_ = 1;  // replies that the server still has to send
  unsigned commands_ = 0;     // of the client, before TLS
  unsigned replyLines_ = 0;   // of the reply that is being read
  bool listed_ = false;       // the backend has sent its capabilities
  bool offered_ = false;      // TLS was among them
  std::string greeting_;      // as client
  std::string asked_;         // as client: culvert's last command, for messages
};

}  // namespace culvert
