// SPDX-License-Identifier: GPL-3.0-or-later
// The dialog of culvert as PostgreSQL server.
#include "base/bytes.h"
#include "starttls/message_steps.h"
#include "starttls/pgsql_dialog.h"
#include "starttls/pgsql_messages.h"

namespace culvert {
namespace {

using PgsqlServerNext = DialogStep::Next;

class PgsqlServer final : public Dialog {
 public:
  bool needsFar() const override { return false; }
  DialogStep begin(DialogOutput&) override { return messageMore(0); }
  DialogStep fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) override;
  DialogStep fromFar(std::span<const uint8_t>, DialogOutput&) override { return messageMore(0); }
  // An SSLRequest inside TLS passes unchanged; the backend answers it.
  DialogStep onSecure(DialogOutput&) override { return messageStep(PgsqlServerNext::kSettled, 0); }
  std::string progress() const override { return "the client sent no SSLRequest"; }

 private:
  DialogStep answer(const PgsqlStartPacket& packet, std::string_view bytes, DialogOutput& out);
  static DialogStep refuse(std::string_view sqlState, DialogFault fault, std::string detail,
                           std::string_view hint, DialogOutput& out) {
    out.toPeer += pgsqlError(sqlState, hint);
    return messageFail(fault, std::move(detail));
  }

  unsigned requests_ = 0;
};

}  // namespace

DialogStep PgsqlServer::fromPeer(std::span<const uint8_t> bytes, DialogOutput& out) {
  const std::string_view text = asText(bytes);
  // PostgreSQL 17: sslnegotiation=direct.
  if (requests_ == 0 && text.starts_with(kFirstByteOfTls))
    return messageStep(PgsqlServerNext::kDirect, 0);
  size_t at = 0;
  while (at < text.size()) {
    PgsqlStartPacket packet;
    const PgsqlRead read = readPgsqlStart(text.substr(at), packet);
    if (read == PgsqlRead::kBad)
      return refuse("08P01", DialogFault::kSyntax, "the client sent an invalid startup packet",
                    "invalid startup packet", out);
    if (read == PgsqlRead::kMore || text.size() - at < packet.size) break;
    DialogStep step = answer(packet, text.substr(at), out);
    at += packet.size;
    step.consumed = at;
    if (step.next != PgsqlServerNext::kMore) return step;
  }
  return messageMore(at);
}

/// `bytes` begins with the packet and has all that arrived.
DialogStep PgsqlServer::answer(const PgsqlStartPacket& packet, std::string_view bytes,
                               DialogOutput& out) {
  const bool more = bytes.size() > packet.size;
  switch (packet.kind) {
    case PgsqlStart::kSsl:
      if (more)  // CVE-2021-23214
        return messageFail(DialogFault::kEarlyData, "the client sent bytes behind its SSLRequest");
      out.toPeer += 'S';
      return messageStep(PgsqlServerNext::kStartTls, 0);
    case PgsqlStart::kGss:
      if (++requests_ > kPgsqlMostRequests)
        return refuse("08P01", DialogFault::kTooMany, "the client sent too many GSSENCRequests",
                      "too many requests for encryption", out);
      out.toPeer += 'N';
      return messageMore(0);
    case PgsqlStart::kCancel:
      // libpq sends it without TLS up to version 16. It carries its own secret, the key.
      if (more)
        return refuse("08P01", DialogFault::kSyntax, "the client sent bytes behind a CancelRequest",
                      "invalid cancel request", out);
      out.toFar += bytes;
      return messageStep(PgsqlServerNext::kPlain, 0);
    case PgsqlStart::kStartup:
      break;
  }
  return refuse("28000", DialogFault::kPlaintext, "the client sent a StartupMessage without TLS",
                "connection requires TLS: set sslmode=require", out);
}

std::unique_ptr<Dialog> makePgsqlServer() { return std::make_unique<PgsqlServer>(); }

}  // namespace culvert
