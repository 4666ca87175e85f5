// SPDX-License-Identifier: GPL-3.0-or-later
// See smtp_dialog.h. Before TLS, the client's EHLO is answered by the backend; culvert adds STARTTLS
// to the reply and takes out what is only of use behind TLS. A bare LF is an error everywhere,
// because one host may take it for the end of a command and the next one not (SMTP smuggling).
#include "starttls/smtp_dialog.h"

#include <utility>

#include "starttls/line_dialog.h"
#include "starttls/line_words.h"

namespace culvert {
class SmtpDialog final : public LineDialog {
 public:
  SmtpDialog(Role role, bool lmtp, std::string hostName)
      : LineDialog(role, "STARTTLS", {}),
        hello_(lmtp ? "LHLO" : "EHLO"),
        lmtp_(lmtp),
        hostName_(std::move(hostName)) {}

 protected:
  void command(std::string_view line) override;
  void reply(std::string_view line) override;
  bool mayComeUnasked(std::string_view line) const override { return line.starts_with("421"); }
  void backendLine(std::string_view line) override;
  void secured() override;
  bool lateCommand(std::string_view line) override;
  std::string goodbye(std::string_view text) const override {
    return std::string("421 4.7.0 ").append(text);
  }

 private:
  enum class Stage : uint8_t { kGreeting, kHello, kStartTls };

  bool readCode(std::string_view line, bool& last);
  void extensionLine(std::string_view line, bool last);
  bool keeps(std::string_view extension);
  void startIfOffered();

  const std::string_view hello_;
  const bool lmtp_;
  const std::string hostName_;
  Stage stage_ = Stage::kGreeting;  // as client
  bool welcome_ = false;            // the backend greeted with 220
  bool offersTls_ = false;          // in the list that is being read
  std::string code_;                // of the reply that is being read; empty before its first line
  std::string
      held_;  // a line of the EHLO reply; it is sent when it is known whether it is the last
};

void SmtpDialog::command(std::string_view line) {
  const auto [verb, rest] = splitWord(line);
  if (isWord(verb, {hello_})) return pass(line, Ask::kCapability);
  if (isWord(verb, {"STARTTLS"})) {
    if (!rest.empty()) return say("501 5.5.4 Syntax error (no parameters allowed)");
    if (!welcome_) return say("454 4.7.0 TLS not available");
    return startTls("220 2.0.0 Ready to start TLS");
  }
  if (isWord(verb, {"QUIT"})) return pass(line, Ask::kQuit);
  // RFC 2033 4.1: LMTP has no HELO.
  if (isWord(verb, {"NOOP", "RSET"}) || (!lmtp_ && isWord(verb, {"HELO"}))) return pass(line);
  say("530 5.7.0 Must issue a STARTTLS command first");  // RFC 3207 section 4
}

/// Reads the reply code. Returns false if the line is malformed. All lines of a reply have the same
/// code (RFC 5321 4.2.1).
bool SmtpDialog::readCode(std::string_view line, bool& last) {
  if (!hasReplyCode(line, true) || (!code_.empty() && !line.starts_with(code_))) {
    badReply(line);
    return false;
  }
  last = line.size() == 3 || line[3] == ' ';
  code_ = line.substr(0, 3);
  return true;
}

void SmtpDialog::reply(std::string_view line) {
  bool last = false;
  if (!readCode(line, last)) return;
  const bool list = ask() == Ask::kCapability && waiting() && code_ == "250";
  if (list) {
    extensionLine(line, last);
  } else {
    say(line);
  }
  if (!last) return;
  if (ask() == Ask::kGreeting) welcome_ = code_ == "220";
  code_.clear();
  replied();
  if (!list) return;
  noteList(std::exchange(offersTls_, false));
  if (secure()) settle();
}

/// Passes a line of the reply to EHLO with the separator that fits: after the removed and before
/// the added lines, another line may be the last one.
void SmtpDialog::extensionLine(std::string_view line, bool last) {
  const auto sayHeld = [this](char separator) {
    if (held_.size() == 3) held_ += ' ';
    held_[3] = separator;
    say(held_);
  };
  const std::string_view extension = line.size() > 4 ? line.substr(4) : std::string_view();
  const bool first = held_.empty();
  if (first || keeps(extension)) {
    if (!first) sayHeld('-');
    held_ = line;
  }
  if (!last) return;
  sayHeld(secure() ? ' ' : '-');
  if (!secure()) say("250 STARTTLS");
  held_ = {};
}

bool SmtpDialog::keeps(std::string_view extension) {
  const std::string keyword = lower(splitWord(extension).word);
  if (keyword == "starttls") {
    offersTls_ = true;
    return false;
  }
  // "AUTH=LOGIN" is the form before RFC 2554, which some servers still send as well.
  return secure() || (keyword != "auth" && !keyword.starts_with("auth="));
}

void SmtpDialog::backendLine(std::string_view line) {
  bool last = false;
  if (!readCode(line, last)) return;
  switch (stage_) {
    case Stage::kGreeting:
      if (code_ != "220") return refuse("the backend refuses the connection", line);
      keepGreeting(line);
      break;
    case Stage::kHello:
      if (code_ != "250") return refuse("the backend refuses the greeting of culvert", line);
      if (!firstLine() && line.size() > 4) keeps(line.substr(4));
      break;
    case Stage::kStartTls:
      if (code_ != "220") return refuse("the backend refuses STARTTLS", line);
      break;
  }
  if (!last) return;
  code_.clear();
  if (stage_ == Stage::kGreeting) {
    send(std::string(hello_) + " " + hostName_);
    stage_ = Stage::kHello;
  } else if (stage_ == Stage::kHello) {
    startIfOffered();
  } else {
    startTls();
  }
}

void SmtpDialog::startIfOffered() {
  if (!std::exchange(offersTls_, false))
    return fail(DialogFault::kRefused, "the backend does not offer STARTTLS");
  send("STARTTLS");
  stage_ = Stage::kStartTls;
}

void SmtpDialog::secured() {
  replayGreeting();
  LineDialog::secured();
}

/// The reply to EHLO has to be recognized, so nothing is in flight beside EHLO. RFC 2920 3.1: EHLO
/// is the last command of a group, so a client waits for its reply anyway.
bool SmtpDialog::lateCommand(std::string_view line) {
  const std::string_view verb = splitWord(line).word;
  if (isWord(verb, {hello_})) {
    if (busy()) return false;
    pass(line, Ask::kCapability);
    return true;
  }
  if (isWord(verb, {"STARTTLS"})) {
    if (busy()) return false;
    say("503 5.5.1 TLS is active already");
    return true;
  }
  pass(line);
  if (!isWord(verb, {"NOOP", "RSET", "HELO"})) settle();
  return true;
}

std::unique_ptr<Dialog> makeSmtpServer() {
  return std::make_unique<SmtpDialog>(LineDialog::Role::kServer, false, std::string());
}
std::unique_ptr<Dialog> makeLmtpServer() {
  return std::make_unique<SmtpDialog>(LineDialog::Role::kServer, true, std::string());
}
std::unique_ptr<Dialog> makeSmtpClient(const std::string& hostName) {
  return std::make_unique<SmtpDialog>(LineDialog::Role::kClient, false, hostName);
}
std::unique_ptr<Dialog> makeLmtpClient(const std::string& hostName) {
  return std::make_unique<SmtpDialog>(LineDialog::Role::kClient, true, hostName);
}

}  // namespace culvert
