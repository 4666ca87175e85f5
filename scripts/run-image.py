#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program of a container image as an engine does: inside the image's root, as its user, without capabilities and without a way
to gain them. The environment passes on as it is. Needs root.

usage: run-image.py ROOT UID:GID PROGRAM [ARGUMENT...]"""
import ctypes
import os
import sys

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38  # linux/prctl.h
C = ctypes.CDLL(None, use_errno=True)


def prctl(*arguments):
    if C.prctl(*arguments, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), f"prctl({arguments[0]})")


def main():
    root, user, *command = sys.argv[1:]
    uid, _, gid = user.partition(":")
    os.chroot(root)
    os.chdir("/")
    capability = 0
    while C.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0:
        prctl(PR_CAPBSET_DROP, capability)
        capability += 1
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.setgroups([])
    os.setresgid(int(gid), int(gid), int(gid))
    os.setresuid(int(uid), int(uid), int(uid))
    os.execve(command[0], command, dict(os.environ))


if __name__ == "__main__":
    main()
