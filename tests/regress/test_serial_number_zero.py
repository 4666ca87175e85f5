# SPDX-License-Identifier: GPL-3.0-or-later
"""A serial number of 0, which nine roots of Debian's bundle have, was refused in a chain file, in client-ca and in a client's
certificate. Right: served and trusted as others are (RFC 5280 4.1.2.2: such certificates are to be handled)."""

import subprocess

import pytest


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def zero(tmp_path_factory):
    """A root, an intermediate and a leaf, all with the serial number 0: (root, chain, key)."""
    where = tmp_path_factory.mktemp("zero")
    where.chmod(0o755)
    (where / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                  "subjectKeyIdentifier=hash\n")
    (where / "leaf.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n"
                                    "extendedKeyUsage=serverAuth,clientAuth\n")
    for name, issuer, kind in (("root", None, "ca"), ("middle", "root", "ca"), ("leaf", "middle", "leaf")):
        key, request, cert = (where / f"{name}.{end}" for end in ("key", "csr", "pem"))
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        signer = ("-CA", where / f"{issuer}.pem", "-CAkey", where / f"{issuer}.key") if issuer else ("-signkey", key)
        openssl("x509", "-req", "-in", request, *signer, "-set_serial", "0", "-days", "9", "-extfile",
                where / f"{kind}.ext", "-out", cert)
    chain = where / "chain.pem"
    chain.write_text((where / "leaf.pem").read_text() + (where / "middle.pem").read_text())
    return str(where / "root.pem"), str(chain), str(where / "leaf.key")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_it_is_served_and_trusted(culvert, echo, connect, pki, zero, version):
    root, chain, key = zero
    daemon = culvert(backend=echo.address, service={"cert": chain, "key": key, "verify-client": "required",
                                                    "client-ca": root, "verify-depth": "1"})
    context = pki.context(verify=False, minimum=version, maximum=version)
    context.load_cert_chain(chain, key)
    with connect(daemon, context=context) as tls:
        tls.echo(b"zero")
