// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as XMPP server.
#include <algorithm>

#include "base/ascii.h"
#include "base/bytes.h"
#include "starttls/message_steps.h"
#include "starttls/xmpp_dialog.h"
#include "starttls/xmpp_features.h"
#include "starttls/xmpp_tokens.h"

namespace culvert {
namespace {

using XmppServerNext = DialogStep::Next;

/// The longest name that a JID may have as its domain (RFC 7622 3.2).
constexpr size_t kXmppLongestName = 1023;

/// Names go back to the client inside an attribute, so they may have only these characters.
bool isXmppHostName(std::string_view name) {
  return !name.empty() && name.size() <= kXmppLongestName && std::ranges::all_of(name, [](char c) {
    return isAlnum(c) || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']';
  });
}

/// An id for a stream that ends with the TLS handshake. Nobody refers to it, so a hash of the
/// client's header suffices (FNV-1a).
std::string xmppStreamId(std::string_view header) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : header) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  std::string id;
  for (int shift = 60; shift >= 0; shift -= 4) id += "0123456789abcdef"[hash >> shift & 15];
  return id;
}

class XmppServer final : public Dialog {
 public:
  bool needsFar() const override { return false; }
  DialogStep begin(DialogOutput&) override { return messageMore(0); }
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep onSecure(DialogOutput&) override {
    state_ = State::kSecure;
    return messageMore(0);
  }
  std::string progress() const override;

 private:
  enum class State : uint8_t {
    kHeader,      // until the client's stream header
    kCommand,     // until <starttls>
    kCommandEnd,  // until </starttls>, if the client writes it in two tags
    kSecure,      // until the backend's features
  };
  DialogStep handle(const XmppToken& token, bool more, DialogOutput& out);
  DialogStep readHeader(const XmppToken& token, DialogOutput& out);
  DialogStep readCommand(const XmppToken& token, bool more, DialogOutput& out);
  DialogStep startTls(bool more, DialogOutput& out);
  void openStream(const XmppToken* header, std::string_view host, DialogOutput& out);
  DialogStep streamError(std::string_view condition, DialogFault fault, std::string detail,
                         DialogOutput& out);

  State state_ = State::kHeader;
  bool opened_ = false;  // culvert has sent its stream header
  bool begun_ = false;   // the first byte was not TLS
  XmppScanner scanner_;
  XmppFeatureFilter features_{false};
};

}  // namespace

std::string XmppServer::progress() const {
  switch (state_) {
    case State::kHeader:
      return "the client sent no stream header";
    case State::kCommand:
    case State::kCommandEnd:
      return "the client sent no <starttls/>";
    case State::kSecure:
      break;
  }
  return "the backend sent no stream features";
}

DialogStep XmppServer::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  std::string_view text = asText(bytes);
  if (state_ == State::kSecure) {
    out.toFar += text;
    return messageMore(bytes.size());
  }
  if (!begun_ && text.starts_with(kFirstByteOfTls)) return messageStep(XmppServerNext::kDirect, 0);
  for (size_t used = 0;;) {
    const XmppScanner::State scanned = scanner_.next(text.substr(used), used);
    begun_ = begun_ || used > 0;
    switch (scanned) {
      case XmppScanner::State::kMore:
        return messageMore(used);
      case XmppScanner::State::kToken:
        break;
      case XmppScanner::State::kBad:
        return streamError("not-well-formed", DialogFault::kSyntax,
                           "the client sent bytes that are not an XMPP stream", out);
      case XmppScanner::State::kTooLong:
        return streamError("policy-violation", DialogFault::kTooLong,
                           "the client sent too many bytes without TLS", out);
    }
    DialogStep step = handle(scanner_.token(), used < text.size(), out);
    step.consumed = used;
    if (step.next != XmppServerNext::kMore) return step;
  }
}

/// `more` says that bytes have arrived behind the token.
DialogStep XmppServer::handle(const XmppToken& token, bool more, DialogOutput& out) {
  if (token.kind == XmppToken::Kind::kText) {
    if (token.isBlank()) return messageMore(0);
    return streamError("bad-format", DialogFault::kSyntax, "the client sent text between elements",
                       out);
  }
  return state_ == State::kHeader ? readHeader(token, out) : readCommand(token, more, out);
}

DialogStep XmppServer::readHeader(const XmppToken& token, DialogOutput& out) {
  if (token.kind == XmppToken::Kind::kDeclaration) return messageMore(0);
  if (token.kind != XmppToken::Kind::kOpen || token.name() != "stream:stream")
    return streamError("bad-format", DialogFault::kSyntax,
                       "the client's first element is not a stream header", out);
  const auto space = token.attribute("xmlns");
  if (space != "jabber:client" && space != "jabber:server")
    return streamError("invalid-namespace", DialogFault::kSyntax,
                       "the client's stream has an unknown namespace", out);
  if (!token.attribute("version").value_or("").starts_with("1."))
    return streamError("unsupported-version", DialogFault::kSyntax,
                       "the client's stream has no version 1.0", out);
  const auto to = token.attribute("to");
  if (!to)
    return streamError("improper-addressing", DialogFault::kSyntax,
                       "the client's stream header has no attribute 'to'", out);
  if (!isXmppHostName(*to))
    return streamError("host-unknown", DialogFault::kSyntax,
                       "the client's stream header names no host", out);
  openStream(&token, *to, out);
  out.toPeer += "<stream:features><starttls xmlns='";
  out.toPeer += kXmppTlsNamespace;
  out.toPeer += "'><required/></starttls></stream:features>";
  state_ = State::kCommand;
  return messageMore(0);
}

DialogStep XmppServer::readCommand(const XmppToken& token, bool more, DialogOutput& out) {
  if (state_ == State::kCommandEnd) {
    if (token.kind == XmppToken::Kind::kClose && token.name() == "starttls")
      return startTls(more, out);
    return streamError("bad-format", DialogFault::kSyntax, "the client's <starttls/> is not empty",
                       out);
  }
  if (token.kind == XmppToken::Kind::kClose) {
    out.toPeer += "</stream:stream>";
    return messageStep(XmppServerNext::kEnd, 0);
  }
  if (token.kind == XmppToken::Kind::kDeclaration || token.name() == "stream:stream")
    return streamError("bad-format", DialogFault::kSyntax, "the client opened two streams", out);
  if (token.name() != "starttls")
    return streamError("policy-violation", DialogFault::kPlaintext,
                       "the client sent an element other than <starttls/>", out);
  if (token.attribute("xmlns") != kXmppTlsNamespace) {
    // RFC 6120 5.4.2.2
    out.toPeer += "<failure xmlns='";
    out.toPeer += kXmppTlsNamespace;
    out.toPeer += "'/></stream:stream>";
    return messageFail(DialogFault::kSyntax, "the client's <starttls/> has an unknown namespace");
  }
  if (token.kind == XmppToken::Kind::kEmpty) return startTls(more, out);
  state_ = State::kCommandEnd;
  return messageMore(0);
}

/// RFC 6120 5.3.3: white space behind <starttls/> is also data that came too early.
DialogStep XmppServer::startTls(bool more, DialogOutput& out) {
  if (more) return messageFail(DialogFault::kEarlyData, "the client sent bytes behind <starttls/>");
  out.toPeer += "<proceed xmlns='";
  out.toPeer += kXmppTlsNamespace;
  out.toPeer += "'/>";
  return messageStep(XmppServerNext::kStartTls, 0);
}

/// Sends the header of culvert's stream. Without a usable header of the client, it has no address.
void XmppServer::openStream(const XmppToken* header, std::string_view host, DialogOutput& out) {
  const bool server = header != nullptr && header->attribute("xmlns") == "jabber:server";
  out.toPeer += "<?xml version='1.0'?><stream:stream ";
  if (!host.empty()) out.toPeer.append("from='").append(host).append("' ");
  out.toPeer.append("id='").append(xmppStreamId(header != nullptr ? header->raw : std::string()));
  out.toPeer += "' version='1.0' xml:lang='en' xmlns='";
  out.toPeer += server ? "jabber:server" : "jabber:client";
  out.toPeer += "' xmlns:stream='http://etherx.jabber.org/streams'>";
  opened_ = true;
}

/// RFC 6120 4.9.1.2: an error comes inside a stream, so the header is sent first.
DialogStep XmppServer::streamError(std::string_view condition, DialogFault fault,
                                   std::string detail, DialogOutput& out) {
  if (!opened_) openStream(nullptr, {}, out);
  out.toPeer.append("<stream:error><").append(condition);
  out.toPeer += " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
  return messageFail(fault, std::move(detail));
}

DialogStep XmppServer::fromFar(std::span<const uint8_t> bytes, DialogOutput& out) {
  if (state_ != State::kSecure) return messageMore(0);
  return passXmppFeatures(features_, asText(bytes), out.toPeer);
}

std::unique_ptr<Dialog> makeXmppServer() { return std::make_unique<XmppServer>(); }

}  // namespace culvert
