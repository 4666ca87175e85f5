// SPDX-License-Identifier: GPL-3.0-or-later
// The records with application keys of RFC 8448, section 3 (Simple 1-RTT Handshake,
// TLS_AES_128_GCM_SHA256).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tls/protocol/wire.h"

namespace culvert {

struct Rfc8448Record {
  uint64_t number;
  uint8_t type;
  const char* content;
  const char* sealed;
};

struct Rfc8448Direction {
  const char* name;
  const char* secret;
  const char* key;
  const char* iv;
  std::vector<Rfc8448Record> records;
};

inline constexpr const char* kRfc8448Payload =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e"
    "2f3031";
inline constexpr const char* kRfc8448Ticket =
    "040000c90000001efad6aac502000000b22c035d829359ee5ff7af4ec900000000262a6494dc486d2c8a34cb33fa90"
    "bf1b0070ad3c498883c9367c09a2be785abc55cd226097a3a982117283f82a03a143efd3ff5dd36d64e861be7fd61d"
    "2827db279cce145077d454a3664d4e6da4d29ee03725a6a4dafcd0fc67d2aea70529513e3da2677fa5906c5b3f7d8f"
    "92f228bda40dda721470f9fbf297b5aea617646fac5c03272e970727c621a79141ef5f7de6505e5bfbc388e9334369"
    "4093934ae4d3570008002a000400000400";

inline const std::array<Rfc8448Direction, 2> kRfc8448 = {{
    {"client to server",
     "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
     "17422dda596ed5d9acd890e3c63f5051",
     "5b78923dee08579033e523d9",
     {{0, kApplicationData, kRfc8448Payload,
       "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20"
       "441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"},
      {1, kAlertRecord, "0100", "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3"}}},
    {"server to client",
     "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
     "9f02283b6c9c07efc26bb9f2ac92e356",
     "cf782b88dd83549aadf1e984",
     {{0, kHandshakeRecord, kRfc8448Ticket,
       "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758"
       "db289a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0"
       "d4a3d03f75e09c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77c"
       "a475840025db2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d02"
       "3e70e952ca49fe5137121c74bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985"
       "684f"},
      {1, kApplicationData, kRfc8448Payload,
       "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb50"
       "1a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"},
      {2, kAlertRecord, "0100", "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"}}},
}};

}  // namespace culvert
