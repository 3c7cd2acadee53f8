#!/usr/bin/env python3
"""Real kernels' packets through the lab's NATs: test_paths.py POSTERN_LAB"""
from labtest import agent, case_with_hosts, run
from tap import check, check_equal, run_cases

TYPES = {
    # preset: (same mapping for all far ends, who is heard)
    'full-cone': (True, '1 2 3'),
    'address-restricted': (True, '1 2'),
    'port-restricted': (True, '1'),
    'symmetric': (False, '1'),
}


def homes(properties=''):
    """A server with two addresses, and a home behind each type of NAT."""
    text = '''
wire world 203.0.113.0/24 delay 2ms
host server world 203.0.113.10 203.0.113.11
'''
    for i, preset in enumerate(TYPES, 1):
        text += f'''
wire home-{i} 192.168.{i}.0/24
nat router-{i} {preset} inside home-{i} outside world 203.0.113.{i} {properties}
host {preset} home-{i} 192.168.{i}.2
'''
    return text + f"run server background as far {agent('far', '203.0.113.10', '203.0.113.11')}\n"


@case_with_hosts
def each_preset_maps_and_filters_as_its_name_says():
    text = homes()
    for preset in TYPES:
        text += f"run {preset} after far says ready {agent('near', '203.0.113.10', '203.0.113.11')}\n"
    r = run(text)
    for i, (preset, (same, heard)) in enumerate(TYPES.items(), 1):
        seen = [line for line in r.of(preset) if line.startswith('seen ')]
        check_equal(3, len(seen), preset)
        check(all(line.split()[1] == f'203.0.113.{i}' for line in seen), f'{preset}: {seen}')
        check_equal(1 if same else 3, len(set(seen)), f'{preset} {seen}')
        check_equal(heard, r.said(preset, 'heard'), preset)


@case_with_hosts
def a_host_without_nat_is_seen_and_reached_as_it_is():
    r = run(f'''
wire world 203.0.113.0/24
host server world 203.0.113.10 203.0.113.11
host open world 203.0.113.20
run server background as far {agent('far', '203.0.113.10', '203.0.113.11')}
run open after far says ready {agent('near', '203.0.113.10', '203.0.113.11')}
''')
    check(all(line.split()[1] == '203.0.113.20' for line in r.of('open') if 'seen' in line), r.out)
    check_equal('1 2 3', r.said('open', 'heard'))


@case_with_hosts
def a_firewall_keeps_addresses_and_filters():
    r = run(f'''
wire world 203.0.113.0/24
wire office 198.51.100.0/24
host server world 203.0.113.10 203.0.113.11
firewall wall filtering address inside office outside world
host desk office 198.51.100.20
run server background as far {agent('far', '203.0.113.10', '203.0.113.11')}
run desk after far says ready {agent('near', '203.0.113.10', '203.0.113.11')}
''')
    check(all(line.split()[1] == '198.51.100.20' for line in r.of('desk') if 'seen' in line), r.out)
    check_equal('1 2', r.said('desk', 'heard'))


@case_with_hosts
def behind_two_nats_the_outer_one_is_seen_and_the_stricter_one_filters():
    r = run(f'''
wire world 203.0.113.0/24
wire carrier 100.64.0.0/24
wire home 192.168.1.0/24
host server world 203.0.113.10 203.0.113.11
nat cgn full-cone inside carrier outside world 203.0.113.1
nat router address-restricted inside home outside carrier 100.64.0.9
host alice home 192.168.1.2
run server background as far {agent('far', '203.0.113.10', '203.0.113.11')}
run alice after far says ready {agent('near', '203.0.113.10', '203.0.113.11')}
''')
    check(all(line.split()[1] == '203.0.113.1' for line in r.of('alice') if 'seen' in line), r.out)
    check_equal('1 2', r.said('alice', 'heard'))


@case_with_hosts
def loss_loses_about_its_share_and_the_same_seed_the_same():
    text = f'''
wire world 203.0.113.0/24 loss 20%
host server world 203.0.113.10
host alice world 203.0.113.20
run server as count {agent('count', '203.0.113.10', 7000)}
run alice after count says ready {agent('shower', '203.0.113.10', 7000, 400)}
'''
    counts = [int(run(text, '--seed', seed).said('server', 'counted').split()[0])
              for seed in ('5', '5', '6')]
    check(all(270 < c < 370 for c in counts), f'{counts} of 400 at 20% loss')
    check_equal(counts[0], counts[1], 'the same seed')


@case_with_hosts
def duplicates_come_twice():
    r = run(f'''
wire world 203.0.113.0/24 duplicate 50%
host server world 203.0.113.10
host alice world 203.0.113.20
run server as count {agent('count', '203.0.113.10', 7000)}
run alice after count says ready {agent('shower', '203.0.113.10', 7000, 200)}
''')
    total, different = map(int, r.said('server', 'counted').split())
    check(different == 200 and 250 < total < 350, f'{total} datagrams, {different} different')


@case_with_hosts
def a_reboot_at_its_time_loses_the_mapping():
    r = run(f'''
wire world 203.0.113.0/24
wire home 192.168.1.0/24
host server world 203.0.113.10 203.0.113.11
nat router ports random inside home outside world 203.0.113.1
host alice home 192.168.1.2
at 1500ms reboot router
run server background as far {agent('far', '203.0.113.10', '203.0.113.11')}
run alice after far says ready {agent('watch', '203.0.113.10', 7000, 2.5)}
''', '--times')
    seen = [line for line in r.out.splitlines() if 'now 203.0.113.1 ' in line]
    check_equal(2, len(seen), r.out)
    check(seen[0] != seen[1] and 1.5 <= float(seen[1].split()[0]) < 1.9, r.out)


@case_with_hosts
def a_nat_that_gets_another_address_shows_it():
    r = run(f'''
wire world 203.0.113.0/24
wire home 192.168.1.0/24
host server world 203.0.113.10 203.0.113.11
nat router inside home outside world 203.0.113.1
host alice home 192.168.1.2
at 1500ms address router 203.0.113.5
run server background as far {agent('far', '203.0.113.10', '203.0.113.11')}
run alice after far says ready {agent('watch', '203.0.113.10', 7000, 2.5)}
''')
    seen = [line.split()[1] for line in r.of('alice') if line.startswith('now ')]
    check_equal(['203.0.113.1', '203.0.113.5'], [s for s in seen if s != 'nothing'], r.out)


@case_with_hosts
def a_host_that_moves_has_its_new_address_and_none_in_between():
    r = run(f'''
wire world 203.0.113.0/24
host server world 203.0.113.10
host alice world 203.0.113.20
at 1s address alice none
at 2s address alice 203.0.113.21
run alice {agent('addresses')}
''')
    check_equal(['203.0.113.20', 'ENETUNREACH', '203.0.113.21'],
                [line.split()[1] for line in r.of('alice')], r.out)


@case_with_hosts
def tcp_brings_every_byte_through_a_nat_with_loss_and_reordering():
    r = run(f'''
wire world 203.0.113.0/24 delay 5ms loss 0.5% reorder 1% 3ms
wire home 192.168.1.0/24
host server world 203.0.113.10
nat router symmetric inside home outside world 203.0.113.1
host alice home 192.168.1.2
run server background as mirror {agent('mirror', '203.0.113.10', 80)}
run alice after mirror says ready {agent('pour', '203.0.113.10', 80, 2000000)}
''')
    r.said('alice', 'same')
    check_equal('2000000 from 203.0.113.1', r.said('server', 'took'))


@case_with_hosts
def tcp_learns_of_a_narrow_wire_from_icmp_through_the_nat():
    r = run(f'''
wire far-world 198.51.100.0/24 mtu 1300
wire world 203.0.113.0/24
wire home 192.168.1.0/24
router backbone world 203.0.113.254 far-world 198.51.100.254
host server far-world 198.51.100.10
nat router inside home outside world 203.0.113.1
host alice home 192.168.1.2
run server background as mirror {agent('mirror', '198.51.100.10', 80)}
run alice after mirror says ready {agent('pour', '198.51.100.10', 80, 300000)}
''')
    r.said('alice', 'same')
    check(int(r.said('alice', 'mss')) <= 1260, r.out)


@case_with_hosts
def an_icmp_error_finds_its_way_back_through_two_nats():
    r = run(f'''
wire world 203.0.113.0/24
wire carrier 100.64.0.0/24
wire home 192.168.1.0/24
host server world 203.0.113.10
nat cgn symmetric inside carrier outside world 203.0.113.1
nat router symmetric inside home outside carrier 100.64.0.9
host alice home 192.168.1.2
run alice {agent('refused', '203.0.113.10', 9)}
run alice as ping {agent('ping', '203.0.113.10')}
''')
    check_equal('ECONNREFUSED', r.said('alice/python3', 'heard'))
    check_equal('203.0.113.10 postern', r.said('alice/ping', 'pong'))


@case_with_hosts
def large_datagrams_pass_a_nat_that_joins_fragments_and_none_that_drops_them():
    for fragments, expect in (('join', 0), ('drop', 2)):
        r = run(f'''
wire world 203.0.113.0/24
wire home 192.168.1.0/24 mtu 1280
host server world 203.0.113.10
nat router fragments {fragments} inside home outside world 203.0.113.1
host alice home 192.168.1.2
run server background as echo {agent('echo', '203.0.113.10', 7)}
run alice after echo says ready {agent('big', '203.0.113.10', 7, 5000)}
''', expect=expect)
        if fragments == 'join':
            check_equal('5000', r.said('alice', 'back'))


@case_with_hosts
def ipv6_needs_no_nat_and_every_protocol_passes():
    r = run(f'''
wire world 2001:db8::/64 203.0.113.0/24
wire home 2001:db8:1::/64 192.168.1.0/24
host server world 2001:db8::10 203.0.113.10
firewall router only ipv6 filtering port inside home 2001:db8:1::1 outside world 2001:db8::1
nat router4 inside home 192.168.1.1 outside world 203.0.113.1
host alice home 2001:db8:1::2 192.168.1.2
run server background as mirror {agent('mirror', '2001:db8::10', 80)}
run alice after mirror says ready as pour {agent('pour', '2001:db8::10', 80, 500000)}
run alice as refused {agent('refused', '2001:db8::10', 9)}
run alice as ping {agent('ping', '2001:db8::10')}
run alice as ping4 {agent('ping', '203.0.113.10')}
''')
    r.said('alice/pour', 'same')
    check_equal('500000 from 2001:db8:1::2', r.said('server', 'took'))
    check_equal('ECONNREFUSED', r.said('alice/refused', 'heard'))
    check_equal('2001:db8::10 postern', r.said('alice/ping', 'pong'))
    check_equal('203.0.113.10 postern', r.said('alice/ping4', 'pong'))


@case_with_hosts
def names_are_the_name_servers_to_tell():
    r = run(f'''
wire world 203.0.113.0/24
wire home 192.168.1.0/24
nameserver dns world 203.0.113.53
record sip.example.com A 203.0.113.10
nat router inside home outside world 203.0.113.1
host alice home 192.168.1.2
run alice as known {agent('resolve', 'sip.example.com')}
run alice as unknown {agent('resolve', 'other.example.com')}
''')
    check_equal("['203.0.113.10']", r.said('alice/known', 'resolved'))
    r.said('alice/unknown', 'failed')


run_cases()
