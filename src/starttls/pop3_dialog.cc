// SPDX-License-Identifier: GPL-3.0-or-later
// See pop3_dialog.h. Before TLS, the client's CAPA is answered by the backend; culvert adds STLS to
// the list and takes out the ways to log in.
#include "starttls/pop3_dialog.h"

#include <utility>

#include "starttls/line_dialog.h"
#include "starttls/line_words.h"

namespace culvert {
namespace {

/// Returns true if the line is a reply with this status. RFC 1939 3: it is in upper case.
bool isPop3Status(std::string_view line, std::string_view status) {
  return splitWord(line).word == status;
}

}  // namespace

class Pop3Dialog final : public LineDialog {
 public:
  explicit Pop3Dialog(Role role) : LineDialog(role, "STLS", {}) {}

 protected:
  void command(std::string_view line) override;
  void reply(std::string_view line) override;
  bool mayComeUnasked(std::string_view line) const override { return isPop3Status(line, "-ERR"); }
  void backendLine(std::string_view line) override;
  void secured() override;
  bool lateCommand(std::string_view line) override;
  std::string goodbye(std::string_view text) const override {
    return std::string("-ERR ").append(text);
  }

 private:
  void listLine(std::string_view line);

  bool greeted_ = false;    // as client
  bool inList_ = false;     // within the list of capabilities
  bool offersTls_ = false;  // in the list that is being read
};

void Pop3Dialog::command(std::string_view line) {
  const auto [verb, rest] = splitWord(line);
  if (isWord(verb, {"STLS", "CAPA"}) && !rest.empty())
    return say("-ERR This command has no arguments");
  if (isWord(verb, {"STLS"})) return startTls("+OK Begin TLS negotiation");
  if (isWord(verb, {"CAPA"})) return pass(line, Ask::kCapability);
  if (isWord(verb, {"QUIT"})) return pass(line, Ask::kQuit);
  if (isWord(verb, {"NOOP"})) return pass(line);
  say("-ERR Must issue a STLS command first");
}

void Pop3Dialog::reply(std::string_view line) {
  if (inList_) return listLine(line);
  const bool ok = isPop3Status(line, "+OK");
  if (!ok && !isPop3Status(line, "-ERR")) return badReply(line);
  say(line);
  inList_ = ok && waiting() && ask() == Ask::kCapability;
  if (inList_) return;
  if (!ok && ask() == Ask::kGreeting) end();
  replied();
}

void Pop3Dialog::listLine(std::string_view line) {
  if (line != ".") {
    const std::string_view name = splitWord(line).word;
    const bool tls = isWord(name, {"STLS"});
    offersTls_ = offersTls_ || tls;
    if (!tls && (secure() || !isWord(name, {"SASL", "USER"}))) say(line);
    return;
  }
  if (!secure()) say("STLS");
  say(line);
  inList_ = false;
  noteList(std::exchange(offersTls_, false));
  replied();
  if (secure()) settle();
}

void Pop3Dialog::backendLine(std::string_view line) {
  const bool ok = isPop3Status(line, "+OK");
  if (!ok && !isPop3Status(line, "-ERR")) return badReply(line);
  if (greeted_) return ok ? startTls() : refuse("the backend refuses STLS", line);
  if (!ok) return refuse("the backend refuses the connection", line);
  greeted_ = true;
  keepGreeting(line);
  send("STLS");
}

void Pop3Dialog::secured() {
  replayGreeting();
  LineDialog::secured();
}

/// The list has to be recognized, so nothing is in flight beside CAPA.
bool Pop3Dialog::lateCommand(std::string_view line) {
  const std::string_view verb = splitWord(line).word;
  if (isWord(verb, {"CAPA", "STLS"})) {
    if (busy()) return false;
    if (isWord(verb, {"CAPA"})) {
      pass(line, Ask::kCapability);
    } else {
      say("-ERR TLS is active already");  // RFC 2595 section 4
    }
    return true;
  }
  pass(line);
  if (!isWord(verb, {"NOOP"})) settle();
  return true;
}

std::unique_ptr<Dialog> makePop3Server() {
  return std::make_unique<Pop3Dialog>(LineDialog::Role::kServer);
}
std::unique_ptr<Dialog> makePop3Client() {
  return std::make_unique<Pop3Dialog>(LineDialog::Role::kClient);
}

}  // namespace culvert
