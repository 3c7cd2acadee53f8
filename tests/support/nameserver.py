"""Real name servers in the lab: NSD has zones, dnsmasq asks it and remembers, as the one in a home router does."""
from programs import Trouble, wait_until

TTL_S = 2


class Authority:
    """NSD on the town's host "authority". A zone that is known and has no text is a broken one (SERVFAIL)."""

    address = '198.51.100.53'

    def __init__(self, town, *zones):
        self.town, self.serial = town, 0
        use_name_servers(town, 'authority', self.address)
        self.start(*zones)

    def start(self, *zones):
        listed = ''.join(f'zone:\n  name: {zone}\n  zonefile: {zone}.zone\n' for zone in zones)
        path = self.town.path
        conf = self.town.write('nsd.conf', f'''
server:
  ip-address: {self.address}
  username: ""
  chroot: ""
  database: ""
  server-count: 1
  zonesdir: "{self.town.work}"
  xfrdir: "{self.town.work}"
  pidfile: "{path('nsd.pid')}"
  xfrdfile: "{path('nsd.xfrd')}"
  zonelistfile: "{path('nsd.list')}"
remote-control:
  control-enable: no
{listed}''')
        self.program = self.town.start('authority', ['nsd', '-d', '-c', conf], 'nsd.log', ready='nsd started')

    def write(self, zone, records):
        """Makes these its records, as a zone file has them."""
        self.serial += 1
        self.town.write(f'{zone}.zone', f'$ORIGIN {zone}.\n$TTL {TTL_S}\n@ SOA ns root {self.serial} 3600 600 86400 {TTL_S}\n'
                        f'@ NS ns\nns A {self.address}\nedition-{self.serial} A {self.address}\n{records}')

    def say(self, zone, records):
        """The same while it runs, and waits until it says so."""
        self.write(zone, records)
        self.signal('HUP')
        name = f'edition-{self.serial}.{zone}'
        wait_until(lambda: self.town.ask('authority', ['getent', 'ahostsv4', name]).returncode == 0, f'NSD to know {name}', 10)

    def signal(self, name):
        if self.town.ask('authority', ['pkill', f'-{name}', 'nsd']).returncode != 0:
            raise Trouble('NSD is not there')


def start_cache(town, *addresses):
    """dnsmasq on the host "cache", at these addresses of it."""
    return town.start('cache', ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--user=root',
                                '--bind-interfaces', '--listen-address=' + ','.join(addresses), f'--server={Authority.address}',
                                f'--pid-file={town.path("dnsmasq.pid")}', '--log-facility=-'], 'dnsmasq.log', ready='started')


def use_name_servers(town, host, *addresses):
    """What stands in the host's resolv.conf from now on."""
    text = ''.join(f'nameserver {address}\\n' for address in addresses)
    if town.ask(host, ['sh', '-c', f'printf "{text}" > /etc/resolv.conf']).returncode != 0:
        raise Trouble(f'{host} has no resolv.conf')
