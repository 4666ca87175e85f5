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
