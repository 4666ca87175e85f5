// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes the STARTTLS dialogs of LDAP, XMPP, PostgreSQL and MySQL in both roles. The input's first
// byte chooses protocol and role, the second one the size of pieces. Then come records: a side and
// bytes or a message that is known here, or the end of the handshake. Every Dialog uses no more than
// it gets, sends nothing to the far side before TLS that is not allowed, leaves a bounded rest, and
// gives the same in whole records and in pieces.
//
// modules: starttls
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "starttls/ldap_dialog.h"
#include "starttls/mysql_dialog.h"
#include "starttls/pgsql_dialog.h"
#include "starttls/xmpp_dialog.h"

namespace {

using culvert::Dialog;
using culvert::DialogFault;
using culvert::DialogStep;
using Next = DialogStep::Next;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Enough to exceed every limit on the length of a message.
constexpr size_t kMostBytes = 3 * Dialog::kLongestLine / 2;

constexpr unsigned kMakers = 8;
constexpr unsigned kMysqlClientMaker = 7;
std::unique_ptr<Dialog> makeDialog(unsigned which) {
  switch (which) {
    case 0:
      return culvert::makeLdapServer();
    case 1:
      return culvert::makeLdapClient();
    case 2:
      return culvert::makeXmppServer();
    case 3:
      return culvert::makeXmppClient();
    case 4:
      return culvert::makePgsqlServer();
    case 5:
      return culvert::makePgsqlClient();
    case 6:
      return culvert::makeMysqlServer();
    default:
      return culvert::makeMysqlClient();
  }
}

/// The owner of a Dialog.
class Owner {
 public:
  enum class State : uint8_t { kOpening, kTls, kSettling, kPassing, kDirect, kEnded, kFailed };

  explicit Owner(unsigned which) : which_(which), dialog_(makeDialog(which)) {
    apply(dialog_->begin(out_), nullptr);
    pump();
  }

  void feed(bool peer, std::span<const uint8_t> bytes) {
    if (!(peer ? farIn_ : peerIn_).empty()) mixed_ = true;
    (peer ? peerIn_ : farIn_) += culvert::asText(bytes);
    total_ += bytes.size();
    pump();
  }
  void secure() {
    if (state_ != State::kTls) return;
    state_ = State::kSettling;
    peerIn_.clear();
    apply(dialog_->onSecure(out_), nullptr);
    pump();
  }

  std::string progress() const { return dialog_->progress(); }
  /// False if another split of the same bytes may give another result: early data that came later,
  /// or a failure that overtook bytes of the other side.
  bool isComparable() const {
    return detail_.find("behind") == detail_.npos && !(mixed_ && state_ == State::kFailed);
  }
  bool operator==(const Owner& other) const {
    return state_ == other.state_ && fault_ == other.fault_ && detail_ == other.detail_ &&
           toPeer_ == other.toPeer_ && toFar_ == other.toFar_;
  }

 private:
  bool runs() const { return state_ == State::kOpening || state_ == State::kSettling; }

  void pump() {
    for (bool again = true; again && runs();) {
      again = offer(&Dialog::fromPeer, peerIn_);
      if (runs() && (state_ == State::kSettling || dialog_->needsFar()))
        again = offer(&Dialog::fromFar, farIn_) || again;
    }
    if (state_ == State::kOpening && !dialog_->needsFar())
      require(peerIn_.size() <= Dialog::kLongestLine);
    if (state_ == State::kPassing) {
      toFar_ += std::exchange(peerIn_, {});
      toPeer_ += std::exchange(farIn_, {});
    }
    require(toPeer_.size() + toFar_.size() <= 1024 + 64 * total_);
  }

  bool offer(DialogStep (Dialog::*handler)(std::span<const uint8_t>, culvert::DialogOutput&),
             std::string& input) {
    if (input.empty()) return false;
    const DialogStep step = (dialog_.get()->*handler)(culvert::asBytes(input), out_);
    const bool moved = step.consumed > 0 || !out_.toPeer.empty() || !out_.toFar.empty();
    apply(step, &input);
    return moved;
  }

  void checkFar(const DialogStep& step) const {
    if (state_ != State::kOpening || out_.toFar.empty() || step.next == Next::kPlain) return;
    // Before TLS, only the greeting passes, and only once.
    require(which_ == kMysqlClientMaker && toFar_.empty());
  }

  void apply(const DialogStep& step, std::string* input) {
    checkFar(step);
    toPeer_ += std::exchange(out_.toPeer, {});
    toFar_ += std::exchange(out_.toFar, {});
    require((step.fault != DialogFault::kNone) == (step.next == Next::kFail));
    require(step.detail.empty() == (step.next != Next::kFail));
    require(step.consumed <= (input != nullptr ? input->size() : 0));
    if (input != nullptr) input->erase(0, step.consumed);
    switch (step.next) {
      case Next::kMore:
        break;
      case Next::kStartTls:
        require(state_ == State::kOpening && (step.restIsTls || peerIn_.empty()));
        state_ = State::kTls;
        break;
      case Next::kSettled:
        require(state_ == State::kSettling);
        state_ = State::kPassing;
        break;
      case Next::kPlain:
        state_ = State::kPassing;
        break;
      case Next::kDirect:
        require(toPeer_.empty() && step.consumed == 0);
        state_ = State::kDirect;
        break;
      case Next::kEnd:
        state_ = State::kEnded;
        break;
      case Next::kFail:
        state_ = State::kFailed;
        fault_ = step.fault;
        detail_ = step.detail;
    }
  }

  unsigned which_;
  std::unique_ptr<Dialog> dialog_;
  culvert::DialogOutput out_;
  std::string peerIn_, farIn_;
  std::string toPeer_, toFar_;
  State state_ = State::kOpening;
  DialogFault fault_ = DialogFault::kNone;
  std::string detail_;
  bool mixed_ = false;
  size_t total_ = 0;
};

#define CULVERT_FUZZ_TLS "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
#define CULVERT_FUZZ_ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define CULVERT_FUZZ_OID "1.3.6.1.4.1.1466.20037"

/// Messages of the four protocols, so that the fuzzer need not find them.
template <size_t kSize>
constexpr std::string_view lit(const char (&text)[kSize]) {
  return {text, kSize - 1};
}
constexpr std::string_view kKnown[] = {
    lit("\x30\x1d\x02\x01\x01\x77\x18\x80\x16" CULVERT_FUZZ_OID),
    lit("\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x16" CULVERT_FUZZ_OID),
    lit("\x30\x0c\x02\x01\x02\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
    lit("\x30\x11\x02\x01\x05\x42\x00\xa0\x0a\x30\x08\x04\x03"
        "1.2\x01\x01\xff"),
    lit("<?xml version='1.0'?><stream:stream to='a.example' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"),
    lit("<starttls " CULVERT_FUZZ_TLS "/>"),
    lit("<starttls " CULVERT_FUZZ_TLS "></starttls>"),
    lit("<proceed " CULVERT_FUZZ_TLS "/>"),
    lit("<stream:features><starttls " CULVERT_FUZZ_TLS "><required/></starttls><m><mechanism>A-PLUS"
        "</mechanism><mechanism>B</mechanism></m><sasl-channel-binding/></stream:features>"),
    lit("\x00\x00\x00\x08\x04\xd2\x16\x2f"),
    lit("\x00\x00\x00\x08\x04\xd2\x16\x30"),
    lit("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x12\x34\xde\xad\xbe\xef"),
    lit("\x00\x00\x00\x17\x00\x03\x00\x00user\0alice\0\0\0\0\0"),
    lit("S"),
    lit("R\x00\x00\x00\x2a\x00\x00\x00\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
    lit("E\x00\x00\x00\x0cMerror\0\0"),
    lit("\x1c\x00\x00\x00\x0a"
        "5.6.4\0\x56\x0a\x00\x00RB3vz&Gr\x00\xff\xff\x08\x02\x00\x0f\xc0\x15"),
    lit("\x1c\x00\x00\x00\x0a"
        "5.6.4\0\x56\x0a\x00\x00RB3vz&Gr\x00\xff\xf7\x08\x02\x00\x0f\xc0\x15"),
    lit("\x20\x00\x00\x01\x8d\xae" CULVERT_FUZZ_ZEROS),
    lit("\x24\x00\x00\x02\x8d\xae" CULVERT_FUZZ_ZEROS "pam\0"),
    lit("\x24\x00\x00\x01\x8d\xa6" CULVERT_FUZZ_ZEROS "pam\0"),
    lit("\x07\x00\x00\x02\0\0\0\x02\0\0\0"),
    lit("\x02\x00\x00\x03\x01\x04"),
};

/// Takes a known message with one byte changed. A dot changes nothing.
std::string takeKnown(std::span<const uint8_t>& records) {
  std::string text(kKnown[records[1] % std::size(kKnown)]);
  char& changed = text[records[2] % text.size()];
  changed = static_cast<char>(changed ^ records[3] ^ '.');
  records = records.subspan(4);
  return text;
}

/// Takes bytes, once or many times: a record is long without a long input.
std::string takeBytes(std::span<const uint8_t>& records) {
  const size_t length = std::min<size_t>(records[1], records.size() - 2);
  const unsigned times = records[0] >= 0xf0 ? 64U : 1U;
  std::string text;
  for (unsigned i = 0; i < times; ++i) text += culvert::asText(records.subspan(2, length));
  records = records.subspan(2 + length);
  return text;
}

/// Plays the records with pieces of at most this size.
void play(Owner& owner, std::span<const uint8_t> records, size_t piece) {
  size_t left = kMostBytes;
  while (records.size() >= 4 && left > 0) {
    const unsigned kind = records[0] % 5;
    if (kind == 4) {
      owner.secure();
      records = records.subspan(1);
      continue;
    }
    std::string text = kind < 2 ? takeKnown(records) : takeBytes(records);
    text.resize(std::min(text.size(), left));
    left -= text.size();
    for (size_t at = 0; at < text.size(); at += piece)
      owner.feed(kind % 2 == 0, culvert::asBytes(std::string_view(text).substr(at, piece)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::span<const uint8_t> records(data + 2, size - 2);
  const unsigned which = data[0] % kMakers;
  Owner whole(which);
  Owner pieces(which);
  play(whole, records, size_t{1} << 20);
  play(pieces, records, size_t{1} + data[1] % 16);
  require(!whole.progress().empty());
  if (whole.isComparable() && pieces.isComparable()) require(whole == pieces);
  return 0;
}
