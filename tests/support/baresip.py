"""baresip as a far end: told what to do over its TCP control."""
import json
import os
import re
import socket

from programs import Program


class Baresip(Program):
    """Registers, and answers by itself.

    `source` "aubridge,echo" sends back what it hears, but only in calls that it did not begin itself (a
    matter of its own); "aufile,FILE" plays a file. `modules`, which its `account` may need, and words of that, beside the usual ones. TLS takes the town's our-ca.pem and baresip.both.
    """

    def __init__(self, town, user, address, source, transport='udp', modules=(), account=''):
        self.address, registrar = address, town.registrar
        certificates = ''
        if os.path.exists(town.path('baresip.both')):
            certificates = f'sip_cafile {town.path("our-ca.pem")}\nsip_certificate {town.path("baresip.both")}\n'
        more = ''.join(f'module {module}\n' for module in modules)
        town.write('baresip/config', f'''
module_path /usr/lib/baresip/modules
{certificates}sip_listen {address}:5060
audio_source {source}
audio_player aubridge,echo
audio_alert aubridge,alert
rtp_timeout 0
ctrl_tcp_listen {address}:4444
{more}module account.so
module uuid.so
module g711.so
module aubridge.so
module aufile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
rtp_ports 20000-20100
''')
        port = 5061 if transport == 'tls' else 5060
        town.write('baresip/accounts', f'<sip:{user}@{registrar};transport={transport}>;auth_pass=secret-{user};answermode=auto;'
                   f'regint=600;outbound="sip:{registrar}:{port};transport={transport}"{account}\n')
        town.write('baresip/contacts', '')
        super().__init__(['baresip', '-4', '-f', town.path('baresip'), '-n', address], town.path('baresip.log'), ready='200 OK')

    def command(self, command, params=''):
        text = json.dumps({'command': command, 'params': params}).encode()
        with socket.create_connection((self.address, 4444), 5) as s:
            s.sendall(b'%d:%s,' % (len(text), text))
            s.recv(4000)

    def hears(self):
        """Its last line of statistics told that packets come in: "audio=sent/received (bit/s)"."""
        rates = re.findall(r'audio=(\d+)/(\d+) \(bit/s\)', self.said())
        return bool(rates) and int(rates[-1][1]) > 0
