// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as PostgreSQL client.
#include <array>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "starttls/message_steps.h"
#include "starttls/pgsql_dialog.h"
#include "starttls/pgsql_messages.h"

namespace culvert {
namespace {

using PgsqlClientNext = DialogStep::Next;

constexpr std::string_view kPgsqlSslRequest("\x00\x00\x00\x08\x04\xd2\x16\x2f", 8);
constexpr uint32_t kPgsqlSaslCode = 10;

class PgsqlClient final : public Dialog {
 public:
  bool needsFar() const override { return false; }
  DialogStep begin(DialogOutput& out) override {
    out.toPeer += kPgsqlSslRequest;
    return messageMore(0);
  }
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep onSecure(DialogOutput&) override {
    state_ = State::kStart;
    return messageMore(0);
  }
  std::string progress() const override;

 private:
  enum class State : uint8_t {
    kAsked,  // until the backend answers the SSLRequest, and until TLS is established
    kStart,  // until the client's StartupMessage
    kLogin,  // until the backend's first message
  };
  static DialogStep readAnswer(std::string_view text);
  static DialogStep readError(std::string_view text);
  DialogStep readLogin(std::string_view text, DialogOutput& out);
  static DialogStep readSasl(std::string_view message, size_t at, DialogOutput& out);

  State state_ = State::kAsked;
  unsigned requests_ = 0;
  unsigned notices_ = 0;
};

}  // namespace

std::string PgsqlClient::progress() const {
  switch (state_) {
    case State::kAsked:
      return "the backend did not answer the SSLRequest";
    case State::kStart:
      return "the client sent no StartupMessage";
    case State::kLogin:
      break;
  }
  return "the backend did not answer the StartupMessage";
}

DialogStep PgsqlClient::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  switch (state_) {
    case State::kAsked:
      return readAnswer(asText(bytes));
    // The answers that culvert itself gives to the client come before all bytes of the backend.
    case State::kStart:
      return messageMore(0);
    case State::kLogin:
      break;
  }
  return readLogin(asText(bytes), out);
}

DialogStep PgsqlClient::readAnswer(std::string_view text) {
  if (text.empty()) return messageMore(0);
  switch (text[0]) {
    case 'S':
      if (text.size() == 1) return messageStep(PgsqlClientNext::kStartTls, 1);
      // CVE-2021-23222
      return messageFail(DialogFault::kEarlyData,
                         "the backend sent bytes behind its answer to the SSLRequest");
    case 'N':
      return messageFail(DialogFault::kRefused, "the backend does not offer TLS");
    case 'E':
      return readError(text);
    default:
      break;
  }
  return messageFail(DialogFault::kSyntax, "the backend's answer to the SSLRequest is unknown");
}

/// Reads an ErrorResponse. Behind the type, version 3 has a length, whose first byte is 0; version
/// 2, which a server without resources may use, has a text that ends with NUL.
DialogStep PgsqlClient::readError(std::string_view text) {
  if (text.size() < 2) return messageMore(0);
  std::string_view message;
  if (text[1] == '\0') {
    if (text.size() < 5) return messageMore(0);
    const size_t length = u32At(asBytes(text), 1);
    if (length < 4) return messageFail(DialogFault::kSyntax, "the backend sent a malformed error");
    if (length >= kLongestLine)
      return messageFail(DialogFault::kTooLong, "the backend sent an error that is too long");
    if (text.size() < 1 + length) return messageMore(0);
    message = pgsqlErrorText(text.substr(5, length - 4));
  } else {
    const size_t end = text.substr(0, kLongestLine).find('\0');
    if (end == text.npos && text.size() >= kLongestLine)
      return messageFail(DialogFault::kTooLong, "the backend sent an error that is too long");
    if (end == text.npos) return messageMore(0);
    message = text.substr(1, end - 1);
  }
  return messageFail(DialogFault::kRefused,
                     "the backend answered the SSLRequest with an error: " + messageQuote(message));
}

DialogStep PgsqlClient::fromFar(std::span<const uint8_t> bytes, DialogOutput& out) {
  const std::string_view text = asText(bytes);
  size_t at = 0;
  while (state_ == State::kStart && at < text.size()) {
    PgsqlStartPacket packet;
    const PgsqlRead read = readPgsqlStart(text.substr(at), packet);
    if (read == PgsqlRead::kBad)
      return messageFail(DialogFault::kSyntax, "the client sent an invalid startup packet");
    if (read == PgsqlRead::kMore || text.size() - at < packet.size) return messageMore(at);
    if (packet.kind == PgsqlStart::kStartup) {
      state_ = State::kLogin;
      break;
    }
    if (packet.kind == PgsqlStart::kCancel) {
      // The backend closes without an answer.
      out.toPeer += text.substr(at, packet.size);
      return messageStep(PgsqlClientNext::kSettled, at + packet.size);
    }
    if (++requests_ > kPgsqlMostRequests)
      return messageFail(DialogFault::kTooMany, "the client sent too many requests for encryption");
    out.toFar += 'N';
    at += packet.size;
  }
  if (state_ != State::kLogin) return messageMore(at);
  out.toPeer += text.substr(at);
  return messageMore(text.size());
}

DialogStep PgsqlClient::readLogin(std::string_view text, DialogOutput& out) {
  size_t at = 0;
  while (at < text.size()) {
    const char type = text[at];
    const std::string_view rest = text.substr(at);
    // NegotiateProtocolVersion and notices may come before the request for authentication.
    const bool notice = type == 'v' || type == 'N';
    if (!notice && type != 'R') return messageStep(PgsqlClientNext::kSettled, at);
    if (rest.size() < 5) return messageMore(at);
    const size_t length = u32At(asBytes(rest), 1);
    if (length < 4)
      return messageFail(DialogFault::kSyntax, "the backend sent a malformed message");
    if (!notice) {
      if (length < 8) return messageStep(PgsqlClientNext::kSettled, at);
      if (rest.size() < 9) return messageMore(at);
      if (u32At(asBytes(rest), 5) != kPgsqlSaslCode)
        return messageStep(PgsqlClientNext::kSettled, at);
    }
    if (length >= kLongestLine)
      return messageFail(DialogFault::kTooLong, "the backend sent a message that is too long");
    if (rest.size() < 1 + length) return messageMore(at);
    if (!notice) return readSasl(rest.substr(0, 1 + length), at, out);
    if (++notices_ > kMostCommands)
      return messageFail(DialogFault::kTooMany, "the backend sent too many notices");
    out.toFar += rest.substr(0, 1 + length);
    at += 1 + length;
  }
  return messageMore(at);
}

/// Passes AuthenticationSASL without SCRAM-SHA-256-PLUS. The client and the backend do not share a
/// TLS session, so channel binding would always fail.
DialogStep PgsqlClient::readSasl(std::string_view message, size_t at, DialogOutput& out) {
  const std::string list = pgsqlWithoutPlus(message.substr(9));
  std::array<uint8_t, 8> numbers{};
  putBigEndian(numbers.size() + list.size(), std::span(numbers).first(4));
  putBigEndian(kPgsqlSaslCode, std::span(numbers).last(4));
  out.toFar.append("R").append(asText(numbers)).append(list);
  return messageStep(PgsqlClientNext::kSettled, at + message.size());
}

std::unique_ptr<Dialog> makePgsqlClient() { return std::make_unique<PgsqlClient>(); }

}  // namespace culvert
