"""Certificates for tests, made by openssl: CAs, and servers' certificates that one of them has signed."""
import subprocess

from programs import Trouble

KEY = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')


def openssl_in(folder, *words):
    done = subprocess.run(['openssl', *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Trouble(f'openssl {" ".join(words)}: {done.stdout.decode()}')


def openssl(town, *words):
    openssl_in(town.work, *words)


def make_own_certificate(folder, name):
    """cert.pem and key.pem in the folder, signed by nobody else."""
    openssl_in(folder, 'req', '-x509', *KEY, '-days', '2', '-subj', f'/CN={name}', '-keyout', 'key.pem', '-out', 'cert.pem')


def make_ca(town, name):
    """`name`.pem and `name`.key in the town's folder."""
    openssl(town, 'req', '-x509', *KEY, '-days', '2', '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.pem')


def make_certificate(town, name, names, days='2', ca='our-ca'):
    """`name`.pem for these names ("DNS:localhost,IP:127.0.0.1"), signed by the CA."""
    openssl(town, 'req', *KEY, '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')
    town.write(f'{name}.ext', f'subjectAltName={names}\n')
    openssl(town, 'x509', '-req', '-in', f'{name}.csr', '-CA', f'{ca}.pem', '-CAkey', f'{ca}.key', '-CAcreateserial',
            '-days', days, '-extfile', f'{name}.ext', '-out', f'{name}.pem')


def tls_flags(town, certificate, where=None):
    """What start_registrar() is told, so that it serves TCP and, with this certificate, TLS."""
    config = town.write(f'{certificate}.tls', f'''
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = {town.path(certificate + '.key')}
certificate = {town.path(certificate + '.pem')}
[client:default]
verify_certificate = no
require_certificate = no
''')
    at = (where or town).registrar
    return ('-l', f'tcp:{at}:5060', '-l', f'tls:{at}:5061', '-A', 'WITH_TLS=1', f'--subst=!TLS_CONFIG!{config}!g')
