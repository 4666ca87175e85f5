// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as MySQL client.
#include "base/bytes.h"
#include "starttls/message_steps.h"
#include "starttls/mysql_dialog.h"
#include "starttls/mysql_login.h"

namespace culvert {
namespace {

using MysqlClientNext = DialogStep::Next;

/// Sequence numbers as the client sees them: greeting 0, response 1, reply 2. As the backend sees
/// them: greeting 0, SSLRequest 1, response 2, reply 3.
class MysqlClient final : public MysqlDialog {
 public:
  MysqlClient() : MysqlDialog(MysqlRelay::ofClient(1, 1, true), MysqlRelay::ofBackend(-1)) {}
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep onSecure(DialogOutput&) override {
    state_ = State::kLogin;
    return messageMore(0);
  }
  std::string progress() const override;

 private:
  bool asked_ = false;  // the SSLRequest has been sent
};

}  // namespace

std::string MysqlClient::progress() const {
  switch (state_) {
    case State::kGreeting:
      return "the backend sent no greeting";
    case State::kResponse:
      return "the client sent no login";
    case State::kLogin:
      break;
  }
  return "the login did not end";
}

DialogStep MysqlClient::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  if (state_ == State::kLogin) return relayBackend(bytes, out.toFar);
  const auto early = [] {
    return messageFail(DialogFault::kEarlyData, "the backend sent bytes behind its greeting");
  };
  if (state_ == State::kResponse) return bytes.empty() ? messageMore(0) : early();
  MysqlGreeting greeting = readMysqlGreeting(asText(bytes));
  if (greeting.kind != MysqlGreeting::Kind::kGreeting) return withoutGreeting(greeting, out.toFar);
  if (bytes.size() > greeting.packet.size()) return early();
  const uint16_t flags = mysqlFlags(greeting.packet, greeting.flagsAt);
  if ((flags & kMysqlSsl) == 0)
    return messageFail(DialogFault::kRefused, "the backend does not offer TLS");
  putMysqlFlags(greeting.packet, greeting.flagsAt, flags & ~kMysqlSsl);
  out.toFar += greeting.packet;
  state_ = State::kResponse;
  return messageMore(greeting.packet.size());
}

/// The client's response stays with the owner until TLS is established. culvert copies its fixed
/// part into the SSLRequest.
DialogStep MysqlClient::fromFar(std::span<const uint8_t> bytes, DialogOutput& out) {
  if (state_ == State::kLogin) return relayClient(bytes, out.toPeer);
  const std::string_view text = asText(bytes);
  const auto head = readMysqlHead(text);
  if (state_ == State::kGreeting || asked_ || !head) return messageMore(0);
  if (head->sequence != 1 || head->length <= kMysqlFixedPart)
    return messageFail(DialogFault::kSyntax, "the client's first packet is not a login");
  if (head->length > MysqlRelay::kLongestPacket)
    return messageFail(DialogFault::kTooLong, "the client's login is too long");
  if (text.size() < kMysqlHead + kMysqlFixedPart) return messageMore(0);
  const uint16_t flags = mysqlFlags(text, kMysqlHead);
  if ((flags & kMysqlSsl) != 0 || (flags & kMysqlProtocol41) == 0)
    return messageFail(DialogFault::kSyntax,
                       "the client's login does not fit the flags it received");
  std::string request = mysqlHead(kMysqlFixedPart, 1);
  request += text.substr(kMysqlHead, kMysqlFixedPart);
  putMysqlFlags(request, kMysqlHead, flags | kMysqlSsl);
  out.toPeer += request;
  asked_ = true;
  return messageStep(MysqlClientNext::kStartTls, 0);
}

std::unique_ptr<Dialog> makeMysqlClient() { return std::make_unique<MysqlClient>(); }

}  // namespace culvert
