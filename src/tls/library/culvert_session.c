// SPDX-License-Identifier: GPL-3.0-or-later
// See culvert_session.h. scripts/wolfssl.sh copies both files into the source of wolfSSL, where
// src/internal.c includes this one.
#include "culvert_session.h"

static int culvertCipherOf(const WOLFSSL* ssl)
{
    if (ssl->specs.cipher_type != aead || ssl->specs.aead_mac_size != 16)
        return 0;
    if (ssl->specs.bulk_cipher_algorithm == wolfssl_aes_gcm)
        return ssl->specs.key_size == 16 ? CULVERT_AES_128_GCM : CULVERT_AES_256_GCM;
    if (ssl->specs.bulk_cipher_algorithm == wolfssl_chacha && !ssl->options.oldPoly)
        return CULVERT_CHACHA20_POLY1305;
    return 0;
}

static int culvertHoldsBytes(const WOLFSSL* ssl)
{
    const Buffers* buffers = &ssl->buffers;

    return buffers->inputBuffer.idx != buffers->inputBuffer.length || buffers->outputBuffer.length != 0 ||
        buffers->clearOutputBuffer.length != 0 || ssl->options.processReply != 0 ||
        (ssl->arrays != NULL && ssl->arrays->pendingMsg != NULL);
}

static void culvertCopyKeys(struct CulvertKeys* to, const WOLFSSL* ssl, int server)
{
    const Keys* keys = &ssl->keys;
    const int tls13 = IsAtLeastTLSv1_3(ssl->version);
    const int gcm12 = !tls13 && ssl->specs.bulk_cipher_algorithm == wolfssl_aes_gcm;
    const word32 ivSize = gcm12 ? AESGCM_IMP_IV_SZ : AEAD_NONCE_SZ;

    XMEMCPY(to->key, server ? keys->server_write_key : keys->client_write_key, ssl->specs.key_size);
    XMEMCPY(to->iv, server ? keys->server_write_IV : keys->client_write_IV, ivSize);
    if (tls13)
        XMEMCPY(to->secret, server ? ssl->serverSecret : ssl->clientSecret, ssl->specs.hash_size);
}

int culvertExportSession(const WOLFSSL* ssl, struct CulvertSession* out)
{
    const int server = ssl->options.side == WOLFSSL_SERVER_END;
    const int tls13 = IsAtLeastTLSv1_3(ssl->version);
    const Keys* keys = &ssl->keys;
    int i;

    XMEMSET(out, 0, sizeof(*out));
    out->cipher = (uint8_t)culvertCipherOf(ssl);
    if (out->cipher == 0 || ssl->options.dtls || ssl->version.major != SSLv3_MAJOR ||
            ssl->version.minor < TLSv1_2_MINOR || ssl->options.handShakeState != HANDSHAKE_DONE)
        return CULVERT_EXPORT_UNSUITED;
    if (culvertHoldsBytes(ssl))
        return CULVERT_EXPORT_PENDING;
    out->version = tls13 ? 0x0304 : 0x0303;
    out->server = (uint8_t)server;
    out->hashSize = ssl->specs.hash_size;
    out->sendLimit = out->inputLimit = MAX_RECORD_SIZE;
#ifdef HAVE_MAX_FRAGMENT
    if (ssl->max_fragment != 0)
        out->sendLimit = out->inputLimit = ssl->max_fragment;
    if (ssl->record_limit != 0 && ssl->record_limit < out->sendLimit)
        out->sendLimit = ssl->record_limit;
#endif
    if (!server && tls13)
        XMEMCPY(out->resumption, ssl->session->masterSecret, ssl->specs.hash_size);
    culvertCopyKeys(&out->in, ssl, !server);
    culvertCopyKeys(&out->out, ssl, server);
    out->in.sequence = ((uint64_t)keys->peer_sequence_number_hi << 32) | keys->peer_sequence_number_lo;
    out->out.sequence = ((uint64_t)keys->sequence_number_hi << 32) | keys->sequence_number_lo;
    if (!tls13 && out->cipher != CULVERT_CHACHA20_POLY1305) {
        /* The library starts at a random number and counts up. The register has the next one. */
        const byte* next = (const byte*)ssl->encrypt.aes->reg + AESGCM_IMP_IV_SZ;

        for (i = 0; i < AESGCM_EXP_IV_SZ; i++)
            out->nextNonce = out->nextNonce << 8 | next[i];
    }
    return CULVERT_EXPORT_DONE;
}

static int culvertFillSession(WOLFSSL_SESSION* session, const struct CulvertTicket* ticket)
{
    session->side = WOLFSSL_CLIENT_END;
    session->version.major = SSLv3_MAJOR;
    session->version.minor = TLSv1_3_MINOR;
    session->cipherSuite0 = (byte)(ticket->suite >> 8);
    session->cipherSuite = (byte)ticket->suite;
    session->namedGroup = ticket->group;
    session->haveEMS = 1; /* the hello has to fit a server that chooses TLS 1.2, too */
    session->bornOn = (word32)(ticket->receivedMillis / 1000);
    session->timeout = ticket->lifetime;
    session->ticketSeen = ticket->receivedMillis;
    session->ticketAdd = ticket->ageAdd;
    XMEMCPY(session->masterSecret, ticket->secret, ticket->secretSize);
    if (SessionTicketNoncePopulate(session, ticket->nonce, ticket->nonceSize) != 0)
        return -1;
    if (ticket->ticketSize > sizeof(session->staticTicket)) {
        byte* bytes = (byte*)XMALLOC(ticket->ticketSize, session->heap, DYNAMIC_TYPE_SESSION_TICK);

        if (bytes == NULL)
            return -1;
        session->ticket = bytes;
        session->ticketLenAlloc = ticket->ticketSize;
    }
    XMEMCPY(session->ticket, ticket->ticket, ticket->ticketSize);
    session->ticketLen = ticket->ticketSize;
    session->isSetup = 1;
    return 0;
}

int culvertOfferTicket(WOLFSSL* ssl, const struct CulvertTicket* ticket)
{
    WOLFSSL_SESSION* session = wolfSSL_NewSession(ssl->heap);
    int result = -1;

    if (session == NULL)
        return -1;
    if (culvertFillSession(session, ticket) == 0 && wolfSSL_SetSession(ssl, session) == WOLFSSL_SUCCESS)
        result = 0;
    wolfSSL_FreeSession(ssl->ctx, session);
    return result;
}
