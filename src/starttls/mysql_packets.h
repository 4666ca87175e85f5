// SPDX-License-Identifier: GPL-3.0-or-later
// Packets of the login of MySQL and MariaDB: the greeting (HandshakeV10), ERR packets, and the
// relay that renumbers packets. TLS adds one packet, the SSLRequest, at one end of culvert only. So
// the sequence numbers of the two ends differ by one until the login is done. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

/// Length (3 bytes, little-endian) and sequence number.
constexpr size_t kMysqlHead = 4;
/// The part of a HandshakeResponse41 before the user name. An SSLRequest is this part alone.
constexpr size_t kMysqlFixedPart = 32;
constexpr uint16_t kMysqlProtocol41 = 0x0200;
constexpr uint16_t kMysqlSsl = 0x0800;

struct MysqlHead {
  size_t length;     ///< of the payload
  uint8_t sequence;  ///< 0 for the greeting
  size_t size() const { return kMysqlHead + length; }
};
/// Reads the head at the front of `bytes`. Returns nothing if it is not complete.
std::optional<MysqlHead> readMysqlHead(std::string_view bytes);
std::string mysqlHead(size_t length, uint8_t sequence);

/// The capability flags are little-endian. These are the low two bytes, at `bytes`[at].
uint16_t mysqlFlags(std::string_view bytes, size_t at);
void putMysqlFlags(std::string& bytes, size_t at, uint16_t flags);

/// Returns where the low capability flags are in the payload of a HandshakeV10. Returns nothing if
/// it is not one.
std::optional<size_t> mysqlGreetingFlags(std::string_view payload);

std::string mysqlError(uint8_t sequence, uint16_t code, std::string_view sqlState,
                       std::string_view text);

/// Passes the packets of one direction of a login, each as it arrives, with new sequence numbers.
class MysqlRelay {
 public:
  /// No packet of a login is nearly as long. The attributes of a connection have at most 64 KiB.
  static constexpr size_t kLongestPacket = 128 * 1024;
  enum class State : uint8_t {
    kMore,
    kLoginDone,  ///< an OK or ERR packet of the backend has passed
    kTooLong,
    kBad,  ///< the first packet of the client is not a HandshakeResponse41 that fits
  };
  struct Step {
    State state;
    size_t used;
  };

  /// A relay of the backend's packets. `shift` is added to each sequence number.
  static MysqlRelay ofBackend(int shift) { return MysqlRelay(shift); }
  /// A relay of the client's packets, of which the first has the number `first` and gets (`ssl`) or
  /// loses CLIENT_SSL. It must have CLIENT_SSL if and only if the flag is to be removed.
  static MysqlRelay ofClient(int shift, uint8_t first, bool ssl) {
    MysqlRelay relay(shift);
    relay.client_ = true;
    relay.first_ = first;
    relay.ssl_ = ssl;
    return relay;
  }

  Step feed(std::string_view bytes, std::string& out);

 private:
  explicit MysqlRelay(int shift) : shift_(shift) {}
  std::optional<State> beginPacket(std::string_view bytes, std::string& out, size_t& used);
  std::optional<State> beginResponse(MysqlHead head, std::string_view bytes, std::string& out,
                                     size_t& used);

  int shift_;
  bool client_ = false;
  bool started_ = false;  // the first packet has begun
  bool ssl_ = false;
  uint8_t first_ = 0;
  bool last_ = false;  // the packet that passes ends the login
  size_t left_ = 0;    // of the payload that passes
};

}  // namespace culvert
