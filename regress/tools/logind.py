# SPDX-License-Identifier: ISC
"""
A template for python3-dbusmock: its logind, with session 3 and session 4, and
methods of the manager that send its signals, SendNAME for each NAME below.
"""
import os

import dbus
from dbusmock.mockobject import objects
from dbusmock.templates import logind
from dbusmock.templates.logind import *  # noqa: F401,F403

SIGNALS = {'PrepareForSleep': 'b', 'SessionRemoved': 'so'}


def load(mock, parameters):
    logind.load(mock, parameters)
    mock.AddProperty(logind.MAIN_IFACE, 'InhibitDelayMaxUSec',
                     dbus.UInt64(parameters['delay']))
    if parameters['inhibit']:
        mock.AddMethod(logind.MAIN_IFACE, 'Inhibit', 'ssss', 's',
                       parameters['inhibit'])
    for name, signature in SIGNALS.items():
        mock.AddMethod(logind.MAIN_IFACE, 'Send' + name, signature, '',
                       f'self.EmitSignal("", "{name}", "{signature}", args)')
    for session in '34':
        path = mock.AddSession(session, 'seat0', os.getuid(), 'me', True)
        objects[path].AddMethod(
            'org.freedesktop.login1.Session', 'Close', '', '',
            'self.UpdateProperties("", {"State": "closing"})')
