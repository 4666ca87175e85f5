// SPDX-License-Identifier: GPL-3.0-or-later
// Every failure has a cause of the closed list, and a sentence.
#include "tls/session/explain.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"

namespace culvert {
namespace {

TEST(Explain, AnEstablishedSessionEndsByTheAlertThatWasSentOrReceived) {
  EXPECT_EQ(explainSessionFailure(DECRYPT_ERROR, {uint8_t{20}, std::nullopt}).text(),
            "tls-sent:bad_record_mac");
  EXPECT_EQ(explainSessionFailure(FATAL_ERROR, {std::nullopt, uint8_t{80}}).text(),
            "tls-received:internal_error");
  EXPECT_EQ(explainSessionFailure(ALERT_COUNT_E, {}).text(), "tls-error:too-many-alerts");
}

TEST(Explain, AnAlertInTheClearEndsNothingByItself) {
  const CloseReason injected = explainSessionFailure(PARSE_ERROR, {uint8_t{10}, uint8_t{40}});
  EXPECT_EQ(injected.text(), "tls-sent:unexpected_message");
  EXPECT_EQ(injected.detail, "the client sent an unencrypted alert");
}

TEST(Explain, AHandshakeThatTheClientLeavesHasNoAlert) {
  const CloseReason left = explainHandshakeFailure(SOCKET_PEER_CLOSED_E, {});
  EXPECT_EQ(left.text(), "tls-error:closed");
  EXPECT_EQ(left.detail, "client closed the connection during the handshake");
}

TEST(Explain, TheBackendIsNamedWhereItIsThePeer) {
  const AlertsSeen sent{uint8_t{Alert::unexpected_message}, std::nullopt};
  EXPECT_EQ(explainHandshakeFailure(OUT_OF_ORDER_E, sent, TlsPeer::kBackend).detail,
            "backend sent a message out of order");
  EXPECT_EQ(explainSessionFailure(VERIFY_FINISHED_ERROR, sent, TlsPeer::kBackend).detail,
            "backend's Finished message does not verify");
  EXPECT_EQ(explainHandshakeFailure(OUT_OF_ORDER_E, sent, TlsPeer::kClient).detail,
            "client sent a message out of order");
}

TEST(Explain, RefusalsOfAHelloAreAlertsThatWereSent) {
  EXPECT_EQ(explainVerdict({0, Alert::protocol_version, "why"}).text(),
            "tls-sent:protocol_version");
  const HelloResult result{HelloStatus::kNotTls, Alert::unexpected_message, FirstBytes::kHttp,
                           "client speaks plain HTTP"};
  EXPECT_EQ(explainHello(result).text(), "tls-sent:unexpected_message");
  EXPECT_EQ(fatalAlertRecord(70), (std::array<uint8_t, 7>{21, 3, 3, 0, 2, 2, 70}));
}

}  // namespace
}  // namespace culvert
