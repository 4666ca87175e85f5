// SPDX-License-Identifier: GPL-3.0-or-later
// See line_dialog.h.
#include "starttls/line_dialog.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "base/words.h"

namespace culvert {
namespace {

constexpr size_t kQuotedBytes = 200;      // how much of a line a message quotes
constexpr char kTlsHandshakeByte = 0x16;  // the first byte of a TLS record with a ClientHello

std::string_view farewellText(DialogFault fault) {
  switch (fault) {
    case DialogFault::kTooLong:
      return "Line too long";
    case DialogFault::kTooMany:
      return "Too many commands without TLS";
    case DialogFault::kSyntax:
      return "Syntax error";
    default:
      return "TLS is not possible";
  }
}

}  // namespace

LineDialog::LineDialog(Role role, std::string_view command, Literals literals)
    : role_(role),
      command_(command),
      clientLines_(literals.client),
      serverLines_(literals.server) {}

std::string& LineDialog::to(Host host) {
  return (host == Host::kClient) == (role_ == Role::kServer) ? out_->toPeer : out_->toFar;
}

DialogStep LineDialog::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  if (phase_ == Phase::kHandshake && !bytes.empty()) {
    out_ = &out;
    fail(DialogFault::kEarlyData, "bytes arrived before TLS began");
    return finish(0);
  }
  return take(role_ == Role::kServer ? Host::kClient : Host::kServer, bytes, out);
}

DialogStep LineDialog::fromFar(std::span<const uint8_t> bytes, DialogOutput& out) {
  return take(role_ == Role::kServer ? Host::kServer : Host::kClient, bytes, out);
}

DialogStep LineDialog::onSecure(DialogOutput& out) {
  out_ = &out;
  phase_ = Phase::kSettling;
  if (role_ == Role::kClient) outstanding_ = 0;
  ask_ = Ask::kOther;
  replyLines_ = 0;
  secured();
  return finish(0);
}

/// Returns true if the dialog can use bytes of this host now.
bool LineDialog::reads(Host from) const {
  if (phase_ == Phase::kOpening) {
    if (from == Host::kServer) return true;
    return role_ == Role::kServer && !busy();
  }
  if (phase_ != Phase::kSettling) return false;
  return from == Host::kServer || outstanding_ == 0 || ask_ == Ask::kOther;
}

DialogStep LineDialog::take(Host from, std::span<const uint8_t> bytes, DialogOutput& out) {
  out_ = &out;
  const std::string_view text = asText(bytes);
  size_t used = 0;
  while (step_.next == DialogStep::Next::kMore && used < text.size() && reads(from)) {
    const size_t said = out.toPeer.size();
    if (!readLine(from, text.substr(used), used)) break;
    if (step_.next == DialogStep::Next::kStartTls && used < text.size()) {
      out.toPeer.resize(said);  // Nobody gets the "go ahead".
      fail(DialogFault::kEarlyData,
           fmt::format("{} bytes arrived behind {} and before TLS", text.size() - used, command_));
    }
  }
  return finish(used);
}

/// Handles one line. Returns false if the line is not whole or has to wait.
bool LineDialog::readLine(Host from, std::string_view bytes, size_t& used) {
  const std::string_view who =
      from == Host::kClient ? std::string_view("client") : std::string_view("backend");
  if (from == Host::kClient && phase_ == Phase::kOpening && bytes.front() == kTlsHandshakeByte) {
    fail(DialogFault::kSyntax, fmt::format("the client began TLS without {}", command_));
    return false;
  }
  LineReader& reader = from == Host::kClient ? clientLines_ : serverLines_;
  const LineReader::Line line = reader.next(bytes);
  switch (line.state) {
    case LineReader::State::kMore:
      return false;
    case LineReader::State::kBad:
      fail(DialogFault::kSyntax,
           fmt::format("the {} sent a line that does not end with CR LF, or with a forbidden byte",
                       who));
      return false;
    case LineReader::State::kTooLong:
      fail(DialogFault::kTooLong,
           fmt::format("the {} sent a line of more than {} bytes", who, kLongestLine));
      return false;
    case LineReader::State::kWhole:
      break;
  }
  if (!handle(from, line.text)) return false;
  used += line.size;
  return true;
}

bool LineDialog::handle(Host from, std::string_view line) {
  if (from == Host::kServer) {
    handleReply(line);
    return true;
  }
  if (phase_ == Phase::kSettling) return lateCommand(line);
  if (++commands_ > kMostCommands) {
    fail(DialogFault::kTooMany,
         fmt::format("the client sent more than {} commands without TLS", kMostCommands));
  } else {
    command(line);
  }
  return true;
}

void LineDialog::handleReply(std::string_view line) {
  ++replyLines_;
  if (phase_ == Phase::kSettling) return reply(line);
  if (replyLines_ > kMostCommands) {
    fail(DialogFault::kTooMany,
         fmt::format("the backend sent a reply of more than {} lines", kMostCommands));
  } else if (role_ == Role::kClient) {
    backendLine(line);
  } else if (outstanding_ == 0 && !mayComeUnasked(line)) {
    fail(DialogFault::kSyntax, fmt::format("the backend sent a reply without a command: \"{}\"",
                                           printable(line, kQuotedBytes)));
  } else {
    reply(line);
  }
}

/// Ends a step. The client gets a reason, unless a reply of the backend is only half sent.
DialogStep LineDialog::finish(size_t consumed) {
  using Next = DialogStep::Next;
  const bool toTell = step_.next == Next::kFail && step_.fault != DialogFault::kEarlyData;
  if (toTell && role_ == Role::kServer && replyLines_ <= 1)
    out_->toPeer += goodbye(farewellText(step_.fault)) + "\r\n";
  if (step_.next == Next::kStartTls) {
    phase_ = Phase::kHandshake;
  } else if (step_.next != Next::kMore) {
    phase_ = Phase::kOver;
  }
  step_.consumed = consumed;
  out_ = nullptr;
  return std::exchange(step_, {});
}

std::string LineDialog::progress() const {
  if (phase_ == Phase::kHandshake) return "the TLS handshake was not complete";
  if (phase_ != Phase::kOpening) return "the client sent no command behind TLS";
  if (role_ == Role::kClient) {
    if (asked_.empty()) return "the backend sent no greeting";
    return fmt::format("the backend did not answer {}", asked_);
  }
  if (outstanding_ == 0) return fmt::format("the client sent no {}", command_);
  return ask_ == Ask::kGreeting ? "the backend sent no greeting"
                                : "the backend did not answer a command of the client";
}

void LineDialog::secured() {
  if (role_ == Role::kServer && listed_ && !offered_) settle();
}

void LineDialog::say(std::string_view line) { (to(Host::kClient) += line) += "\r\n"; }

void LineDialog::pass(std::string_view line, Ask ask) {
  (to(Host::kServer) += line) += "\r\n";
  ask_ = ask;
  ++outstanding_;
}

void LineDialog::send(std::string_view line) {
  (to(Host::kServer) += line) += "\r\n";
  asked_ = line;
  replyLines_ = 0;
}

void LineDialog::replied() {
  replyLines_ = 0;
  if (outstanding_ > 0) --outstanding_;
  if (outstanding_ > 0) return;
  if (ask_ == Ask::kQuit) end();
  ask_ = Ask::kOther;
}

void LineDialog::preliminary() { replyLines_ = 0; }

void LineDialog::noteList(bool offersTls) {
  listed_ = true;
  offered_ = offered_ || offersTls;
}

void LineDialog::keepGreeting(std::string_view line) {
  if (greeting_.size() + line.size() + 2 > kLongestLine) {
    fail(DialogFault::kTooLong,
         fmt::format("the backend sent a greeting of more than {} bytes", kLongestLine));
  } else {
    (greeting_ += line) += "\r\n";
  }
}

void LineDialog::replayGreeting() {
  to(Host::kClient) += greeting_;
  greeting_ = {};
}

void LineDialog::startTls(std::string_view reply) {
  say(reply);
  startTls();
}

void LineDialog::startTls() { step_.next = DialogStep::Next::kStartTls; }

void LineDialog::settle() {
  if (step_.next == DialogStep::Next::kMore) step_.next = DialogStep::Next::kSettled;
}

void LineDialog::end() { step_.next = DialogStep::Next::kEnd; }

void LineDialog::fail(DialogFault fault, std::string detail) {
  step_.next = DialogStep::Next::kFail;
  step_.fault = fault;
  step_.detail = std::move(detail);
}

void LineDialog::refuse(std::string_view what, std::string_view line) {
  fail(DialogFault::kRefused, fmt::format("{}: \"{}\"", what, printable(line, kQuotedBytes)));
}

void LineDialog::badReply(std::string_view line) {
  fail(DialogFault::kSyntax,
       fmt::format("the backend sent a malformed reply: \"{}\"", printable(line, kQuotedBytes)));
}

}  // namespace culvert
