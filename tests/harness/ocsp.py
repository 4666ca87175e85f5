# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSP: responses of every quality, and a responder that gives them out as a test tells it."""

import datetime
import socket
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from .util import eventually, slack

_STATUS = {"good": ocsp.OCSPCertStatus.GOOD, "revoked": ocsp.OCSPCertStatus.REVOKED,
           "unknown": ocsp.OCSPCertStatus.UNKNOWN}


def responder_at(url):
    """The extension that names a responder."""
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))])


MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])


def response(certificate, ca, status="good", start=-60, end=3600, signer=None, key=None, certificates=(), by_key=False,
             algorithm=None):
    """The DER of a response about `certificate` (x509), signed by `signer`'s name with `key`; both default to `ca`.
    `start` and `end` are seconds from now, `end` None leaves nextUpdate out."""
    now = datetime.datetime.utcnow().replace(microsecond=0)
    ahead = lambda seconds: now + datetime.timedelta(seconds=seconds)
    encoding = ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(cert=certificate, issuer=ca.object, algorithm=algorithm or hashes.SHA1(),
                      cert_status=_STATUS[status], this_update=ahead(start),
                      next_update=None if end is None else ahead(end),
                      revocation_time=ahead(start) if status == "revoked" else None, revocation_reason=None)
        .responder_id(encoding, signer or ca.object))
    if certificates:
        builder = builder.certificates(list(certificates))
    return builder.sign(key or ca.private, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def error_response(status):
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)


def http(body, status="200 OK", headers=("Content-Type: application/ocsp-response",), length=True):
    """A whole HTTP answer; `length` False leaves the end of the connection to end it."""
    lines = [f"HTTP/1.0 {status}", *headers] + ([f"Content-Length: {len(body)}"] if length else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body, size=100):
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    text = b"".join(f"{len(piece):x};a=b\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + text + b"0\r\nTrailer: x\r\n\r\n"


class Responder:
    """An HTTP server that answers each request with answer(request DER) -> bytes on the wire, or keeps it waiting.

    `answer` may be replaced at any time; None holds the connection open without a byte until release()."""

    def __init__(self, answer=None, host="127.0.0.1"):
        self.answer = answer
        self.requests = []
        self.heads = []
        self.holding = 0
        self._free = threading.Event()
        self._lock = threading.Lock()
        self._listener = socket.create_server((host, 0), backlog=64)
        self._stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self):
        return self._listener.getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/ocsp"

    def for_certificates(self, ca, *credentials, **options):
        """Answers for these as the serial in the request says."""
        known = {one.serial: one.object for one in credentials}

        def give(request):
            serial = ocsp.load_der_ocsp_request(request).serial_number
            return http(response(known[serial], ca, **options))
        self.answer = give
        return self

    def wait_requests(self, count, timeout=10):
        eventually(lambda: len(self.requests) >= count, timeout, f"{count} requests at the responder")

    def wait_holding(self, count=1, timeout=10):
        """Until so many requests were read in full and stay unanswered."""
        eventually(lambda: self.holding >= count, timeout, f"{count} requests held")

    def release(self):
        """What is held is answered now, if there is an answer, and nothing is held any more."""
        self._free.set()

    def stop(self):
        self._stopped = True
        self._free.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self):
        while not self._stopped:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link):
        with link:
            link.settimeout(slack(60))
            try:
                request = self._read(link)
                if self.answer is None:
                    with self._lock:
                        self.holding += 1
                    self._free.wait(slack(60))
                if self.answer is not None:
                    link.sendall(self.answer(request))
            except OSError:
                pass

    def _read(self, link):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = link.recv(4096)
            if not piece:
                raise OSError("no request")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length"))
        while len(body) < length:
            body += link.recv(4096)
        with self._lock:
            self.requests.append(body)
            self.heads.append(head.decode())
        return body


def delegate(ca, stem="responder", usage=(ExtendedKeyUsageOID.OCSP_SIGNING,), **options):
    """A certificate of `ca` that may sign responses for it."""
    return ca.issue(stem, names=("responder",), usage=usage, **options)
