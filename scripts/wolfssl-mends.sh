# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034  # olderMayLack is read by scripts/wolfssl.sh
# Changes to wolfSSL's source that culvert needs, made before it is built. scripts/wolfssl.sh sources this file.
# docs/building.md lists them with their reasons.
#
# To add one: add a function whose name begins with `mend`, and a row to docs/building.md. Nothing else.
# Its argument is the directory of the source. It fails if the text that it changes is not as expected. The functions run in
# the order of their names. If a function sets olderMayLack=1, it may fail when WOLFSSL=fallback builds an older release.
# Tools: bash, sed, grep, perl (perl-base is enough); `edit` for changes that span lines.
#
# Every change of a function changes the name of the cache entry, so the library is built again.

allMends() { compgen -A function mend; }

# The text of everything here that changes the result, for the name of the cache entry.
textOfMends() {
  # shellcheck disable=SC2046  # one word a function
  declare -f edit joinIn $(allMends)
  cat "$SESSION_FILES".[ch]
}

# edit FILE NUMBER PROGRAM: PROGRAM is Perl that changes $_, the whole file, and returns how many changes it made, such as
# 's/old/new/g'. The file is written only if the number is NUMBER.
edit() {
  perl -e '
    my ($file, $number, $program) = @ARGV;
    open(my $in, "<", $file) or exit 1;
    local $/;
    local $_ = <$in>;
    my $made = eval($program);
    die $@ if $@;
    exit 1 if $made != $number;
    open(my $out, ">", $file) or die "$file: $!";
    print $out $_;
    close($out) or die "$file: $!"' "$@"
}

# The files that export an established session: they need wolfSSL's internal headers and its flags.
SESSION_FILES=$(cd "${BASH_SOURCE[0]%/*}/../src/tls/library" && pwd)/culvert_session
readonly SESSION_FILES

# After the handshake culvert encrypts and decrypts records itself. culvertExportSession returns the session's keys.
mendExport() {
  olderMayLack=1
  [ "$KIND" != fallback ] || return 1
  cp "$SESSION_FILES".[ch] "$1/src/" && printf '\n#include "culvert_session.c"\n' >>"$1/src/internal.c"
}

# fe_cmov_table_avx2 of X25519 and Ed25519 (5.9.2) fills two vector registers with the legacy moves. These leave the upper
# halves unchanged, but the function then uses all of one register. If other code left something there, the key is wrong and
# the handshake fails. The AVX forms clear the upper halves.
mendAssembly() {
  olderMayLack=1
  local file=$1/wolfcrypt/src/fe_x25519_asm.S
  sed -i '/^fe_cmov_table_avx2:/,/^\.size[[:space:]]*fe_cmov_table_avx2/ {
    s/^\([[:space:]]*\)mov[dq]\([[:space:]]*%rbx, %xmm\)/\1vmovq\2/
    s/^\([[:space:]]*\)movd\([[:space:]]*%ebx, %xmm\)/\1vmovd\2/
  }' "$file"
  grep -q '^[[:space:]]*vmovq[[:space:]]*%rbx, %xmm9' "$file"
}

# Several AVX2 routines of X25519 and P-256 return without vzeroupper. SHA-NI has only legacy instructions, and a processor that
# keeps the upper halves runs these over 100 times slower until someone clears the halves. So SHA-256 clears them first.
mendSha256() {
  olderMayLack=1
  local file=$1/wolfcrypt/src/sha256_asm.S
  sed -i 's/^Transform_Sha256_AVX1_Sha\(_Len\)\{0,1\}:$/&\n        vzeroupper/' "$file"
  [ "$(grep -A1 '^Transform_Sha256_AVX1_Sha\(_Len\)\{0,1\}:$' "$file" | grep -c vzeroupper)" = 2 ]
}

# If the hello after a HelloRetryRequest has no ticket, the ticket of the first ClientHello stays in the list of extensions.
# That happens if the chosen suite does not fit the ticket. The library then fails that hello, or verifies the old binder
# against it. It has to drop the ticket before it reads the extensions again.
mendRetry() {
  local file=$1/src/tls13.c
  sed -i '/ret = TLSX_Parse(ssl, input + args->idx, totalExtSz, client_hello/i\
    TLSX_Remove(\&ssl->extensions, TLSX_PRE_SHARED_KEY, ssl->heap);' "$file"
  grep -q 'TLSX_Remove(&ssl->extensions, TLSX_PRE_SHARED_KEY, ssl->heap);' "$file"
}

# A client's OCSP request takes 2 KiB for the whole session of a server, although no code reads it after the handshake. Now it
# is freed with the other extensions of the handshake.
mendStatus() {
  olderMayLack=1
  local file=$1/src/internal.c
  sed -i '/^    TLSX_Remove(&ssl->extensions, TLSX_EC_POINT_FORMATS, ssl->heap);$/a\
    if (ssl->options.side == WOLFSSL_SERVER_END)\
        TLSX_Remove(\&ssl->extensions, TLSX_STATUS_REQUEST, ssl->heap);' "$file"
  [ "$(grep -c 'TLSX_Remove(&ssl->extensions, TLSX_STATUS_REQUEST, ssl->heap);' "$file")" = 1 ]
}

# An X25519 key with the top bit set, as scanners send them, is refused, although the bit must be masked (RFC 7748 5). It
# has to be masked for the checks of the value, and in the value that is used.
mendX25519() {
  local file=$1/wolfcrypt/src/curve25519.c
  sed -i '/^int wc_curve25519_check_public(/,/^}/ {
    s/^    word32 i;$/    word32 i;\n    byte masked[CURVE25519_KEYSIZE];/
    0,/^    if (endian == EC25519_LITTLE_ENDIAN) {$/ s/^    if (endian == EC25519_LITTLE_ENDIAN) {$/    XMEMCPY(masked, pub, sizeof(masked));\n    masked[endian == EC25519_LITTLE_ENDIAN ? CURVE25519_KEYSIZE - 1 : 0] \&= 0x7f;\n    pub = masked;\n&/
  }
  /^int wc_curve25519_import_public_ex(/,/^}/ s/^    curve25519_copy_point(key->p.point, in, endian);$/&\n    key->p.point[CURVE25519_KEYSIZE - 1] \&= 0x7f;/' "$file"
  [ "$(grep -c '&= 0x7f;$' "$file")" -ge 2 ] && grep -q '^    pub = masked;$' "$file" &&
    grep -q '^    key->p.point\[CURVE25519_KEYSIZE - 1\] &= 0x7f;$' "$file"
}

# A NewSessionTicket of TLS 1.2 with a lifetime hint of 0 leaves the lifetime to the client (RFC 5077 3.3), and Go's servers send
# no other. wolfSSL treats such a session as expired, so a client never resumes it. Now the lifetime of the context applies.
mendLifetime() {
  edit "$1/src/internal.c" 1 's{^( +ssl->timeout = )lifetime;$}{$1lifetime != 0 ? lifetime : ssl->ctx->timeout;}mg'
}

# Lists in a hello that are longer than the library's arrays. The library refuses more than WOLFSSL_MAX_SUITE_SZ bytes of cipher
# suites and more than 24 key shares, and ignores signature schemes after WOLFSSL_MAX_SIGALGO. Entries that the library does not
# know cannot be chosen. So they are left out, and the lists may be as long as the protocol allows.
mendLists() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's/^(WOLFSSL_LOCAL int  PickHashSigAlgo\()/WOLFSSL_LOCAL void CopyClientSuites(WOLFSSL* ssl, const byte* list,
                                      word16 size);
$1/gm' &&
    edit "$1/src/internal.c" 2 '
      s/(^        if \(ssl->clSuites->suiteSz > WOLFSSL_MAX_SUITE_SZ\) \{\n            ret = BUFFER_ERROR;\n            goto out;\n        \}\n\n)        XMEMCPY\(ssl->clSuites->suites, input \+ i, ssl->clSuites->suiteSz\);\n/        CopyClientSuites(ssl, input + i, ssl->clSuites->suiteSz);\n/m +
      s/^        i \+= ssl->clSuites->suiteSz;\n(?=        ssl->clSuites->hashSigAlgoSz = 0;\n)/        {\n            word16 listSz;\n            ato16(&input[i - OPAQUE16_LEN], &listSz);\n            i += listSz;\n        }\n/m' &&
    edit "$1/src/tls13.c" 1 's/^    if \(ssl->clSuites->suiteSz > WOLFSSL_MAX_SUITE_SZ\)\n        ERROR_OUT\(BUFFER_ERROR, exit_dch\);\n    XMEMCPY\(ssl->clSuites->suites, input \+ args->idx, ssl->clSuites->suiteSz\);\n    args->idx \+= ssl->clSuites->suiteSz;\n/    {\n        word16 listSz = ssl->clSuites->suiteSz;\n        CopyClientSuites(ssl, input + args->idx, listSz);\n        args->idx += listSz;\n    }\n/m' &&
    edit "$1/src/tls.c" 3 '
      s/^    suites->hashSigAlgoSz = len;\n(    \/\* Sig Algo list size must be even. \*\/\n)    if \(suites->hashSigAlgoSz % 2 != 0\)\n        return BUFFER_ERROR;\n    if \(suites->hashSigAlgoSz > WOLFSSL_MAX_SIGALGO\) \{\n.*?\n    \}\n    XMEMCPY\(suites->hashSigAlgo, input, suites->hashSigAlgoSz\);\n\n    return TLSX_SignatureAlgorithms_MapPss\(ssl, input, suites->hashSigAlgoSz\);\n/$1    if (len % 2 != 0)\n        return BUFFER_ERROR;\n    suites->hashSigAlgoSz = CopyKnownSigAlgs(suites->hashSigAlgo, input, len);\n\n    return TLSX_SignatureAlgorithms_MapPss(ssl, input, len);\n/ms +
      s/^(\/\* Parse the SignatureAlgorithms extension\.\n)/static word16 CopyKnownSigAlgs(byte* to, const byte* list, word16 size)
{
    word16 i, j, count = 0;

    if (size <= WOLFSSL_MAX_SIGALGO) {
        XMEMCPY(to, list, size);
        return size;
    }
    for (i = 0; i < size && count + 2 <= WOLFSSL_MAX_SIGALGO; i += 2) {
        int known = list[i] == NEW_SA_MAJOR ?
            list[i + 1] >= sha256_mac && list[i + 1] <= pss_sha512 :
            list[i] >= sha_mac && list[i] <= sha512_mac &&
            (list[i + 1] == rsa_sa_algo || list[i + 1] == ecc_dsa_sa_algo);
        for (j = 0; known && j < count; j += 2)
            known = to[j] != list[i] || to[j + 1] != list[i + 1];
        if (known) {
            to[count++] = list[i];
            to[count++] = list[i + 1];
        }
    }
    return count;
}

$1/m +
      s/^    if \(seenGroups != NULL\) \{\n(?=        if \(\*seenGroupsCnt >= MAX_KEYSHARE_NAMED_GROUPS\))/    if (seenGroups != NULL && !TLSX_IsGroupSupported(group, WOLFSSL_SERVER_END))\n        return offset + keLen;\n\n$&/m' &&
    edit "$1/src/internal.c" 1 's/^(    int FindSuite\(const Suites\* suites, byte first, byte second\)\n.*?^    \}\n)/$1
    \/* The cipher suites of a client: all of them, or those only that this side
     * has where all are more than fit. *\/
    void CopyClientSuites(WOLFSSL* ssl, const byte* list, word16 size)
    {
        Suites* to = ssl->clSuites;
        const Suites* own = WOLFSSL_SUITES(ssl);
        word16 i;

        to->suiteSz = size;
        if (size <= WOLFSSL_MAX_SUITE_SZ) {
            XMEMCPY(to->suites, list, size);
            return;
        }
        to->suiteSz = 0;
        for (i = 0; i < size && to->suiteSz + 2 <= WOLFSSL_MAX_SUITE_SZ; i += 2) {
            int known = FindSuite(own, list[i], list[i + 1]) >= 0 ||
                (list[i] == 0 && list[i + 1] == TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
            if (known && FindSuite(to, list[i], list[i + 1]) < 0) {
                to->suites[to->suiteSz++] = list[i];
                to->suites[to->suiteSz++] = list[i + 1];
            }
        }
    }
/ms'
}

# A peer's chain may have MAX_CHAIN_DEPTH (9) certificates, and a higher value makes arrays in each session larger. This gives
# the peer's chain a limit of its own, in a list that exists only while the message is read.
mendChain() {
  olderMayLack=1
  edit "$1/src/internal.c" 5 '
    s/^    ctx->verifyDepth = \KMAX_CHAIN_DEPTH;/CULVERT_MAX_PEER_CHAIN;/m +
    s/args->exts = \(buffer\*\)XMALLOC\(sizeof\(buffer\) \*\n\s*\KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/ +
    s/args->certs = \(buffer\*\)XMALLOC\(sizeof\(buffer\) \* \KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/ +
    s/XMEMSET\(args->certs, 0, sizeof\(buffer\) \* \KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/ +
    s/args->totalCerts >= ssl->verifyDepth \|\|\n\s*args->totalCerts >= \KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/'
}

# RSASSA-PSS keys. A certificate whose key is limited to a hash is refused unless its issuer signed with the same hash. In
# TLS 1.2 the server does not know rsa_pss_pss_* (RFC 8446 4.2.3). It signs with schemes that are not for such a key, and refuses
# a client's signature with rsa_pss_pss_*. In both versions, the choice ignores what the client offers and the key allows.
# `useRsaPss` now is 1, or the one hash that the key allows.
mendPss() {
  olderMayLack=1
  edit "$1/wolfssl/wolfcrypt/asn.h" 1 's/^    word32  keyOID;                  .*\n/$&#define CULVERT_RSA_PSS\n    byte    keyPssHash;              \/* the only hash of an RSASSA-PSS key, 255: that of no scheme *\/\n/m' &&
    edit "$1/wolfcrypt/src/asn.c" 1 's/^                \/\* Get the signature parameters\. \*\/\n                ret = DecodeRsaPssParams\(source \+ cert->sigParamsIndex.*?(?=^                srcIdx \+= \(word32\)seqLen;\n)/                (void)sigHash;\n                (void)sigMgf;\n                (void)sigSaltLen;\n                cert->keyPssHash = (byte)hash;\n                if (wc_HashGetDigestSize(hash) < saltLen ||\n                    mgf != (hash == WC_HASH_TYPE_SHA256 ? WC_MGF1SHA256 :\n                            hash == WC_HASH_TYPE_SHA384 ? WC_MGF1SHA384 :\n                            hash == WC_HASH_TYPE_SHA512 ? WC_MGF1SHA512 : -1))\n                    cert->keyPssHash = 255;\n/ms' &&
    edit "$1/src/ssl_load.c" 2 's/(?<=->useRsaPss = )cert->keyOID == RSAPSSk;/cert->keyOID != RSAPSSk ? 0 :\n                    cert->keyPssHash == 0 ? 1 : cert->keyPssHash;/g' &&
    edit "$1/src/internal.c" 5 '
      s/^(    \/\* RSA certificate and PSS sig alg\. \*\/\n    if \(ssl->options\.sigAlgo == rsa_sa_algo\) \{\n)/$1        if (ssl->useRsaPss)\n            return sigAlgo == rsa_pss_pss_algo;\n/m +
      s/^        if \(!MatchSigAlgo\(ssl, sigAlgo\)\)\n            continue;\n/$&        if (ssl->useRsaPss && sigAlgo != rsa_pss_pss_algo)\n            continue;\n        if (sigAlgo == rsa_pss_pss_algo && ssl->useRsaPss > 1 &&\n                HashAlgoToType(hashAlgo) != ssl->useRsaPss)\n            continue;\n        if (sigAlgo == rsa_pss_pss_algo)\n            sigAlgo = rsa_pss_sa_algo;\n/m +
      s/^            EncodeSigAlg\(ssl->options\.hashAlgo,\n\s*ssl->options\.sigAlgo,\n\s*&args->output\[args->idx\]\);\n/$&            if (ssl->useRsaPss && ssl->options.sigAlgo == rsa_pss_sa_algo)\n                args->output[args->idx + 1] =\n                    PSS_RSAE_TO_PSS_PSS(ssl->options.hashAlgo);\n/m +
      s/^                            ssl->peerRsaKeyPresent = 1;\n/                            ssl->peerRsaKeyPresent =\n                                args->dCert->keyOID == RSAPSSk ? 2 : 1;\n/m +
      s/^                    DecodeSigAlg\(&input\[args->idx\], &ssl->options\.peerHashAlgo,\n\s*&ssl->options\.peerSigAlgo\);\n                    args->idx \+= 2;\n/$&                    if (ssl->options.peerSigAlgo == rsa_pss_pss_algo)\n                        ssl->options.peerSigAlgo = rsa_pss_sa_algo;\n/m' &&
    edit "$1/src/tls13.c" 1 's/^            if \(ssl->useRsaPss &&\n                \(\(ssl->pssAlgo & \(1U << hashAlgo\)\) != 0U\) &&\n/            if (ssl->useRsaPss &&\n/m'
}

# A ticket in a TLS 1.3 hello that is longer than MAX_PSK_ID_LEN causes a decode_error. A higher limit adds twice as much to
# each handshake, for names of pre-shared keys that this build does not have. A ticket of another server is not an error.
mendTickets() {
  olderMayLack=1
  edit "$1/src/tls.c" 1 's/if \(len < OPAQUE16_LEN \+ identityLen \+ OPAQUE32_LEN\K \|\|\n\s*identityLen > MAX_PSK_ID_LEN(?=\)\n            return BUFFER_E;)//'
}

# DES3 is built only for old private keys. With it, each session gets two pointers that only suites with 3DES use.
mendDes3() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's/^#ifdef NO_DES3\n    #define DES_BLOCK_SIZE 8\n#else\n    #undef  BUILD_DES3\n    #define BUILD_DES3\n#endif\n/#ifdef NO_DES3\n    #define DES_BLOCK_SIZE 8\n#endif\n/m'
}

# --- what RFC 8446 and RFC 5246 require of a server ----------------------------------------------------------

# The four bytes of a handshake header may be split over records (RFC 8446 5.1, RFC 5246 6.2.1). The library requires them in
# one. After the handshake it joins no fragments, because it has freed the buffer for that. The buffer is made again for the
# one message that may still arrive: KeyUpdate, or a ClientHello of TLS 1.2.
mendFragments() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's{(?=^WOLFSSL_LOCAL int GetHandshakeHeader\()}{WOLFSSL_LOCAL int JoinHandshakeHeader(WOLFSSL* ssl,
                    const byte* input, word32* inOutIdx, word32 totalSz);
WOLFSSL_LOCAL int JoinLateMessage(WOLFSSL* ssl, const byte* input, word32 sz);
}m' &&
  edit "$1/src/internal.c" 1 's{(?=^static int DoHandShakeMsg\(WOLFSSL\* ssl, byte\* input, word32\* inOutIdx,\n                          word32 totalSz\)\n\{)}{/* The length of the one message that may come after the handshake. */
static word32 MostOfLateMessage(const WOLFSSL* ssl)
{
    return IsAtLeastTLSv1_3(ssl->version) ? OPAQUE8_LEN : MAX_RECORD_SIZE;
}

/* Gathers a header that is cut. pendingMsgOffset stays below its size until it is whole. */
int JoinHandshakeHeader(WOLFSSL* ssl, const byte* input, word32* inOutIdx,
                        word32 totalSz)
{
    Arrays* arrays = ssl->arrays;
    word32 size = 0;
    word32 part = totalSz - *inOutIdx;
    int ret;

    if (part == 0) {
        SendAlert(ssl, alert_fatal, unexpected_message);
        return PARSE_ERROR;
    }
    if (arrays->pendingMsgSz == 0) {
        arrays->pendingMsg = (byte*)XMALLOC(HANDSHAKE_HEADER_SZ, ssl->heap,
                                            DYNAMIC_TYPE_ARRAYS);
        if (arrays->pendingMsg == NULL)
            return MEMORY_E;
        arrays->pendingMsgSz = HANDSHAKE_HEADER_SZ;
        arrays->pendingMsgOffset = 0;
        arrays->pendingMsgType = input[*inOutIdx];
    }
    part = min(part, HANDSHAKE_HEADER_SZ - arrays->pendingMsgOffset);
    if (arrays->pendingMsgOffset + part < HANDSHAKE_HEADER_SZ) {
        ret = EarlySanityCheckMsgReceived(ssl, arrays->pendingMsgType, part);
        if (ret != 0)
            return ret;
    }
    XMEMCPY(arrays->pendingMsg + arrays->pendingMsgOffset, input + *inOutIdx,
            part);
    arrays->pendingMsgOffset += part;
    *inOutIdx += part;
    if (arrays->pendingMsgOffset == HANDSHAKE_HEADER_SZ) {
        byte* whole;
        c24to32(arrays->pendingMsg + 1, &size);
        if (size > MAX_HANDSHAKE_SZ)
            return HANDSHAKE_SIZE_ERROR;
        if (ssl->options.handShakeState == HANDSHAKE_DONE &&
                size > MostOfLateMessage(ssl)) {
            SendAlert(ssl, alert_fatal, unexpected_message);
            return OUT_OF_ORDER_E;
        }
        whole = (byte*)XMALLOC(size + HANDSHAKE_HEADER_SZ, ssl->heap,
                               DYNAMIC_TYPE_ARRAYS);
        if (whole == NULL)
            return MEMORY_E;
        XMEMCPY(whole, arrays->pendingMsg, HANDSHAKE_HEADER_SZ);
        XFREE(arrays->pendingMsg, ssl->heap, DYNAMIC_TYPE_ARRAYS);
        arrays->pendingMsg = whole;
        arrays->pendingMsgSz = size + HANDSHAKE_HEADER_SZ;
    }
    return 0;
}

/* Of a message after the handshake that is cut: makes room to join it. */
int JoinLateMessage(WOLFSSL* ssl, const byte* input, word32 sz)
{
    const byte type = IsAtLeastTLSv1_3(ssl->version) ? key_update : client_hello;
    word32 size = 0;

    if (sz >= HANDSHAKE_HEADER_SZ) {
        c24to32(input + 1, &size);
        if (sz - HANDSHAKE_HEADER_SZ >= size)
            return 0;
    }
    if (sz == 0 || input[0] != type || size > MostOfLateMessage(ssl)) {
        SendAlert(ssl, alert_fatal, unexpected_message);
        return OUT_OF_ORDER_E;
    }
    ssl->arrays = (Arrays*)XMALLOC(sizeof(Arrays), ssl->heap,
                                   DYNAMIC_TYPE_ARRAYS);
    if (ssl->arrays == NULL)
        return MEMORY_E;
    XMEMSET(ssl->arrays, 0, sizeof(Arrays));
    return 0;
}

}m' &&
  joinIn "$1/src/internal.c" DoHandShakeMsg &&
  joinIn "$1/src/tls13.c" DoTls13HandShakeMsg
}

# joinIn FILE FUNCTION: the same three changes to the reader of either version.
joinIn() {
  edit "$1" 3 '
    my ($before, $body, $after) = m{\A(.*\n(?:static )?int '"$2"'\(WOLFSSL\* ssl, byte\* input, word32\* inOutIdx,\n[^\n]*\)\n\{\n)(.*?\n\}\n)(.*)\z}s;
    my $made = 0;
    $made += $body =~ s{(?=    if \(ssl->arrays == NULL\) \{\n)}{    const int late = ssl->options.handShakeState == HANDSHAKE_DONE;

    if (late && ssl->arrays == NULL) {
        ret = JoinLateMessage(ssl, input + *inOutIdx, totalSz - *inOutIdx);
        if (ret != 0)
            return ret;
    }
};
    $made += $body =~ s{(?<=    inputLength = totalSz - \*inOutIdx;\n)}{
    if ((ssl->arrays->pendingMsgSz == 0 && inputLength < HANDSHAKE_HEADER_SZ) ||
            (ssl->arrays->pendingMsgSz != 0 &&
             ssl->arrays->pendingMsgOffset < HANDSHAKE_HEADER_SZ)) {
        ret = JoinHandshakeHeader(ssl, input, inOutIdx, totalSz);
        if (ret != 0 || ssl->arrays->pendingMsgOffset < HANDSHAKE_HEADER_SZ)
            return ret;
        inputLength = totalSz - *inOutIdx;
    }
};
    $made += $body =~ s{(?<=ssl->arrays->pendingMsg = NULL;\n)(\s+ssl->arrays->pendingMsgSz = 0;\n)}{$1                if (late)
                    FreeArrays(ssl, 0);
};
    $_ = $before . $body . $after;
    $made;'
}

# Nothing may come between the parts of a handshake message in TLS 1.3 (RFC 8446 5.1).
mendInterleaving() {
  olderMayLack=1
  edit "$1/src/internal.c" 1 's{(            WOLFSSL_MSG\("received record layer msg"\);\n)}{$1
            if (!ssl->options.dtls && IsAtLeastTLSv1_3(ssl->version) &&
                    ssl->curRL.type != handshake && ssl->arrays != NULL &&
                    ssl->arrays->pendingMsgSz != 0) {
                SendAlert(ssl, alert_fatal, unexpected_message);
                WOLFSSL_ERROR_VERBOSE(OUT_OF_ORDER_E);
                return OUT_OF_ORDER_E;
            }
}'
}

# A KeyUpdate must end its record (RFC 8446 5.1): what follows is encrypted with other keys.
mendKeyUpdate() {
  olderMayLack=1
  edit "$1/src/internal.c" 2 '
    s{(                case finished:\n                case end_of_early_data:\n)(                    if \(!isLastMsg\(ssl, msgSz\)\) \{\n)}{$1                case key_update:\n$2} +
    s{(                case certificate_status:\n)                case key_update:\n(                case change_cipher_hs:\n                    break;\n                case server_hello_done:\n)}{$1$2}'
}

# A ClientHello within a session of TLS 1.2 is answered by the warning no_renegotiation, and the session continues (RFC 5246
# 7.2.2). A client must not send a HelloRequest: unexpected_message.
mendRenegotiation() {
  olderMayLack=1
  edit "$1/src/internal.c" 2 '
    s{(    expectedIdx = \*inOutIdx \+ size;\n)}{$1
    if (!ssl->options.dtls && ssl->options.side == WOLFSSL_SERVER_END &&
            ssl->options.handShakeState == HANDSHAKE_DONE &&
            type == client_hello) {
        *inOutIdx = expectedIdx;
        return SendAlert(ssl, alert_warning, no_renegotiation);
    }
} +
    s{(    case WC_NO_ERR_TRACE\(NO_CHANGE_CIPHER_E\):\n)(    case WC_NO_ERR_TRACE\(OUT_OF_ORDER_E\):\n        why = unexpected_message;\n)}{$1    case WC_NO_ERR_TRACE(SIDE_ERROR):\n$2}'
}

# Refuses a client's Certificate that the server did not request (RFC 8446 4.4.2).
mendUnasked() {
  olderMayLack=1
  edit "$1/src/tls13.c" 1 's{(    #ifndef NO_WOLFSSL_SERVER\n)(            /\* Check state. \*/\n            /\* On Server, valid after ClientHello received and ServerFinished\n             \* sent. \*/\n)}{$1            if (ssl->options.side == WOLFSSL_SERVER_END &&
                    !ssl->options.verifyPeer) {
                WOLFSSL_ERROR_VERBOSE(OUT_OF_ORDER_E);
                return OUT_OF_ORDER_E;
            }
$2}'
}

# With supported_versions, the legacy_version of a hello must be ignored (RFC 8446 4.2.1); culvert has checked the versions
# before. The version of a TLS 1.3 record must be ignored (5.1). WOLFSSL_ALLOW_BAD_TLS_LEGACY_VERSION belongs to this change: a
# hello without the extension and with a version above 0x0303 is a hello of TLS 1.2.
mendVersions() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's{(?=^WOLFSSL_LOCAL int GetHandshakeHeader\()}{WOLFSSL_LOCAL int HelloNamesVersions(const byte* hello, word32 sz);
}m' &&
  edit "$1/src/internal.c" 1 's{(?=^int GetHandshakeHeader\()}{/* Whether the body of a ClientHello has supported_versions. */
int HelloNamesVersions(const byte* hello, word32 sz)
{
    word32 i = OPAQUE16_LEN + RAN_LEN;
    word16 len = 0;
    word16 type = 0;

    if (i + OPAQUE8_LEN > sz)
        return 0;
    i += OPAQUE8_LEN + hello[i];
    if (i + OPAQUE16_LEN > sz)
        return 0;
    ato16(hello + i, &len);
    i += OPAQUE16_LEN + len;
    if (i + OPAQUE8_LEN > sz)
        return 0;
    i += OPAQUE8_LEN + hello[i];
    i += OPAQUE16_LEN;
    while (i + OPAQUE16_LEN + OPAQUE16_LEN <= sz) {
        ato16(hello + i, &type);
        ato16(hello + i + OPAQUE16_LEN, &len);
        if (type == TLSX_SUPPORTED_VERSIONS)
            return 1;
        i += OPAQUE16_LEN + OPAQUE16_LEN + len;
    }
    return 0;
}

}m' &&
  edit "$1/src/internal.c" 1 's{(        ssl->chVersion = pv;   /\* store \*/\n        i \+= OPAQUE16_LEN;\n)}{$1
        if (!ssl->options.dtls && (pv.major > SSLv3_MAJOR ||
                HelloNamesVersions(input + begin, helloSz))) {
            pv.major = SSLv3_MAJOR;
            pv.minor = TLSv1_2_MINOR;
        }
}' &&
  edit "$1/src/tls13.c" 1 's{(    ssl->chVersion = args->pv;   /\* store \*/\n    args->idx \+= OPAQUE16_LEN;\n)}{$1
    if (!ssl->options.dtls &&
            HelloNamesVersions(input + args->begin, helloSz)) {
        args->pv.major = SSLv3_MAJOR;
        args->pv.minor = TLSv1_2_MINOR;
    }
}' &&
  edit "$1/src/internal.c" 1 's{    if \(rh->pvMajor != ssl->version.major \|\|\n(        \(rh->pvMinor != ssl->version.minor &&\n         \(!IsAtLeastTLSv1_3\(ssl->version\) \|\| rh->pvMinor != tls12minor\)\n        \)\))}{    if ((ssl->options.dtls || !IsAtLeastTLSv1_3(ssl->version)) &&
        (rh->pvMajor != ssl->version.major ||
$1)}'
}

# The scheme of a CertificateVerify must match the key of the certificate (RFC 8446 4.2.3, RFC 8017): the curve, and
# whether an RSA key is an RSASSA-PSS key (mendPss sets peerRsaKeyPresent to 2 for those). A scheme that does not match, or was
# not requested, causes illegal_parameter; a signature that does not verify causes decrypt_error.
mendSchemes() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's{(?=^WOLFSSL_LOCAL int GetHandshakeHeader\()}{WOLFSSL_LOCAL int SchemeFitsPeerKey(const WOLFSSL* ssl, const byte* scheme);
}m' &&
  edit "$1/src/internal.c" 1 's{(?=^int GetHandshakeHeader\()}{int SchemeFitsPeerKey(const WOLFSSL* ssl, const byte* scheme)
{
    const int number = (scheme[0] << 8) | scheme[1];

    if (number >= 0x0809 && number <= 0x080b)
        return ssl->peerRsaKeyPresent == 2;
    if (ssl->peerRsaKeyPresent)
        return ssl->peerRsaKeyPresent == 1;
    if (!IsAtLeastTLSv1_3(ssl->version) || !ssl->peerEccDsaKeyPresent)
        return 1;
    switch (ssl->peerEccDsaKey->dp->id) {
        case ECC_SECP256R1:
            return number == 0x0403;
        case ECC_SECP384R1:
            return number == 0x0503;
        case ECC_SECP521R1:
            return number == 0x0603;
        default:
            return 0;
    }
}

}m' &&
  edit "$1/src/internal.c" 2 '
    s{(                    DecodeSigAlg\(&input\[args->idx\], &ssl->options.peerHashAlgo,\n                                 &ssl->options.peerSigAlgo\);\n)(                    args->idx \+= 2;\n)}{$1                    if (!SchemeFitsPeerKey(ssl, &input[args->idx])) {
                        ERROR_OUT(INVALID_PARAMETER, exit_dcv);
                    }
$2} +
    s{(        else if \(ret == WC_NO_ERR_TRACE\(SIG_VERIFY_E\)\)\n            SendAlert\(ssl, alert_fatal, decrypt_error\);\n)(        else if \(ret != 0\)\n            SendAlert\(ssl, alert_fatal, bad_certificate\);\n    #endif\n        /\* Digest is not allocated)}{$1        else if (ret == WC_NO_ERR_TRACE(VERIFY_CERT_ERROR))
            SendAlert(ssl, alert_fatal, decrypt_error);
        else if (ret == WC_NO_ERR_TRACE(INVALID_PARAMETER))
            SendAlert(ssl, alert_fatal, illegal_parameter);
$2}' &&
  edit "$1/src/tls13.c" 1 's{(            if \(!validSigAlgo\) \{\n                WOLFSSL_MSG\("Sig algo doesn.t correspond to certificate"\);\n                ERROR_OUT\()SIG_VERIFY_E(, exit_dcv\);)}{            validSigAlgo = validSigAlgo &&
                SchemeFitsPeerKey(ssl, input + args->begin);
$1INVALID_PARAMETER$2}'
}

# max_fragment_length (RFC 6066 4) is negotiated if culvert requests it (wolfSSL_UseMaxFragment). The limit applies to
# incoming records and to every outgoing message; the library splits only Certificate. culvertLimitRecords limits outgoing
# encrypted records, for record_size_limit (RFC 8449). Empty records are not an overflow.
mendMaxFragment() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's{(        word16 max_fragment;\n)}{$1        word16 record_limit;  /* of sealed records to send; 0: none */\n}' &&
  edit "$1/src/internal.c" 1 's{(    if \(\(ssl->max_fragment != 0\) && \(\(word16\)maxFragment > ssl->max_fragment\)\) \{\n        maxFragment = ssl->max_fragment;\n    \}\n)}{$1    if (ssl->record_limit != 0 && IsEncryptionOn(ssl, 1) &&
            maxFragment > ssl->record_limit) {
        maxFragment = ssl->record_limit;
    }
}' &&
  edit "$1/src/internal.c" 1 's{(?=/\*\*\n \* Return the max fragment size\. This is essentially)}{void culvertLimitRecords(WOLFSSL* ssl, unsigned short limit);
void culvertLimitRecords(WOLFSSL* ssl, unsigned short limit)
{
#ifdef HAVE_MAX_FRAGMENT
    ssl->record_limit = limit;
#else
    (void)ssl;
    (void)limit;
#endif
}

}' &&
  edit "$1/src/internal.c" 2 '
    s{(                case WC_NO_ERR_TRACE\(LENGTH_ERROR\):\n)(                    SendAlert\(ssl, alert_fatal, record_overflow\);\n)}{$1                    if (ssl->curSize != 0)\n    $2} +
    s{(            WOLFSSL_MSG\("received record layer msg"\);\n)}{#ifdef HAVE_MAX_FRAGMENT
            if (!ssl->options.dtls && IsEncryptionOn(ssl, 0) &&
                    ssl->curSize > ssl->max_fragment) {
                SendAlert(ssl, alert_fatal, record_overflow);
                WOLFSSL_ERROR_VERBOSE(BUFFER_ERROR);
                return BUFFER_ERROR;
            }
#endif
$1}' &&
  edit "$1/src/tls.c" 1 's{(#endif\n\n)(    switch \(\*input\) \{\n        case WOLFSSL_MFL_2_8 : ssl->max_fragment =  256; break;\n)}{$1#ifndef NO_WOLFSSL_SERVER
    if (isRequest) {
        TLSX* wanted = TLSX_Find(ssl->extensions, TLSX_MAX_FRAGMENT_LENGTH);
        if (wanted == NULL || ((byte*)wanted->data)[0] != *input)
            return 0;
    }
#endif
$2}' &&
  edit "$1/src/tls13.c" 2 '
    s{(?=^int BuildTls13Message\(WOLFSSL\* ssl, byte\* output, int outSz, const byte\* input,\n)}{#ifdef HAVE_MAX_FRAGMENT
/* Seals a handshake message that is longer than a record may be, at the place where the caller has it. */
static int BuildTls13Pieces(WOLFSSL* ssl, const byte* input, int inSz, int hashOutput)
{
    const int most = wolfSSL_GetMaxFragSize(ssl);
    const int room = inSz + (inSz + most - 1) / most * MAX_MSG_EXTRA;
    int done = 0;
    int total = 0;
    int ret = 0;
    byte* copy = (byte*)XMALLOC((size_t)inSz + RECORD_HEADER_SZ, ssl->heap, DYNAMIC_TYPE_TMP_BUFFER);

    if (copy == NULL)
        return MEMORY_E;
    XMEMCPY(copy + RECORD_HEADER_SZ, input, (size_t)inSz);
    ret = CheckAvailableSize(ssl, room);
    if (ret == 0 && hashOutput)
        ret = HashOutput(ssl, copy, inSz + RECORD_HEADER_SZ, 0);
    while (ret == 0 && done < inSz) {
        const int part = min(most, inSz - done);
        ret = BuildTls13Message(ssl, GetOutputBuffer(ssl) + total, room - total, copy + RECORD_HEADER_SZ + done,
                                part, handshake, 0, 0, 0);
        if (ret < 0)
            break;
        total += ret;
        done += part;
        ret = 0;
    }
    ForceZero(copy, (word32)inSz + RECORD_HEADER_SZ);
    XFREE(copy, ssl->heap, DYNAMIC_TYPE_TMP_BUFFER);
    return ret < 0 ? ret : total;
}
#endif

}m +
    s{(    WOLFSSL_ENTER\("BuildTls13Message"\);\n\n    if \(ssl == NULL\) \{\n        return BAD_FUNC_ARG;\n    \}\n)}{$1
#ifdef HAVE_MAX_FRAGMENT
    if (type == handshake && !sizeOnly && !ssl->options.dtls && inSz > wolfSSL_GetMaxFragSize(ssl))
        return BuildTls13Pieces(ssl, input, inSz, hashOutput);
#endif
}'
}
