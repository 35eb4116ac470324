# SPDX-License-Identifier: ISC
"""
A template for python3-dbusmock: its logind, with session 3 and session 4, and
methods of the manager that send its signals: SendNAME for each NAME below, and
SendWrong N the Nth signal of WRONG, whose arguments are of a wrong type.
"""
import os

import dbus
from dbusmock.mockobject import objects
from dbusmock.templates import logind
from dbusmock.templates.logind import *  # noqa: F401,F403

SIGNALS = {'PrepareForSleep': 'b', 'SessionRemoved': 'so'}

SESSION = '/org/freedesktop/login1/session/3'
PROPERTIES = 'org.freedesktop.DBus.Properties', 'PropertiesChanged'
WRONG = [
    (logind.MAIN_OBJ, logind.MAIN_IFACE, 'PrepareForSleep', 's', ['soon']),
    (logind.MAIN_OBJ, logind.MAIN_IFACE, 'SessionRemoved', 'u', [3]),
    (SESSION, *PROPERTIES, 'sa{sv}as', ['', {'LockedHint': 'yes'}, []]),
    (SESSION, *PROPERTIES, 'u', [3]),
]


def send_wrong(number):
    path, *signal = WRONG[number]
    objects[path].EmitSignal(*signal)


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
    logind.send_wrong = send_wrong
    mock.AddMethod(logind.MAIN_IFACE, 'SendWrong', 'i', '',
                   'import dbusmock.templates.logind as t; t.send_wrong(args[0])')
    for session in '34':
        path = mock.AddSession(session, 'seat0', os.getuid(), 'me', True)
        objects[path].AddMethod(
            'org.freedesktop.login1.Session', 'Close', '', '',
            'self.UpdateProperties("", {"State": "closing"})')
