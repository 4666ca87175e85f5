# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that are replaced while culvert runs, and what a client is served."""

import datetime
import os
import shutil
import socket

HOUR = datetime.timedelta(hours=1)


def served(daemon, pki, name, service="main", **options):
    """The certificate that a client which asks for `name` gets, as DER."""
    context = pki.context(verify=False, **options)
    with socket.create_connection(daemon.address(service), 10) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            return tls.getpeercert(True)


class Pair:
    """A certificate and its key under fixed names, to be replaced in different ways."""

    def __init__(self, pki, directory, names=("www.example",)):
        self.pki, self.names = pki, list(names)
        self.stage = directory / "stage"
        self.stage.mkdir()
        self.cert, self.key = str(directory / "c.pem"), str(directory / "k.pem")
        self.number = 0
        self.put(self.make())

    def make(self, names=None, **options):
        self.number += 1
        return self.pki.issue(f"c{self.number}", names=names or self.names, directory=self.stage, **options)

    def put(self, made):
        """By rename, as careful tools do; the key first."""
        for source, target in ((made.key, self.key), (made.chain, self.cert)):
            shutil.copy(source, target + ".new")
            os.rename(target + ".new", target)
        return made
