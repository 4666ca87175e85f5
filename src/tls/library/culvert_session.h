// SPDX-License-Identifier: GPL-3.0-or-later
// The keys and the state of an established TLS session, taken out of wolfSSL. wolfSSL's own build
// compiles culvert_session.c, so that the layout of its internal structs always agrees. Shared and
// older libraries lack the function. Thread: the session's.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CULVERT_AES_128_GCM = 1, CULVERT_AES_256_GCM = 2, CULVERT_CHACHA20_POLY1305 = 3 };

enum {
  CULVERT_EXPORT_DONE = 0,
  CULVERT_EXPORT_UNSUITED = 1, /* another cipher, version or transport: wolfSSL keeps the records */
  CULVERT_EXPORT_PENDING = 2   /* wolfSSL holds a part of a message or unread payload */
};

/* The keys of one direction. */
struct CulvertKeys {
  uint8_t secret[48]; /* application traffic secret; TLS 1.3 only */
  uint8_t key[32];
  uint8_t iv[12]; /* 4 bytes for AES-GCM in TLS 1.2, else 12 */
  uint64_t sequence;
};

struct CulvertSession {
  uint16_t version;       /* 0x0303 or 0x0304 */
  uint8_t server;         /* 1 if this side is the server */
  uint8_t cipher;         /* CULVERT_AES_128_GCM ... */
  uint8_t hashSize;       /* bytes of the handshake's hash: 32 or 48 */
  uint16_t sendLimit;     /* most payload bytes of a record to the peer */
  uint16_t inputLimit;    /* most payload bytes of a record from the peer */
  uint64_t nextNonce;     /* next explicit nonce; AES-GCM in TLS 1.2 only */
  uint8_t resumption[48]; /* resumption secret (RFC 8446 7.1); TLS 1.3 client only */
  struct CulvertKeys in;
  struct CulvertKeys out;
};

/* A TLS 1.3 session that a client resumes (RFC 8446 4.6.1). The caller keeps the bytes. */
struct CulvertTicket {
  uint16_t suite;
  uint16_t group;    /* of the session that the ticket came from */
  uint32_t lifetime; /* seconds */
  uint32_t ageAdd;
  int64_t receivedMillis; /* wall clock */
  const uint8_t* secret;  /* resumption secret */
  const uint8_t* nonce;
  const uint8_t* ticket;
  uint16_t ticketSize;
  uint8_t secretSize; /* 32 or 48 */
  uint8_t nonceSize;
};

struct WOLFSSL;

/* Copies the state of `ssl` to `out` if the handshake is done. Does not change `ssl`. The caller
 * wipes `out`. Returns one of CULVERT_EXPORT_... */
int culvertExportSession(const struct WOLFSSL* ssl, struct CulvertSession* out);

/* Makes `ssl`, a client session that has not begun, offer `ticket`. Returns 0, or -1 if memory runs
 * out or the ticket has expired; then `ssl` makes a full handshake. */
int culvertOfferTicket(struct WOLFSSL* ssl, const struct CulvertTicket* ticket);

#ifdef __cplusplus
}
#endif
