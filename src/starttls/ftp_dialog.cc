// SPDX-License-Identifier: GPL-3.0-or-later
// See ftp_dialog.h. Behind TLS, culvert answers PBSZ and PROT itself, because the backend knows
// nothing of TLS: data connections stay in the clear. It refuses CCC and REIN, which end TLS.
#include "starttls/ftp_dialog.h"

#include <algorithm>
#include <string>

#include "starttls/line_dialog.h"
#include "starttls/line_words.h"

namespace culvert {
namespace {

constexpr char kTelnetIac = '\xff';

/// Returns the line without the Telnet commands in front, which some clients send before ABOR
/// (RFC 959 4.1.3).
std::string_view withoutTelnet(std::string_view line) {
  while (line.size() >= 2 && line[0] == kTelnetIac) {
    const auto command = static_cast<unsigned char>(line[1]);
    const size_t size = command >= 251 && command <= 254 ? 3 : 2;  // WILL, WONT, DO, DONT
    line.remove_prefix(std::min(size, line.size()));
  }
  return line;
}

/// Returns true for the commands that prepare or use a data connection.
bool isFtpDataCommand(std::string_view verb) {
  return isWord(verb, {"PASV", "EPSV", "LPSV", "SPSV", "PORT", "EPRT", "LPRT", "RETR", "STOR",
                       "STOU", "APPE", "LIST", "NLST", "MLSD"});
}

}  // namespace

class FtpDialog final : public LineDialog {
 public:
  explicit FtpDialog(Role role) : LineDialog(role, "AUTH TLS", {}) {}

 protected:
  void command(std::string_view line) override;
  void reply(std::string_view line) override;
  bool mayComeUnasked(std::string_view line) const override { return line.starts_with("421"); }
  void backendLine(std::string_view line) override;
  void secured() override;
  bool lateCommand(std::string_view line) override;
  std::string goodbye(std::string_view text) const override {
    return std::string("421 ").append(text);
  }

 private:
  bool readCode(std::string_view line, bool& first, bool& last);
  void featureLine(std::string_view line, bool first, bool last);
  void authCommand(std::string_view mechanism);
  void protectionCommand(std::string_view verb, std::string_view argument);
  std::string_view protReply(std::string_view level);

  std::string code_;           // of the reply that is being read; empty between replies
  bool greeted_ = false;       // as client
  bool sizeDone_ = false;      // PBSZ was answered
  bool protDone_ = false;      // PROT was answered
  unsigned lateCommands_ = 0;  // behind TLS
};

void FtpDialog::command(std::string_view line) {
  const std::string_view plain = withoutTelnet(line);
  const auto [verb, rest] = splitWord(plain);
  if (isWord(verb, {"AUTH"})) return authCommand(rest);
  if (isWord(verb, {"PBSZ", "PROT"})) return say("503 Must issue AUTH TLS first");
  if (isWord(verb, {"CCC"})) return say("533 Command protection is required");
  if (!isWord(verb, {"FEAT", "SYST", "NOOP", "QUIT", "HELP"}))
    return say("530 Must issue AUTH TLS first");
  // A Telnet command may hide the end of the line.
  if (plain.find(kTelnetIac) != std::string_view::npos)
    return say("501 Telnet commands are not allowed in this command");
  const Ask ask = isWord(verb, {"FEAT"})   ? Ask::kCapability
                  : isWord(verb, {"QUIT"}) ? Ask::kQuit
                                           : Ask::kOther;
  pass(line, ask);
}

void FtpDialog::authCommand(std::string_view mechanism) {
  if (mechanism.empty()) return say("501 AUTH needs a mechanism");
  if (!isWord(mechanism, {"TLS", "TLS-C", "SSL"})) return say("504 Unknown mechanism");
  startTls("234 Ready to start TLS");
}

/// Finds the first and the last line of a reply (RFC 959 4.2). Returns false if the line is
/// malformed.
bool FtpDialog::readCode(std::string_view line, bool& first, bool& last) {
  first = code_.empty();
  if (first && !hasReplyCode(line, true)) {
    badReply(line);
    return false;
  }
  if (first) code_ = line.substr(0, 3);
  last = line.starts_with(code_) && (line.size() == 3 || line[3] == ' ');
  return true;
}

void FtpDialog::reply(std::string_view line) {
  bool first = false;
  bool last = false;
  if (!readCode(line, first, last)) return;
  if (waiting() && ask() == Ask::kCapability && code_ == "211") {
    featureLine(line, first, last);
  } else {
    say(line);
  }
  if (!last) return;
  const bool isPreliminary = code_[0] == '1';
  if (ask() == Ask::kGreeting && !isPreliminary && code_ != "220") end();
  code_.clear();
  if (isPreliminary) return preliminary();  // The final reply follows.
  replied();
}

/// Passes a line of the reply to FEAT (RFC 2389 3.2) and adds what culvert does.
void FtpDialog::featureLine(std::string_view line, bool first, bool last) {
  if (first && last) say("211-Features:");
  if (!last) {
    std::string_view feature = line;
    if (feature.starts_with("211-")) feature.remove_prefix(4);
    feature.remove_prefix(std::min(feature.find_first_not_of(' '), feature.size()));
    if (first || !isWord(splitWord(feature).word, {"AUTH", "PBSZ", "PROT", "CCC"})) say(line);
    return;
  }
  say(" AUTH TLS");
  say(" PBSZ");
  say(" PROT");
  say(first ? "211 End" : line);
}

void FtpDialog::backendLine(std::string_view line) {
  bool first = false;
  bool last = false;
  if (!readCode(line, first, last)) return;
  if (greeted_) {
    if (code_ != "234") return refuse("the backend refuses AUTH TLS", line);
    if (last) startTls();
    return;
  }
  if (code_ == "220") {
    keepGreeting(line);
  } else if (code_ != "120") {
    return refuse("the backend refuses the connection", line);
  }
  if (!last) return;
  greeted_ = code_ == "220";
  code_.clear();
  if (greeted_) send("AUTH TLS");
}

void FtpDialog::secured() {
  replayGreeting();
  if (!needsFar()) settle();
}

bool FtpDialog::lateCommand(std::string_view line) {
  const auto [verb, rest] = splitWord(withoutTelnet(line));
  const bool hidden = verb.find(kTelnetIac) != std::string_view::npos;  // perhaps a CCC
  const bool own = hidden || isWord(verb, {"PBSZ", "PROT", "CCC", "AUTH", "REIN"});
  const bool features = isWord(verb, {"FEAT"});
  if ((own || features) && busy()) return false;
  if (own) {
    protectionCommand(verb, rest);
  } else {
    pass(line, features ? Ask::kCapability : Ask::kOther);
  }
  const bool ready = protDone_ && isFtpDataCommand(verb);
  if (++lateCommands_ >= kMostCommands && !features) settle();
  if (ready) settle();
  return true;
}

/// Answers a command that the backend must not get.
void FtpDialog::protectionCommand(std::string_view verb, std::string_view argument) {
  if (verb.find(kTelnetIac) != std::string_view::npos) {
    say("500 Telnet commands are not allowed within a command");
  } else if (isWord(verb, {"PROT"})) {
    say(protReply(argument));
  } else if (isWord(verb, {"CCC"})) {
    say("533 Command protection is required");
  } else if (isWord(verb, {"AUTH"})) {
    say("503 TLS is active already");
  } else if (isWord(verb, {"REIN"})) {
    say("502 REIN is not available");  // RFC 4217 11: it would end TLS
  } else if (argument.empty() || !std::all_of(argument.begin(), argument.end(), isDigit)) {
    say("501 PBSZ needs a number");
  } else {
    say("200 PBSZ=0");
    sizeDone_ = true;
  }
}

std::string_view FtpDialog::protReply(std::string_view level) {
  if (!sizeDone_) return "503 Must issue PBSZ first";  // RFC 2228 section 3
  if (isWord(level, {"C"})) {
    protDone_ = true;
    return "200 Data connections are in the clear";
  }
  if (!isWord(level, {"P", "S", "E"})) return "504 Unknown protection level";
  protDone_ = true;
  return "536 Data connections can only be in the clear";
}

std::unique_ptr<Dialog> makeFtpServer() {
  return std::make_unique<FtpDialog>(LineDialog::Role::kServer);
}
std::unique_ptr<Dialog> makeFtpClient() {
  return std::make_unique<FtpDialog>(LineDialog::Role::kClient);
}

}  // namespace culvert
