// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as LDAP client.
#include "base/bytes.h"
#include "starttls/ldap_ber.h"
#include "starttls/ldap_dialog.h"
#include "starttls/message_steps.h"

namespace culvert {
namespace {

using LdapClientNext = DialogStep::Next;

class LdapClient final : public Dialog {
 public:
  bool needsFar() const override { return false; }
  DialogStep begin(DialogOutput& out) override;
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t>, DialogOutput&) override { return messageMore(0); }
  DialogStep onSecure(DialogOutput&) override { return messageStep(LdapClientNext::kSettled, 0); }
  std::string progress() const override {
    return "the backend did not answer the StartTLS request";
  }

 private:
  static DialogStep judge(const LdapMessage& message);
};

}  // namespace

DialogStep LdapClient::begin(DialogOutput& out) {
  out.toPeer +=
      ldapMessage(1, ldapElement(kLdapExtended, ldapElement(kLdapRequestName, kLdapStartTlsOid)));
  return messageMore(0);
}

DialogStep LdapClient::fromPeer(std::span<const uint8_t> bytes, DialogOutput&) {
  LdapMessage message;
  switch (readLdapMessage(asText(bytes), message)) {
    case LdapRead::kMore:
      return messageMore(0);
    case LdapRead::kWhole:
      break;
    case LdapRead::kTooLong:
      return messageFail(DialogFault::kTooLong, "the backend sent a response that is too long");
    case LdapRead::kBad:
      return messageFail(DialogFault::kSyntax,
                         "the backend sent bytes that are not an LDAP message");
  }
  DialogStep step = judge(message);
  if (step.next == LdapClientNext::kStartTls && message.size < bytes.size())
    return messageFail(DialogFault::kEarlyData,
                       "the backend sent bytes behind its StartTLS response");
  step.consumed = message.size;
  return step;
}

/// Requires a successful response to the request. A notice of disconnection has messageID 0, so it
/// counts as a refusal.
DialogStep LdapClient::judge(const LdapMessage& message) {
  if (message.operation.tag != kLdapExtendedReply)
    return messageFail(DialogFault::kRefused, "the backend's response is not to StartTLS");
  std::string_view rest = message.operation.content;
  const auto code = takeLdapElement(rest);
  const auto matched = takeLdapElement(rest);
  const auto diagnostic = takeLdapElement(rest);
  if (!code || code->tag != 0x0a || code->content.size() != 1 || !matched || !diagnostic)
    return messageFail(DialogFault::kSyntax, "the backend sent a malformed StartTLS response");
  if (message.id == 1 && code->content[0] == 0) {
    // RFC 4511 4.14.2 wants the responseName, but some servers leave it out.
    while (const auto part = takeLdapElement(rest)) {
      if (part->tag == kLdapResponseName && part->content != kLdapStartTlsOid)
        return messageFail(DialogFault::kRefused, "the backend's response is not to StartTLS");
    }
    return messageStep(LdapClientNext::kStartTls, 0);
  }
  if (message.id > 1)
    return messageFail(DialogFault::kRefused, "the backend's response is not to StartTLS");
  return messageFail(
      DialogFault::kRefused,
      "the backend refused StartTLS with result code " +
          std::to_string(static_cast<uint8_t>(code->content[0])) +
          (diagnostic->content.empty() ? std::string() : ": " + messageQuote(diagnostic->content)));
}

std::unique_ptr<Dialog> makeLdapClient() { return std::make_unique<LdapClient>(); }

}  // namespace culvert
