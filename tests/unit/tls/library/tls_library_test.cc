// SPDX-License-Identifier: GPL-3.0-or-later
// The library as a whole: start, what -V says; and the tables of errors.
#include "tls/library/tls_library.h"

#include <algorithm>
#include <array>
#include <set>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

using TlsLibraryTest = TlsTest;

TEST_F(TlsLibraryTest, InitialisesOnce) {
  EXPECT_TRUE(initTlsLibrary().has_value());
  EXPECT_TRUE(initTlsLibrary().has_value());
}

TEST_F(TlsLibraryTest, KeysAreRightWithDirtyVectorRegisters) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(tlsLibraryDefect(), "");
}

TEST_F(TlsLibraryTest, SaysWhatIsInside) {
  EXPECT_EQ(tlsLibraryVersion(), LIBWOLFSSL_VERSION_STRING);
  EXPECT_FALSE(tlsCpuText().empty());
  auto features = tlsFeatures();
  EXPECT_NE(std::find(features.begin(), features.end(), "tls1.3"), features.end());
  EXPECT_EQ(libraryHasGroup(0x001d), true);
  EXPECT_EQ(libraryHasGroup(0x11ec),
            std::find(features.begin(), features.end(), "x25519mlkem768") != features.end());
}

TEST_F(TlsLibraryTest, NamesErrorsAndTheirAlerts) {
  EXPECT_EQ(tlsErrorName(VERIFY_MAC_ERROR), "bad-record");
  EXPECT_EQ(tlsErrorName(-99999), "internal");
  EXPECT_NE(tlsErrorText(-99999).find("-99999"), std::string::npos);
  EXPECT_EQ(alertForError(DECRYPT_ERROR), uint8_t{Alert::bad_record_mac});
  EXPECT_EQ(alertForError(LENGTH_ERROR), uint8_t{Alert::unexpected_message});
  EXPECT_EQ(alertForError(-99999), uint8_t{Alert::internal_error});
  EXPECT_EQ(alertForError(WANT_READ), std::nullopt);
  EXPECT_EQ(alertForError(ZERO_RETURN), std::nullopt);
  EXPECT_EQ(alertForError(FATAL_ERROR), std::nullopt);
  EXPECT_EQ(alertForError(SOCKET_PEER_CLOSED_E), std::nullopt);
  EXPECT_EQ(classifyError(WOLFSSL_ERROR_WANT_READ), TlsEvent::kWantRead);
  EXPECT_EQ(classifyError(WOLFSSL_ERROR_ZERO_RETURN), TlsEvent::kCleanEnd);
  EXPECT_EQ(classifyError(SOCKET_PEER_CLOSED_E), TlsEvent::kTruncated);
}

}  // namespace
}  // namespace culvert
