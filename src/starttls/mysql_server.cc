// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as MySQL server.
#include "base/bytes.h"
#include "starttls/message_steps.h"
#include "starttls/mysql_dialog.h"
#include "starttls/mysql_login.h"

namespace culvert {
namespace {

using MysqlServerNext = DialogStep::Next;

// ER_SECURE_TRANSPORT_REQUIRED and ER_HANDSHAKE_ERROR.
constexpr uint16_t kMysqlNeedsTls = 3159, kMysqlBadHandshake = 1043;

/// Sequence numbers as the client sees them: greeting 0, SSLRequest 1, response 2, reply 3. As the
/// backend sees them: greeting 0, response 1, reply 2.
class MysqlServer final : public MysqlDialog {
 public:
  MysqlServer() : MysqlDialog(MysqlRelay::ofClient(-1, 2, false), MysqlRelay::ofBackend(1)) {}
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep onSecure(DialogOutput&) override {
    state_ = State::kLogin;
    return messageMore(0);
  }
  std::string progress() const override;
};

}  // namespace

std::string MysqlServer::progress() const {
  switch (state_) {
    case State::kGreeting:
      return "the backend sent no greeting";
    case State::kResponse:
      return "the client sent no SSLRequest";
    case State::kLogin:
      break;
  }
  return "the login did not end";
}

DialogStep MysqlServer::fromFar(std::span<const uint8_t> bytes, DialogOutput& out) {
  if (state_ == State::kLogin) return relayBackend(bytes, out.toPeer);
  if (state_ == State::kResponse) return messageMore(0);
  MysqlGreeting greeting = readMysqlGreeting(asText(bytes));
  if (greeting.kind != MysqlGreeting::Kind::kGreeting) return withoutGreeting(greeting, out.toPeer);
  const uint16_t flags = mysqlFlags(greeting.packet, greeting.flagsAt);
  putMysqlFlags(greeting.packet, greeting.flagsAt, flags | kMysqlSsl);
  out.toPeer += greeting.packet;
  state_ = State::kResponse;
  return messageMore(greeting.packet.size());
}

DialogStep MysqlServer::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  if (state_ == State::kLogin) return relayClient(bytes, out.toFar);
  const std::string_view text = asText(bytes);
  const auto head = readMysqlHead(text);
  if (state_ == State::kGreeting || !head) return messageMore(0);
  const auto refuse = [&](uint16_t code, std::string_view sqlState, std::string_view message) {
    out.toPeer += mysqlError(static_cast<uint8_t>(head->sequence + 1), code, sqlState, message);
  };
  if (head->sequence != 1 || head->length < 4 || head->size() > kLongestLine) {
    refuse(kMysqlBadHandshake, "08S01", "Bad handshake");
    return messageFail(head->size() > kLongestLine ? DialogFault::kTooLong : DialogFault::kSyntax,
                       "the client's first packet is not a login");
  }
  if (text.size() < head->size()) return messageMore(0);
  if ((mysqlFlags(text, kMysqlHead) & kMysqlSsl) == 0) {
    refuse(kMysqlNeedsTls, "HY000",
           "Connections using insecure transport are prohibited: set ssl-mode=REQUIRED");
    return messageFail(DialogFault::kPlaintext, "the client logs in without TLS");
  }
  if (head->length != kMysqlFixedPart) {
    refuse(kMysqlBadHandshake, "08S01", "Bad handshake");
    return messageFail(DialogFault::kSyntax, "the client's SSLRequest has a wrong length");
  }
  // The client sends its ClientHello without waiting for an answer.
  DialogStep step = messageStep(MysqlServerNext::kStartTls, head->size());
  step.restIsTls = true;
  return step;
}

std::unique_ptr<Dialog> makeMysqlServer() { return std::make_unique<MysqlServer>(); }

}  // namespace culvert
