// SPDX-License-Identifier: GPL-3.0-or-later
// See nntp_dialog.h. Before TLS, the client's CAPABILITIES is answered by the backend; culvert adds
// STARTTLS to the list and takes out the ways to log in.
#include "starttls/nntp_dialog.h"

#include <utility>

#include "starttls/line_dialog.h"
#include "starttls/line_words.h"

namespace culvert {
namespace {

bool isNntpWelcome(std::string_view line) {
  return line.starts_with("200") || line.starts_with("201");
}

}  // namespace

class NntpDialog final : public LineDialog {
 public:
  explicit NntpDialog(Role role) : LineDialog(role, "STARTTLS", {}) {}

 protected:
  void command(std::string_view line) override;
  void reply(std::string_view line) override;
  /// RFC 3977 3.2.1: 400 announces that the server closes the connection.
  bool mayComeUnasked(std::string_view line) const override { return line.starts_with("400"); }
  void backendLine(std::string_view line) override;
  void secured() override;
  bool lateCommand(std::string_view line) override;
  std::string goodbye(std::string_view text) const override {
    return std::string("400 ").append(text);
  }

 private:
  enum class Block : uint8_t { kNone, kList, kHelp };

  void blockLine(std::string_view line);

  bool greeted_ = false;        // as client
  Block block_ = Block::kNone;  // the lines that are being read, up to "."
  bool offersTls_ = false;      // in the list that is being read
};

void NntpDialog::command(std::string_view line) {
  const auto [verb, rest] = splitWord(line);
  if (isWord(verb, {"STARTTLS"})) {
    if (!rest.empty()) return say("501 STARTTLS has no arguments");
    return startTls("382 Continue with TLS negotiation");
  }
  if (isWord(verb, {"CAPABILITIES"})) return pass(line, Ask::kCapability);
  if (isWord(verb, {"QUIT"})) return pass(line, Ask::kQuit);
  if (isWord(verb, {"DATE", "HELP"}) || (isWord(verb, {"MODE"}) && isWord(rest, {"READER"})))
    return pass(line);
  say("483 Must issue a STARTTLS command first");
}

void NntpDialog::reply(std::string_view line) {
  if (block_ != Block::kNone) return blockLine(line);
  if (!hasReplyCode(line, false)) return badReply(line);
  if (ask() == Ask::kGreeting && !isNntpWelcome(line)) {
    // RFC 3977 5.1.1: 400 and 502 refuse the connection.
    if (!line.starts_with("400") && !line.starts_with("502")) return badReply(line);
    end();
  }
  say(line);
  const bool capabilities = ask() == Ask::kCapability && waiting();
  if (capabilities && line.starts_with("101")) {
    block_ = Block::kList;
  } else if (waiting() && line.starts_with("100")) {
    block_ = Block::kHelp;
  } else {
    replied();
  }
}

/// A line of a multi-line block (RFC 3977 3.1.1).
void NntpDialog::blockLine(std::string_view line) {
  const bool list = block_ == Block::kList;
  if (line != ".") {
    const std::string_view name = splitWord(line).word;
    const bool tls = list && isWord(name, {"STARTTLS"});
    offersTls_ = offersTls_ || tls;
    if (!tls && (!list || secure() || !isWord(name, {"AUTHINFO", "SASL"}))) say(line);
    return;
  }
  if (list && !secure()) say("STARTTLS");
  say(line);
  block_ = Block::kNone;
  replied();
  if (!list) return;
  noteList(std::exchange(offersTls_, false));
  if (secure()) settle();
}

void NntpDialog::backendLine(std::string_view line) {
  if (!hasReplyCode(line, false)) return badReply(line);
  if (greeted_) {
    if (line.starts_with("382")) return startTls();
    return refuse("the backend refuses STARTTLS", line);
  }
  if (!isNntpWelcome(line)) return refuse("the backend refuses the connection", line);
  greeted_ = true;
  keepGreeting(line);
  send("STARTTLS");
}

void NntpDialog::secured() {
  replayGreeting();
  LineDialog::secured();
}

/// The list has to be recognized, so nothing is in flight beside CAPABILITIES.
bool NntpDialog::lateCommand(std::string_view line) {
  const auto [verb, rest] = splitWord(line);
  if (isWord(verb, {"CAPABILITIES", "STARTTLS"})) {
    if (busy()) return false;
    if (isWord(verb, {"CAPABILITIES"})) {
      pass(line, Ask::kCapability);
    } else {
      say("502 TLS is active already");  // RFC 4642 2.2.1
    }
    return true;
  }
  pass(line);
  if (!isWord(verb, {"DATE"}) && !(isWord(verb, {"MODE"}) && isWord(rest, {"READER"}))) settle();
  return true;
}

std::unique_ptr<Dialog> makeNntpServer() {
  return std::make_unique<NntpDialog>(LineDialog::Role::kServer);
}
std::unique_ptr<Dialog> makeNntpClient() {
  return std::make_unique<NntpDialog>(LineDialog::Role::kClient);
}

}  // namespace culvert
