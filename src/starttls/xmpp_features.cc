// SPDX-License-Identifier: GPL-3.0-or-later
#include "starttls/xmpp_features.h"

#include "starttls/message_steps.h"

namespace culvert {
namespace {

/// White space around the name does not count.
bool needsChannelBinding(std::string_view mechanism) {
  const size_t end = mechanism.find_last_not_of(" \t\r\n");
  return end != mechanism.npos && mechanism.substr(0, end + 1).ends_with("-PLUS");
}

}  // namespace

XmppFeatureFilter::State XmppFeatureFilter::feed(std::string_view bytes, size_t& used,
                                                 std::string& out) {
  for (;;) {
    size_t read = 0;
    const XmppScanner::State scanned = scanner_.next(bytes, read);
    bytes.remove_prefix(read);
    used += read;
    switch (scanned) {
      case XmppScanner::State::kMore:
        return State::kMore;
      case XmppScanner::State::kBad:
        return State::kBad;
      case XmppScanner::State::kTooLong:
        return State::kTooLong;
      case XmppScanner::State::kToken:
        break;
    }
    const State state = handle(scanner_.token(), out);
    if (state != State::kMore) return state;
  }
}

XmppFeatureFilter::State XmppFeatureFilter::handle(const XmppToken& token, std::string& out) {
  if (token.kind == XmppToken::Kind::kDeclaration && depth_ > 0) return State::kBad;
  if (depth_ == 0) return beforeHeader(token, out);
  if (depth_ == 1) return inStream(token, out);
  return inFeatures(token, out);
}

XmppFeatureFilter::State XmppFeatureFilter::beforeHeader(const XmppToken& token, std::string& out) {
  if (token.kind == XmppToken::Kind::kOpen) {
    if (token.name() != "stream:stream") return State::kBad;
    if (needsVersion_ && !token.attribute("version")) return State::kNoVersion;
    depth_ = 1;
  } else if (token.kind != XmppToken::Kind::kDeclaration && !token.isBlank()) {
    return State::kBad;
  }
  out += token.raw;
  return State::kMore;
}

XmppFeatureFilter::State XmppFeatureFilter::inStream(const XmppToken& token, std::string& out) {
  if (token.kind == XmppToken::Kind::kText && !token.isBlank()) return State::kBad;
  out += token.raw;
  if (token.kind == XmppToken::Kind::kText) return State::kMore;
  features_ = token.isElement() && token.name() == "stream:features";
  if (!features_) firstElement_ = token.name();
  if (!features_ || token.kind == XmppToken::Kind::kEmpty) return State::kDone;
  depth_ = 2;
  return State::kMore;
}

XmppFeatureFilter::State XmppFeatureFilter::inFeatures(const XmppToken& token, std::string& out) {
  switch (token.kind) {
    case XmppToken::Kind::kOpen:
    case XmppToken::Kind::kEmpty:
      return openChild(token, out);
    case XmppToken::Kind::kClose:
      return closeChild(token, out);
    case XmppToken::Kind::kText:
    case XmppToken::Kind::kDeclaration:
      break;
  }
  if (holdDepth_ != 0) {
    held_ += token.raw;
    mechanism_ += token.raw;
  } else if (dropDepth_ == 0) {
    out += token.raw;
  }
  return State::kMore;
}

XmppFeatureFilter::State XmppFeatureFilter::openChild(const XmppToken& token, std::string& out) {
  const bool empty = token.kind == XmppToken::Kind::kEmpty;
  const std::string_view name = token.localName();
  const bool startTls = depth_ == 2 && name == "starttls";
  startTls_ = startTls_ || startTls;
  if (!empty) ++depth_;
  if (holdDepth_ != 0) {
    held_ += token.raw;
  } else if (dropDepth_ != 0) {
    return State::kMore;
  } else if (startTls || name == "sasl-channel-binding") {
    if (!empty) dropDepth_ = depth_;
  } else if (!empty && name == "mechanism") {
    holdDepth_ = depth_;
    held_ = token.raw;
    mechanism_.clear();
  } else {
    out += token.raw;
  }
  return State::kMore;
}

XmppFeatureFilter::State XmppFeatureFilter::closeChild(const XmppToken& token, std::string& out) {
  if (holdDepth_ != 0) {
    held_ += token.raw;
    if (depth_ == holdDepth_) {
      holdDepth_ = 0;
      if (!needsChannelBinding(mechanism_)) out += held_;
      held_.clear();
    }
  } else if (dropDepth_ != 0) {
    if (depth_ == dropDepth_) dropDepth_ = 0;
  } else {
    out += token.raw;
  }
  return --depth_ == 1 ? State::kDone : State::kMore;
}

DialogStep passXmppFeatures(XmppFeatureFilter& filter, std::string_view text, std::string& out) {
  size_t used = 0;
  switch (filter.feed(text, used, out)) {
    case XmppFeatureFilter::State::kNoVersion:
    case XmppFeatureFilter::State::kMore:
      return messageMore(used);
    case XmppFeatureFilter::State::kDone:
      return messageStep(DialogStep::Next::kSettled, used);
    case XmppFeatureFilter::State::kTooLong:
      return messageFail(DialogFault::kTooLong, "the backend's stream features are too long");
    case XmppFeatureFilter::State::kBad:
      break;
  }
  return messageFail(DialogFault::kSyntax, "the backend sent bytes that are not an XMPP stream");
}

}  // namespace culvert
