// SPDX-License-Identifier: GPL-3.0-or-later
// See sieve_dialog.h. The server's greeting is its list of capabilities. culvert keeps the list of
// the backend: it answers CAPABILITY from it before TLS, and sends it behind TLS, where the server
// has to send its list without being asked (RFC 5804 2.2). A line may contain literals.
#include "starttls/sieve_dialog.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "starttls/line_dialog.h"
#include "starttls/line_words.h"

namespace culvert {
namespace {

/// The longest list of a backend. culvert keeps it, and sends it for each CAPABILITY.
constexpr size_t kLongestSieveList = 4096;

/// Reads a literal "{n}" or "{n+}" at the beginning of `rest`, and takes it away. LineReader has
/// checked that the bytes of a literal are there.
std::optional<std::string> takeSieveLiteral(std::string_view& rest) {
  const size_t close = rest.find('}');
  if (close == std::string_view::npos || !rest.substr(close).starts_with("}\r\n")) return {};
  std::string_view digits = rest.substr(1, close - 1);
  if (digits.ends_with('+')) digits.remove_suffix(1);
  if (digits.empty() || digits.size() > 5) return {};
  size_t length = 0;
  for (const char c : digits) {
    if (!isDigit(c)) return {};
    length = length * 10 + static_cast<size_t>(c - '0');
  }
  rest.remove_prefix(close + 3);
  if (length > rest.size()) return {};
  std::string value(rest.substr(0, length));
  rest.remove_prefix(length);
  return value;
}

/// Reads a string, quoted or literal (RFC 5804 4), at the beginning of `rest`, and takes it away.
std::optional<std::string> takeSieveString(std::string_view& rest) {
  if (rest.starts_with('{')) return takeSieveLiteral(rest);
  if (!rest.starts_with('"')) return {};
  std::string value;
  for (size_t at = 1; at < rest.size(); ++at) {
    if (rest[at] == '"') {
      rest.remove_prefix(at + 1);
      return value;
    }
    if (rest[at] == '\\' && ++at == rest.size()) break;
    value += rest[at];
  }
  return {};
}

/// Returns the name of a capability in lower case, or nothing if the line is malformed. A line has
/// a name and may have a value.
std::optional<std::string> sieveCapability(std::string_view line) {
  const auto skipBlanks = [&line] {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  };
  const std::optional<std::string> name = takeSieveString(line);
  if (!name || (!line.empty() && !line.starts_with(' '))) return {};
  skipBlanks();
  if (!line.empty() && !takeSieveString(line)) return {};
  skipBlanks();
  if (!line.empty()) return {};
  return lower(*name);
}

bool isSieveReply(std::string_view line, std::initializer_list<std::string_view> words) {
  return isWord(splitWord(line).word, words);
}

}  // namespace

class SieveDialog final : public LineDialog {
 public:
  explicit SieveDialog(Role role)
      : LineDialog(role, "STARTTLS",
                   {LineReader::Literals::kSieveClient, LineReader::Literals::kSieveServer}) {}

 protected:
  void command(std::string_view line) override;
  void reply(std::string_view line) override;
  bool mayComeUnasked(std::string_view line) const override { return isSieveReply(line, {"BYE"}); }
  void backendLine(std::string_view line) override;
  void secured() override;
  bool lateCommand(std::string_view line) override;
  std::string goodbye(std::string_view text) const override {
    return fmt::format("BYE \"{}\"", text);
  }

 private:
  void listLine(std::string_view line);
  bool countBytes(std::string_view line);
  void greetingLine(std::string_view line);
  void sayList();

  bool starting_ = false;   // as client: STARTTLS has been sent
  bool offersTls_ = false;  // the backend's greeting lists STARTTLS
  size_t listBytes_ = 0;
  std::vector<std::string> list_;  // as server: the backend's list without STARTTLS
  std::string listEnd_;            // as server: its OK
};

void SieveDialog::command(std::string_view line) {
  const auto [verb, rest] = splitWord(line);
  if (isWord(verb, {"STARTTLS", "CAPABILITY", "LOGOUT"}) && !rest.empty())
    return say("NO \"This command has no arguments\"");
  if (isWord(verb, {"STARTTLS"})) return startTls("OK \"Begin TLS negotiation now\"");
  if (isWord(verb, {"CAPABILITY"})) return sayList();
  if (isWord(verb, {"LOGOUT"})) return pass(line, Ask::kQuit);
  if (!isWord(verb, {"NOOP"}))
    return say("NO (ENCRYPT-NEEDED) \"Must issue a STARTTLS command first\"");
  std::string_view argument = rest;
  if (!argument.empty() && (!takeSieveString(argument) || !argument.empty()))
    return say("NO \"NOOP has at most one argument, a string\"");
  pass(line);
}

/// The backend's list as culvert offers it before TLS. RFC 5804 1.7: an empty SASL says that the
/// client cannot log in before TLS.
void SieveDialog::sayList() {
  for (const std::string& line : list_)
    if (sieveCapability(line) != "sasl") say(line);
  say("\"SASL\" \"\"");
  say("\"STARTTLS\"");
  say(listEnd_);
}

/// Reads a line of the backend's first list.
void SieveDialog::listLine(std::string_view line) {
  const std::optional<std::string> name = sieveCapability(line);
  if (!name) return badReply(line);
  if (!countBytes(line)) return;
  if (*name == "starttls") {
    offersTls_ = true;
  } else if (needsFar()) {
    list_.emplace_back(line);
  }
}

bool SieveDialog::countBytes(std::string_view line) {
  listBytes_ += line.size() + 2;
  if (listBytes_ <= kLongestSieveList) return true;
  fail(DialogFault::kTooLong,
       fmt::format("the backend sent a list of more than {} bytes", kLongestSieveList));
  return false;
}

void SieveDialog::greetingLine(std::string_view line) {
  if (isSieveReply(line, {"NO", "BYE"})) {
    say(line);
    end();
  } else if (isSieveReply(line, {"OK"})) {
    if (!countBytes(line)) return;
    listEnd_ = line;
    noteList(offersTls_);
    sayList();
    replied();
  } else {
    listLine(line);
  }
}

void SieveDialog::reply(std::string_view line) {
  if (waiting() && ask() == Ask::kGreeting) return greetingLine(line);
  const bool bye = isSieveReply(line, {"BYE"});
  if (bye || isSieveReply(line, {"OK", "NO"})) {
    say(line);
    replied();
    if (bye) end();
    return;
  }
  if (!secure() || ask() != Ask::kCapability) return badReply(line);
  if (sieveCapability(line) != "starttls") say(line);
}

void SieveDialog::backendLine(std::string_view line) {
  const bool ok = isSieveReply(line, {"OK"});
  const bool no = isSieveReply(line, {"NO", "BYE"});
  if (starting_) {
    if (ok) return startTls();
    return no ? refuse("the backend refuses STARTTLS", line) : badReply(line);
  }
  if (no) return refuse("the backend refuses the connection", line);
  if (!ok) return listLine(line);
  if (!offersTls_) return fail(DialogFault::kRefused, "the backend does not offer STARTTLS");
  starting_ = true;
  send("STARTTLS");
}

void SieveDialog::secured() {
  if (!needsFar()) return settle();  // The backend sends its list again.
  for (const std::string& line : std::exchange(list_, {})) say(line);
  say(listEnd_);
  LineDialog::secured();
}

/// The list has to be recognized, so nothing is in flight beside CAPABILITY.
bool SieveDialog::lateCommand(std::string_view line) {
  const std::string_view verb = splitWord(line).word;
  if (isWord(verb, {"CAPABILITY", "STARTTLS"})) {
    if (busy()) return false;
    if (isWord(verb, {"CAPABILITY"})) {
      pass(line, Ask::kCapability);
    } else {
      say("NO \"TLS is active already\"");
    }
    return true;
  }
  pass(line);
  if (!isWord(verb, {"NOOP", "LOGOUT"})) settle();
  return true;
}

std::unique_ptr<Dialog> makeSieveServer() {
  return std::make_unique<SieveDialog>(LineDialog::Role::kServer);
}
std::unique_ptr<Dialog> makeSieveClient() {
  return std::make_unique<SieveDialog>(LineDialog::Role::kClient);
}

}  // namespace culvert
