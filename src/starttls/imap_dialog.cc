// SPDX-License-Identifier: GPL-3.0-or-later
// See imap_dialog.h. A list of capabilities comes in an untagged CAPABILITY reply, or as a code in a
// status response, for example in the greeting. Before TLS, culvert adds STARTTLS and LOGINDISABLED
// to each list and takes out the ways to log in.
#include "starttls/imap_dialog.h"

#include <algorithm>

#include "starttls/line_dialog.h"
#include "starttls/line_words.h"

namespace culvert {
namespace {

/// A list of capabilities within a line.
struct ImapList {
  bool found = false;
  std::string_view before{};  ///< up to the list; without the code's bracket
  std::string_view names{};
  std::string_view after{};  ///< behind the list and the code's bracket
  bool isCode = false;
};

ImapList findImapList(std::string_view line) {
  constexpr std::string_view kName = "CAPABILITY";
  const size_t kind = line.find(' ') + 1;
  if (kind == 0) return {};
  const WordAndRest reply = splitWord(line.substr(kind));
  if (line.starts_with("* ") && isWord(reply.word, {kName}))
    return {true, line.substr(0, kind), reply.rest, {}, false};
  if (!isWord(reply.word, {"OK", "NO", "BAD"})) return {};
  const size_t open = line.find_first_not_of(' ', kind + reply.word.size());
  if (open == std::string_view::npos || line[open] != '[') return {};
  const size_t close = line.find(']', open);
  if (close == std::string_view::npos) return {};
  const WordAndRest code = splitWord(line.substr(open + 1, close - open - 1));
  if (!isWord(code.word, {kName})) return {};
  return {true, line.substr(0, open), code.rest, line.substr(close + 1), true};
}

/// Calls `use` with each name of the list.
template <class Use>
void eachImapName(std::string_view names, Use use) {
  while (!names.empty()) {
    const auto [name, rest] = splitWord(names);
    use(name);
    names = rest;
  }
}

bool listsImapStartTls(const ImapList& list) {
  bool found = false;
  eachImapName(list.names, [&](std::string_view name) { found |= isWord(name, {"STARTTLS"}); });
  return found;
}

/// Returns true if the plain list must not contain this name. Literals are not accepted before TLS.
bool needsTlsInImap(std::string_view name) {
  return lower(name.substr(0, 5)) == "auth=" ||
         isWord(name, {"SASL-IR", "LOGINDISABLED", "LITERAL+", "LITERAL-"});
}

std::string editedImapLine(std::string_view line, const ImapList& list, bool secure) {
  if (!list.found) return std::string(line);
  std::string out(list.before);
  out += list.isCode ? "[CAPABILITY" : "CAPABILITY";
  eachImapName(list.names, [&](std::string_view name) {
    if (!isWord(name, {"STARTTLS"}) && (secure || !needsTlsInImap(name))) (out += ' ') += name;
  });
  if (!secure) out += " STARTTLS LOGINDISABLED";
  if (list.isCode) (out += ']') += list.after;
  return out;
}

/// RFC 9051 9: a tag is of the characters of an astring, except "+".
bool isImapTag(std::string_view tag) {
  return !tag.empty() && std::all_of(tag.begin(), tag.end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("(){%*\"\\+").find(c) == std::string_view::npos;
  });
}

}  // namespace

class ImapDialog final : public LineDialog {
 public:
  explicit ImapDialog(Role role)
      : LineDialog(role, "STARTTLS", {.server = LineReader::Literals::kImapServer}) {}

 protected:
  void command(std::string_view line) override;
  void reply(std::string_view line) override;
  bool mayComeUnasked(std::string_view line) const override { return line.starts_with("* "); }
  void backendLine(std::string_view line) override;
  void secured() override;
  bool lateCommand(std::string_view line) override;
  std::string goodbye(std::string_view text) const override {
    return std::string("* BYE ").append(text);
  }

 private:
  enum class Stage : uint8_t { kGreeting, kCapability, kStartTls };

  void serverGreeting(std::string_view line);
  void clientGreeting(std::string_view line);
  void taggedLine(std::string_view line);
  void startIfOffered();
  void answer(std::string_view tag, std::string_view text) {
    say(std::string(tag).append(" ").append(text));
  }

  Stage stage_ = Stage::kGreeting;  // as client
  bool offersTls_ = false;          // as client: a list contained STARTTLS
  bool listPassed_ = false;         // behind TLS
  std::string tag_;                 // of the command that has been passed on, before TLS
};

void ImapDialog::command(std::string_view line) {
  const auto [tag, rest] = splitWord(line);
  const auto [verb, arguments] = splitWord(rest);
  if (!isImapTag(tag)) return say("* BAD Invalid tag");
  if (line.ends_with('}')) {
    answer(tag, "BAD Literals are not allowed before TLS");
    // RFC 7888: the client sends the literal "{n+}" without waiting. Its bytes are not commands.
    if (line.ends_with("+}")) fail(DialogFault::kSyntax, "the client sent a literal before TLS");
    return;
  }
  if (isWord(verb, {"STARTTLS", "CAPABILITY", "NOOP", "LOGOUT"}) && !arguments.empty())
    return answer(tag, "BAD This command has no arguments");
  if (isWord(verb, {"STARTTLS"}))
    return startTls(std::string(tag).append(" OK Begin TLS negotiation now"));
  if (!isWord(verb, {"CAPABILITY", "NOOP", "LOGOUT", "ID"}))
    return answer(tag, "NO [PRIVACYREQUIRED] Must issue a STARTTLS command first");  // RFC 5530
  tag_ = tag;
  pass(line, isWord(verb, {"LOGOUT"}) ? Ask::kQuit : Ask::kOther);
}

void ImapDialog::reply(std::string_view line) {
  if (waiting() && ask() == Ask::kGreeting) return serverGreeting(line);
  const bool untagged = line.starts_with("* ");
  if (line.starts_with('+') && secure()) return say(line);
  if (!untagged && !secure() && splitWord(line).word != tag_) return badReply(line);
  const ImapList list = findImapList(line);
  if (list.found) noteList(listsImapStartTls(list));
  say(editedImapLine(line, list, secure()));
  if (!untagged || !waiting()) replied();
  listPassed_ = listPassed_ || (secure() && list.found);
  if (listPassed_ && !waiting()) settle();
}

void ImapDialog::serverGreeting(std::string_view line) {
  const WordAndRest words = splitWord(line);
  const std::string_view kind = splitWord(words.rest).word;
  if (words.word != "*" || !isWord(kind, {"OK", "PREAUTH", "BYE"})) return badReply(line);
  // The client would be logged in before TLS.
  if (isWord(kind, {"PREAUTH"})) return refuse("the backend greets with PREAUTH", line);
  const ImapList list = findImapList(line);
  if (list.found) noteList(listsImapStartTls(list));
  say(editedImapLine(line, list, false));
  if (isWord(kind, {"BYE"})) end();
  replied();
}

void ImapDialog::backendLine(std::string_view line) {
  if (stage_ == Stage::kGreeting) return clientGreeting(line);
  if (!line.starts_with("* ")) return taggedLine(line);
  if (isWord(splitWord(line.substr(2)).word, {"BYE"}))
    return refuse("the backend closes the connection", line);
  const ImapList list = findImapList(line);
  if (stage_ == Stage::kCapability && list.found && listsImapStartTls(list)) offersTls_ = true;
}

void ImapDialog::clientGreeting(std::string_view line) {
  const WordAndRest words = splitWord(line);
  const std::string_view kind = splitWord(words.rest).word;
  if (words.word == "*" && isWord(kind, {"BYE"}))
    return refuse("the backend refuses the connection", line);
  // RFC 9051 6.2.1: STARTTLS is not possible in the authenticated state.
  if (words.word == "*" && isWord(kind, {"PREAUTH"}))
    return refuse("the backend greets with PREAUTH", line);
  if (words.word != "*" || !isWord(kind, {"OK"})) return badReply(line);
  const ImapList list = findImapList(line);
  if (!list.found) {
    keepGreeting(line);
    send("C0 CAPABILITY");
    stage_ = Stage::kCapability;
    return;
  }
  // RFC 9051 6.2.1: the list from before TLS is not valid behind TLS.
  const bool hasText = list.after.find_first_not_of(' ') != std::string_view::npos;
  keepGreeting(std::string("* OK").append(hasText ? list.after : " ready"));
  offersTls_ = listsImapStartTls(list);
  startIfOffered();
}

void ImapDialog::taggedLine(std::string_view line) {
  const WordAndRest words = splitWord(line);
  const bool ok = isWord(splitWord(words.rest).word, {"OK"});
  if (words.word != (stage_ == Stage::kCapability ? "C0" : "C1")) return badReply(line);
  if (stage_ == Stage::kStartTls)
    return ok ? startTls() : refuse("the backend refuses STARTTLS", line);
  if (!ok) return refuse("the backend refuses CAPABILITY", line);
  startIfOffered();
}

void ImapDialog::startIfOffered() {
  if (!offersTls_) return fail(DialogFault::kRefused, "the backend does not offer STARTTLS");
  send("C1 STARTTLS");
  stage_ = Stage::kStartTls;
}

void ImapDialog::secured() {
  replayGreeting();
  // As client: the greeting has no list, so the application asks the backend for one behind TLS.
  if (!needsFar()) return settle();
  LineDialog::secured();
}

/// A list may come with any reply, so the dialog does not settle while one is outstanding.
bool ImapDialog::lateCommand(std::string_view line) {
  const auto [tag, rest] = splitWord(line);
  const std::string_view verb = splitWord(rest).word;
  if (isWord(verb, {"CAPABILITY", "NOOP", "LOGOUT", "ID"}) && !line.ends_with('}')) {
    pass(line);
    return true;
  }
  if (busy()) return false;
  if (isWord(verb, {"STARTTLS"})) {
    answer(tag, "BAD TLS is active already");
    return true;
  }
  pass(line);
  settle();
  return true;
}

std::unique_ptr<Dialog> makeImapServer() {
  return std::make_unique<ImapDialog>(LineDialog::Role::kServer);
}
std::unique_ptr<Dialog> makeImapClient() {
  return std::make_unique<ImapDialog>(LineDialog::Role::kClient);
}

}  // namespace culvert
