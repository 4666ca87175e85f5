// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as XMPP client.
#include "base/bytes.h"
#include "starttls/message_steps.h"
#include "starttls/xmpp_dialog.h"
#include "starttls/xmpp_features.h"
#include "starttls/xmpp_tokens.h"

namespace culvert {
namespace {

using XmppClientNext = DialogStep::Next;

class XmppClient final : public Dialog {
 public:
  bool needsFar() const override { return true; }
  DialogStep begin(DialogOutput&) override { return messageMore(0); }
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep onSecure(DialogOutput& out) override;
  std::string progress() const override;

 private:
  enum class State : uint8_t {
    kHeader,      // until the client's stream header
    kFeatures,    // until the backend's features, before TLS
    kError,       // until the condition inside the backend's <stream:error>
    kProceed,     // until <proceed/>, and until TLS is established
    kProceedEnd,  // until </proceed>, if the backend writes it in two tags
    kSecure,      // until the backend's features behind TLS
  };
  DialogStep readFeatures(std::string_view text, DialogOutput& out);
  DialogStep judgeFeatures(DialogOutput& out);
  DialogStep readReply(std::string_view text, size_t used);
  DialogStep judgeReply(const XmppToken& token, bool more);
  DialogStep passFeatures(std::string_view text, DialogOutput& out);

  State state_ = State::kHeader;
  std::string header_;               // of the client, as received
  XmppScanner clientScanner_;        // reads the client's header
  XmppScanner replyScanner_;         // reads the reply to <starttls/>, or an error
  XmppFeatureFilter plain_{true};    // the backend's stream before TLS
  XmppFeatureFilter secure_{false};  // the backend's stream behind TLS
};

}  // namespace

std::string XmppClient::progress() const {
  switch (state_) {
    case State::kHeader:
      return "the client sent no stream header";
    case State::kProceed:
    case State::kProceedEnd:
      return "the backend did not answer <starttls/>";
    case State::kFeatures:
    case State::kError:
    case State::kSecure:
      break;
  }
  return "the backend sent no stream features";
}

DialogStep XmppClient::fromFar(std::span<const uint8_t> bytes, DialogOutput& out) {
  const std::string_view text = asText(bytes);
  if (state_ == State::kSecure) {
    out.toPeer += text;
    return messageMore(bytes.size());
  }
  if (state_ != State::kHeader) return messageMore(0);
  for (size_t used = 0;;) {
    switch (clientScanner_.next(text.substr(used), used)) {
      case XmppScanner::State::kMore:
        return messageMore(used);
      case XmppScanner::State::kToken:
        break;
      case XmppScanner::State::kBad:
        return messageFail(DialogFault::kSyntax,
                           "the client sent bytes that are not an XMPP stream");
      case XmppScanner::State::kTooLong:
        return messageFail(DialogFault::kTooLong, "the client's stream header is too long");
    }
    const XmppToken& token = clientScanner_.token();
    header_ += token.raw;
    if (token.kind == XmppToken::Kind::kOpen && token.name() == "stream:stream") {
      out.toPeer += header_;
      state_ = State::kFeatures;
      return messageMore(used);
    }
    if (token.kind != XmppToken::Kind::kDeclaration && !token.isBlank())
      return messageFail(DialogFault::kSyntax, "the client's first element is not a stream header");
  }
}

DialogStep XmppClient::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  switch (state_) {
    case State::kHeader:
      return messageMore(0);
    case State::kFeatures:
      return readFeatures(asText(bytes), out);
    case State::kError:
    case State::kProceed:
    case State::kProceedEnd:
      return readReply(asText(bytes), 0);
    case State::kSecure:
      break;
  }
  return passFeatures(asText(bytes), out);
}

DialogStep XmppClient::readFeatures(std::string_view text, DialogOutput& out) {
  size_t used = 0;
  std::string unused;  // these features do not reach the client
  switch (plain_.feed(text, used, unused)) {
    case XmppFeatureFilter::State::kMore:
      return messageMore(used);
    case XmppFeatureFilter::State::kNoVersion:
      return messageFail(DialogFault::kRefused, "the backend's stream has no version 1.0");
    case XmppFeatureFilter::State::kBad:
      return messageFail(DialogFault::kSyntax,
                         "the backend sent bytes that are not an XMPP stream");
    case XmppFeatureFilter::State::kTooLong:
      return messageFail(DialogFault::kTooLong, "the backend's stream features are too long");
    case XmppFeatureFilter::State::kDone:
      break;
  }
  const DialogStep step = judgeFeatures(out);
  if (step.next != XmppClientNext::kMore) return step;
  return readReply(text.substr(used), used);
}

DialogStep XmppClient::judgeFeatures(DialogOutput& out) {
  if (!plain_.hasFeatures()) {
    if (plain_.firstElement() != "stream:error")
      return messageFail(DialogFault::kRefused, "the backend sent no stream features");
    state_ = State::kError;
    return messageMore(0);
  }
  if (!plain_.hasStartTls())
    return messageFail(DialogFault::kRefused, "the backend does not offer TLS");
  out.toPeer.append("<starttls xmlns='").append(kXmppTlsNamespace).append("'/>");
  state_ = State::kProceed;
  return messageMore(0);
}

/// `used` bytes of the input come before `text`.
DialogStep XmppClient::readReply(std::string_view text, size_t used) {
  for (;;) {
    size_t read = 0;
    const XmppScanner::State scanned = replyScanner_.next(text, read);
    text.remove_prefix(read);
    used += read;
    switch (scanned) {
      case XmppScanner::State::kMore:
        return messageMore(used);
      case XmppScanner::State::kToken:
        break;
      case XmppScanner::State::kBad:
        return messageFail(DialogFault::kSyntax,
                           "the backend sent bytes that are not an XMPP stream");
      case XmppScanner::State::kTooLong:
        return messageFail(DialogFault::kTooLong, "the backend's reply is too long");
    }
    DialogStep step = judgeReply(replyScanner_.token(), !text.empty());
    step.consumed = used;
    if (step.next != XmppClientNext::kMore) return step;
  }
}

/// `more` says that bytes have arrived behind the token.
DialogStep XmppClient::judgeReply(const XmppToken& token, bool more) {
  if (token.isBlank()) return messageMore(0);
  if (token.kind == XmppToken::Kind::kText)
    return messageFail(DialogFault::kSyntax, "the backend sent text between elements");
  if (state_ == State::kError)
    return messageFail(DialogFault::kRefused,
                       "the backend refused the stream: " + messageQuote(token.name()));
  const bool closes = token.kind == XmppToken::Kind::kClose;
  if (token.name() != "proceed" || closes != (state_ == State::kProceedEnd) ||
      (!closes && token.attribute("xmlns") != kXmppTlsNamespace))
    return messageFail(DialogFault::kRefused,
                       "the backend answered <starttls/> with: " + messageQuote(token.raw));
  if (token.kind == XmppToken::Kind::kOpen) {
    state_ = State::kProceedEnd;
    return messageMore(0);
  }
  // RFC 6120 5.3.3: white space is also data that came too early.
  if (more) return messageFail(DialogFault::kEarlyData, "the backend sent bytes behind <proceed/>");
  return messageStep(XmppClientNext::kStartTls, 0);
}

DialogStep XmppClient::onSecure(DialogOutput& out) {
  state_ = State::kSecure;
  out.toPeer += header_;
  return messageMore(0);
}

DialogStep XmppClient::passFeatures(std::string_view text, DialogOutput& out) {
  return passXmppFeatures(secure_, text, out.toFar);
}

std::unique_ptr<Dialog> makeXmppClient() { return std::make_unique<XmppClient>(); }

}  // namespace culvert
