// SPDX-License-Identifier: GPL-3.0-or-later
#include "starttls/mysql_login.h"

#include "base/bytes.h"
#include "starttls/message_steps.h"

namespace culvert {

MysqlGreeting readMysqlGreeting(std::string_view bytes) {
  using Kind = MysqlGreeting::Kind;
  const auto head = readMysqlHead(bytes);
  if (!head) return {};
  if (head->sequence != 0 || head->length == 0) return {Kind::kBad};
  if (head->size() > Dialog::kLongestLine) return {Kind::kTooLong};
  if (bytes.size() < head->size()) return {};
  const std::string_view packet = bytes.substr(0, head->size());
  if (static_cast<uint8_t>(packet[kMysqlHead]) == 0xff) return {Kind::kErr, std::string(packet)};
  const auto flags = mysqlGreetingFlags(packet.substr(kMysqlHead));
  if (!flags) return {Kind::kBad};
  return {Kind::kGreeting, std::string(packet), kMysqlHead + *flags};
}

DialogStep MysqlDialog::withoutGreeting(const MysqlGreeting& greeting, std::string& toClient) {
  switch (greeting.kind) {
    case MysqlGreeting::Kind::kErr:
      // For example "Too many connections". The backend closes behind it.
      toClient += greeting.packet;
      return messageStep(DialogStep::Next::kEnd, greeting.packet.size());
    case MysqlGreeting::Kind::kBad:
      return messageFail(DialogFault::kSyntax,
                         "the backend's first packet is not a greeting of version 10");
    case MysqlGreeting::Kind::kTooLong:
      return messageFail(DialogFault::kTooLong, "the backend's greeting is too long");
    case MysqlGreeting::Kind::kMore:
    case MysqlGreeting::Kind::kGreeting:
      break;
  }
  return messageMore(0);
}

DialogStep MysqlDialog::relay(MysqlRelay& relay, std::span<const uint8_t> bytes, std::string& out,
                              std::string_view sender) {
  const MysqlRelay::Step step = relay.feed(asText(bytes), out);
  switch (step.state) {
    case MysqlRelay::State::kMore:
      return messageMore(step.used);
    case MysqlRelay::State::kLoginDone:
      return messageStep(DialogStep::Next::kSettled, step.used);
    case MysqlRelay::State::kTooLong:
      return messageFail(DialogFault::kTooLong,
                         std::string(sender) + " sent a packet that is too long for the login");
    case MysqlRelay::State::kBad:
      break;
  }
  return messageFail(DialogFault::kSyntax,
                     std::string(sender) + "'s login does not fit the flags it received");
}

}  // namespace culvert
