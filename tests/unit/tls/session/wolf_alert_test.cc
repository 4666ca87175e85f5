// SPDX-License-Identifier: GPL-3.0-or-later
// One fatal alert leaves, the first, and none behind it; before a ServerHello has left it is plain.
#include "tls/session/wolf_alert.h"

#include "tls/protocol/alert_number.h"
#include "unit/tls/support/hello_builder.h"
#include "unit/tls/support/tls_stream_fixture.h"

namespace culvert {
namespace {

struct Capture : TlsIoContext {
  std::string sent;
};

int nothingThere(WOLFSSL*, char*, int, void*) { return WOLFSSL_CBIO_ERR_WANT_READ; }

int capture(WOLFSSL* ssl, char* from, int size, void* context) {
  auto* io = static_cast<Capture*>(static_cast<TlsIoContext*>(context));
  if (io->ended) return size;
  io->sent.append(from, static_cast<size_t>(size));
  noteAlert(ssl, *io);
  return size;
}

TEST_F(TlsStreamTest, TheFirstFatalAlertIsTheOnlyOne) {
  const TestTls settings = testSettings();
  auto context =
      TlsContext::create(settings, settings.credentials[0], nullptr, nothingThere, capture);
  ASSERT_TRUE(context.has_value()) << context.error().text;
  Capture io;
  auto session = context->newSession(ClientHello(), io);
  ASSERT_TRUE(session.has_value());
  EXPECT_FALSE(alertsSeen(session->get(), io).sent);
  ASSERT_TRUE(canSendAlerts());
  // As a callback of the library does that refuses a certificate.
  EXPECT_EQ(sendFatalAlert(session->get(), Alert::access_denied), Alert::access_denied);
  EXPECT_EQ(sendFatalAlert(session->get(), Alert::bad_certificate), Alert::access_denied);
  EXPECT_TRUE(io.ended);
  EXPECT_EQ(alertsSeen(session->get(), io).sent, Alert::access_denied);
  ASSERT_EQ(io.sent.size(), 7u) << "one record";
  EXPECT_EQ(io.sent[6], Alert::access_denied);
}

/// wolfSSL stages its ServerHello before it looks at the share.
TEST_F(TlsStreamTest, AShareOfZerosIsAnsweredBeforeAServerHello) {
  HelloBuilder hello = HelloBuilder::modern();
  hello.set(10, vector16(numbers({0x001d})));
  hello.set(51, vector16(numbers({0x001d}) + vector16(Bytes(32, 0))));
  const Bytes bytes = hello.records();
  ASSERT_TRUE(sendAll(peer_.get(), std::string(bytes.begin(), bytes.end())));
  ASSERT_TRUE(waitFd(stream_->fd(), POLLIN));
  EXPECT_EQ(stream_->handshake(), IoStatus::kFailed);
  EXPECT_EQ(stream_->failure()->text(), "tls-sent:illegal_parameter");
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  const Received got = receiveAll(peer_.get());
  const auto alert = fatalAlertRecord(Alert::illegal_parameter);
  EXPECT_EQ(got.text, std::string(alert.begin(), alert.end())) << "and nothing else";
  EXPECT_TRUE(got.ended);
}

}  // namespace
}  // namespace culvert
