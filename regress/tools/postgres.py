# SPDX-License-Identifier: ISC
# A server that psql(1) can log in to with the password on standard input, in the clear,
# and that answers every query with one row.  Prints its port on 127.0.0.1.
import socketserver
import struct
import sys

password = sys.stdin.buffer.read()


class Session(socketserver.StreamRequestHandler):
    def say(self, kind, body):
        self.wfile.write(kind + struct.pack("!i", len(body) + 4) + body)

    def hear(self):
        (length,) = struct.unpack("!i", self.rfile.read(4))
        return self.rfile.read(length - 4)

    def handle(self):
        # Requests for encryption come before the start.
        while self.hear()[:2] != b"\0\3":
            self.wfile.write(b"N")
        self.say(b"R", struct.pack("!i", 3))
        if self.rfile.read(1) != b"p" or self.hear() != password + b"\0":
            self.say(b"E", b"SFATAL\0C28P01\0Mwrong password\0\0")
            return
        self.say(b"R", struct.pack("!i", 0))
        self.say(b"S", b"server_version\x0015.0\0")
        self.say(b"S", b"client_encoding\0UTF8\0")
        self.say(b"Z", b"I")
        while self.rfile.read(1) == b"Q":
            self.hear()
            self.say(b"T", b"\0\1text\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))
            self.say(b"D", b"\0\1" + struct.pack("!i", 12) + b"not a secret")
            self.say(b"C", b"SELECT 1\0")
            self.say(b"Z", b"I")


with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
    print("port", server.server_address[1], flush=True)
    server.serve_forever()
