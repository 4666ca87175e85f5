# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034  # olderMayLack is read by scripts/wolfssl.sh
# Changes to wolfSSL's source that culvert needs, made before it is built. scripts/wolfssl.sh sources this file.
# docs/building.md lists them with their reasons.
#
# To add one: add a function whose name begins with `mend`, and a row to docs/building.md. Nothing else.
# It is given the directory of the source, and fails if the text that it changes is not as expected. The functions run in the
# order of their names. One that sets olderMayLack=1 may fail where WOLFSSL=fallback builds an older release.
# Tools: bash, sed, grep, perl (perl-base has all that is needed); `edit` for changes that span lines.
#
# Every change of a function changes the name of the cache entry, so the library is built again.

allMends() { compgen -A function mend; }

# All that shapes the result, for the name of the cache entry.
textOfMends() {
  # shellcheck disable=SC2046  # one word a function
  declare -f edit $(allMends)
}

# edit FILE NUMBER PROGRAM: PROGRAM is Perl that changes $_, the whole file, and returns how many changes it made, such as
# 's/old/new/g'. The file is written only if this is NUMBER.
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

# fe_cmov_table_avx2 of X25519 and Ed25519 (5.9.2) fills two vector registers with the legacy moves, which leave the
# upper halves as they were, and goes on to use all of one. Whenever other code left something there, a wrong key
# results and a handshake fails. The AVX forms clear them.
mendAssembly() {
  olderMayLack=1
  local file=$1/wolfcrypt/src/fe_x25519_asm.S
  sed -i '/^fe_cmov_table_avx2:/,/^\.size[[:space:]]*fe_cmov_table_avx2/ {
    s/^\([[:space:]]*\)mov[dq]\([[:space:]]*%rbx, %xmm\)/\1vmovq\2/
    s/^\([[:space:]]*\)movd\([[:space:]]*%ebx, %xmm\)/\1vmovd\2/
  }' "$file"
  grep -q '^[[:space:]]*vmovq[[:space:]]*%rbx, %xmm9' "$file"
}

# The ticket of a first ClientHello stays in the list of extensions when the hello after a HelloRetryRequest has none, as
# where the suite that was chosen does not go with it. The library then fails that hello (or verifies the old binder
# against it). It has to forget the ticket before it reads the extensions again.
mendRetry() {
  local file=$1/src/tls13.c
  sed -i '/ret = TLSX_Parse(ssl, input + args->idx, totalExtSz, client_hello/i\
    TLSX_Remove(\&ssl->extensions, TLSX_PRE_SHARED_KEY, ssl->heap);' "$file"
  grep -q 'TLSX_Remove(&ssl->extensions, TLSX_PRE_SHARED_KEY, ssl->heap);' "$file"
}

# What a client asked about OCSP, 2 KiB, lives as long as a server's session, though nobody reads it once the handshake
# is over. It goes where the handshake's other extensions go.
mendStatus() {
  olderMayLack=1
  local file=$1/src/internal.c
  sed -i '/^    TLSX_Remove(&ssl->extensions, TLSX_EC_POINT_FORMATS, ssl->heap);$/a\
    if (ssl->options.side == WOLFSSL_SERVER_END)\
        TLSX_Remove(\&ssl->extensions, TLSX_STATUS_REQUEST, ssl->heap);' "$file"
  [ "$(grep -c 'TLSX_Remove(&ssl->extensions, TLSX_STATUS_REQUEST, ssl->heap);' "$file")" = 1 ]
}

# An X25519 key with the top bit set, as scanners send them, is refused where the bit is to be masked (RFC 7748 5). It
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

# Lists in a hello that are longer than the library's arrays. More than WOLFSSL_MAX_SUITE_SZ bytes of cipher suites are
# refused, signature schemes above WOLFSSL_MAX_SIGALGO are not seen, more than 24 key shares are refused. What the library
# does not know plays no part in the choice, so it is left out, and the lists may be as long as the protocol allows.
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

# A peer's chain may have MAX_CHAIN_DEPTH (9) certificates, and raising that makes arrays in each session larger. A limit
# of its own, in a list that lives only while the message is read.
mendChain() {
  olderMayLack=1
  edit "$1/src/internal.c" 5 '
    s/^    ctx->verifyDepth = \KMAX_CHAIN_DEPTH;/CULVERT_MAX_PEER_CHAIN;/m +
    s/args->exts = \(buffer\*\)XMALLOC\(sizeof\(buffer\) \*\n\s*\KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/ +
    s/args->certs = \(buffer\*\)XMALLOC\(sizeof\(buffer\) \* \KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/ +
    s/XMEMSET\(args->certs, 0, sizeof\(buffer\) \* \KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/ +
    s/args->totalCerts >= ssl->verifyDepth \|\|\n\s*args->totalCerts >= \KMAX_CHAIN_DEPTH/CULVERT_MAX_PEER_CHAIN/'
}

# RSASSA-PSS keys. A certificate whose key is limited to a hash is refused unless its issuer signed with the same one. In
# TLS 1.2 the server does not know rsa_pss_pss_* (RFC 8446 4.2.3) and signs with schemes that are not for such a key; in
# both versions the choice is not bound to what the client offers and the key allows; a client's signature with
# rsa_pss_pss_* is refused in TLS 1.2. `useRsaPss` now is 1, or the one hash that the key allows.
mendPss() {
  olderMayLack=1
  edit "$1/wolfssl/wolfcrypt/asn.h" 1 's/^    word32  keyOID;                  .*\n/$&#define CULVERT_RSA_PSS\n    byte    keyPssHash;              \/* the only hash of an RSASSA-PSS key, 255: that of no scheme *\/\n/m' &&
    edit "$1/wolfcrypt/src/asn.c" 1 's/^                \/\* Get the signature parameters\. \*\/\n                ret = DecodeRsaPssParams\(source \+ cert->sigParamsIndex.*?(?=^                srcIdx \+= \(word32\)seqLen;\n)/                (void)sigHash;\n                (void)sigMgf;\n                (void)sigSaltLen;\n                cert->keyPssHash = (byte)hash;\n                if (wc_HashGetDigestSize(hash) < saltLen ||\n                    mgf != (hash == WC_HASH_TYPE_SHA256 ? WC_MGF1SHA256 :\n                            hash == WC_HASH_TYPE_SHA384 ? WC_MGF1SHA384 :\n                            hash == WC_HASH_TYPE_SHA512 ? WC_MGF1SHA512 : -1))\n                    cert->keyPssHash = 255;\n/ms' &&
    edit "$1/src/ssl_load.c" 2 's/(?<=->useRsaPss = )cert->keyOID == RSAPSSk;/cert->keyOID != RSAPSSk ? 0 :\n                    cert->keyPssHash == 0 ? 1 : cert->keyPssHash;/g' &&
    edit "$1/src/internal.c" 5 '
      s/^(    \/\* RSA certificate and PSS sig alg\. \*\/\n    if \(ssl->options\.sigAlgo == rsa_sa_algo\) \{\n)/$1        if (ssl->useRsaPss)\n            return sigAlgo == rsa_pss_pss_algo;\n/m +
      s/^        if \(!MatchSigAlgo\(ssl, sigAlgo\)\)\n            continue;\n/$&        if (sigAlgo == rsa_pss_pss_algo && ssl->useRsaPss > 1 &&\n                HashAlgoToType(hashAlgo) != ssl->useRsaPss)\n            continue;\n        if (sigAlgo == rsa_pss_pss_algo)\n            sigAlgo = rsa_pss_sa_algo;\n/m +
      s/^            EncodeSigAlg\(ssl->options\.hashAlgo,\n\s*ssl->options\.sigAlgo,\n\s*&args->output\[args->idx\]\);\n/$&            if (ssl->useRsaPss && ssl->options.sigAlgo == rsa_pss_sa_algo)\n                args->output[args->idx + 1] =\n                    PSS_RSAE_TO_PSS_PSS(ssl->options.hashAlgo);\n/m +
      s/^                            ssl->peerRsaKeyPresent = 1;\n/                            ssl->peerRsaKeyPresent =\n                                args->dCert->keyOID == RSAPSSk ? 2 : 1;\n/m +
      s/^                    DecodeSigAlg\(&input\[args->idx\], &ssl->options\.peerHashAlgo,\n\s*&ssl->options\.peerSigAlgo\);\n                    args->idx \+= 2;\n/$&                    if ((ssl->options.peerSigAlgo == rsa_pss_pss_algo) !=\n                            (ssl->peerRsaKeyPresent == 2)) {\n                        WOLFSSL_MSG("RSA-PSS scheme does not fit the key");\n                        ERROR_OUT(INVALID_PARAMETER, exit_dcv);\n                    }\n                    if (ssl->options.peerSigAlgo == rsa_pss_pss_algo)\n                        ssl->options.peerSigAlgo = rsa_pss_sa_algo;\n/m' &&
    edit "$1/src/tls13.c" 1 's/^            if \(ssl->useRsaPss &&\n                \(\(ssl->pssAlgo & \(1U << hashAlgo\)\) != 0U\) &&\n/            if (ssl->useRsaPss &&\n/m'
}

# A ticket in a TLS 1.3 hello that is longer than MAX_PSK_ID_LEN is a decode_error, and raising that adds twice as much to
# each handshake, for names of pre-shared keys that this build does not have. A stranger's ticket is no error.
mendTickets() {
  olderMayLack=1
  edit "$1/src/tls.c" 1 's/if \(len < OPAQUE16_LEN \+ identityLen \+ OPAQUE32_LEN\K \|\|\n\s*identityLen > MAX_PSK_ID_LEN(?=\)\n            return BUFFER_E;)//'
}

# With DES3, which is there for old private keys only, each session gets two pointers that only suites with 3DES use.
mendDes3() {
  olderMayLack=1
  edit "$1/wolfssl/internal.h" 1 's/^#ifdef NO_DES3\n    #define DES_BLOCK_SIZE 8\n#else\n    #undef  BUILD_DES3\n    #define BUILD_DES3\n#endif\n/#ifdef NO_DES3\n    #define DES_BLOCK_SIZE 8\n#endif\n/m'
}
