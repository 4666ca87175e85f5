// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as LDAP server.
#include "base/bytes.h"
#include "starttls/ldap_ber.h"
#include "starttls/ldap_dialog.h"
#include "starttls/message_steps.h"

namespace culvert {
namespace {

using LdapServerNext = DialogStep::Next;

// Requests without a response (RFC 4511 4.3, 4.11).
constexpr uint8_t kLdapUnbind = 0x42, kLdapAbandon = 0x50;

/// Returns the tag of the response that belongs to a request, or 0 if `tag` is not a request that
/// has a response.
uint8_t ldapReplyTag(uint8_t tag) {
  switch (tag) {
    case 0x60:  // bind
    case 0x66:  // modify
    case 0x68:  // add
    case 0x6c:  // modify DN
    case 0x6e:  // compare
    case kLdapExtended:
      return tag + 1;
    case 0x63:
      return 0x65;  // search: SearchResultDone
    case 0x4a:
      return 0x6b;  // delete; its request is a primitive element
    default:
      return 0;
  }
}

struct LdapExtendedRequest {
  std::string_view name;
  bool hasValue = false;
};

std::optional<LdapExtendedRequest> readLdapExtended(std::string_view content) {
  const auto name = takeLdapElement(content);
  if (!name || name->tag != kLdapRequestName) return std::nullopt;
  LdapExtendedRequest request{name->content};
  if (content.empty()) return request;
  const auto value = takeLdapElement(content);
  if (!value || value->tag != kLdapRequestValue || !content.empty()) return std::nullopt;
  request.hasValue = true;
  return request;
}

class LdapServer final : public Dialog {
 public:
  bool needsFar() const override { return false; }
  DialogStep begin(DialogOutput&) override { return messageMore(0); }
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t>, DialogOutput&) override { return messageMore(0); }
  DialogStep onSecure(DialogOutput&) override { return messageStep(LdapServerNext::kSettled, 0); }
  std::string progress() const override { return "the client sent no StartTLS request"; }

 private:
  DialogStep answer(const LdapMessage& message, bool more, DialogOutput& out);
  DialogStep answerExtended(const LdapMessage& message, bool more, DialogOutput& out);
  /// Sends a notice of disconnection (RFC 4511 4.4.1) and fails.
  static DialogStep disconnect(LdapResult result, DialogFault fault, std::string detail,
                               DialogOutput& out);

  unsigned messages_ = 0;
};

}  // namespace

DialogStep LdapServer::disconnect(LdapResult result, DialogFault fault, std::string detail,
                                  DialogOutput& out) {
  out.toPeer += ldapResponse(0, kLdapExtendedReply, result, detail, kLdapDisconnectionOid);
  return messageFail(fault, std::move(detail));
}

DialogStep LdapServer::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  const std::string_view text = asText(bytes);
  if (messages_ == 0 && text.starts_with(kFirstByteOfTls))
    return messageStep(LdapServerNext::kDirect, 0);
  size_t at = 0;
  while (at < text.size()) {
    LdapMessage message;
    switch (readLdapMessage(text.substr(at), message)) {
      case LdapRead::kMore:
        return messageMore(at);
      case LdapRead::kWhole:
        break;
      case LdapRead::kTooLong:
        return disconnect(LdapResult::kProtocolError, DialogFault::kTooLong,
                          "the client sent a message that is too long before TLS", out);
      case LdapRead::kBad:
        return disconnect(LdapResult::kProtocolError, DialogFault::kSyntax,
                          "the client sent bytes that are not an LDAP message", out);
    }
    at += message.size;
    DialogStep step = answer(message, at < text.size(), out);
    step.consumed = at;
    if (step.next != LdapServerNext::kMore) return step;
  }
  return messageMore(at);
}

/// `more` says that bytes have arrived behind the message.
DialogStep LdapServer::answer(const LdapMessage& message, bool more, DialogOutput& out) {
  if (++messages_ > kMostCommands)
    return disconnect(LdapResult::kConfidentialityRequired, DialogFault::kTooMany,
                      "the client sent too many requests without StartTLS", out);
  const uint8_t tag = message.operation.tag;
  if (tag == kLdapUnbind) return messageStep(LdapServerNext::kEnd, 0);
  // RFC 4511 4.11: an abandon request has no response. No operation is in progress.
  if (tag == kLdapAbandon) return messageMore(0);
  // RFC 4511 4.1.1.1: the messageID of a request is not zero.
  if (ldapReplyTag(tag) == 0 || message.id == 0)
    return disconnect(LdapResult::kProtocolError, DialogFault::kSyntax,
                      "the client sent a message that is not an LDAP request", out);
  if (tag == kLdapExtended) return answerExtended(message, more, out);
  out.toPeer += ldapResponse(message.id, ldapReplyTag(tag), LdapResult::kConfidentialityRequired,
                             "TLS is required: use StartTLS first");
  return messageMore(0);
}

DialogStep LdapServer::answerExtended(const LdapMessage& message, bool more, DialogOutput& out) {
  const auto request = readLdapExtended(message.operation.content);
  if (!request)
    return disconnect(LdapResult::kProtocolError, DialogFault::kSyntax,
                      "the client sent a malformed extended request", out);
  const auto refuse = [&](LdapResult result, std::string_view text, std::string_view name) {
    out.toPeer += ldapResponse(message.id, kLdapExtendedReply, result, text, name);
    return messageMore(0);
  };
  if (request->name != kLdapStartTlsOid)
    return refuse(LdapResult::kConfidentialityRequired, "TLS is required: use StartTLS first", {});
  // RFC 4511 4.14.1: a StartTLS request has no requestValue.
  if (request->hasValue)
    return refuse(LdapResult::kProtocolError, "StartTLS has no request value", kLdapStartTlsOid);
  // RFC 4511 4.1.11: culvert recognises no control.
  if (message.criticalControl)
    return refuse(LdapResult::kUnavailableCriticalExtension, "StartTLS has no controls",
                  kLdapStartTlsOid);
  if (more)
    return messageFail(DialogFault::kEarlyData,
                       "the client sent bytes behind its StartTLS request");
  out.toPeer +=
      ldapResponse(message.id, kLdapExtendedReply, LdapResult::kSuccess, "", kLdapStartTlsOid);
  return messageStep(LdapServerNext::kStartTls, 0);
}

std::unique_ptr<Dialog> makeLdapServer() { return std::make_unique<LdapServer>(); }

}  // namespace culvert
