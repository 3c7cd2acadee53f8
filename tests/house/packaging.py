#!/usr/bin/env python3
"""Holds packaging/kubernetes true: packaging.py SOURCE_ROOT. Prints TAP.

The fields are those of the published schema (Kubernetes 1.27), as far as they are used; what they name is in settings.def,
and what they ask for is what the server serves.
"""
import os
import re
import sys

sys.path.insert(0, f'{sys.path[0]}/../support')
from tap import case, check, check_equal, run_cases, skip_all  # noqa: E402

try:
    import yaml
except ImportError:
    skip_all('python3-yaml is not installed (tools/setup installs it)')

ROOT = sys.argv[1]
MANIFEST = f'{ROOT}/packaging/kubernetes/postern-server.yaml'

# The types of fields: a class, a set of words, a dictionary of fields, [of what] a list has, or {str: of what} a map has.
LABELS = {str: str}
METADATA = {'name': str, 'labels': LABELS, 'annotations': LABELS}
PROBE = {'httpGet': {'path': str, 'port': (str, int), 'host': str, 'scheme': {'HTTP', 'HTTPS'}}, 'initialDelaySeconds': int,
         'periodSeconds': int, 'timeoutSeconds': int, 'successThreshold': int, 'failureThreshold': int}
AMOUNTS = {'cpu': str, 'memory': str}
CONTAINER = {
    'name': str, 'image': str, 'command': [str], 'args': [str],
    'env': [{'name': str, 'value': str, 'valueFrom': {'fieldRef': {'fieldPath': str}, 'secretKeyRef': {'name': str, 'key': str}}}],
    'ports': [{'name': str, 'containerPort': int, 'hostPort': int, 'protocol': {'UDP', 'TCP', 'SCTP'}}],
    'readinessProbe': PROBE, 'livenessProbe': PROBE, 'startupProbe': PROBE, 'resources': {'requests': AMOUNTS, 'limits': AMOUNTS},
    'securityContext': {'runAsNonRoot': bool, 'runAsUser': int, 'runAsGroup': int, 'readOnlyRootFilesystem': bool,
                        'allowPrivilegeEscalation': bool, 'capabilities': {'drop': [str], 'add': [str]},
                        'seccompProfile': {'type': {'RuntimeDefault', 'Unconfined', 'Localhost'}}},
    'volumeMounts': [{'name': str, 'mountPath': str, 'readOnly': bool, 'subPath': str}]}
POD = {
    'hostNetwork': bool, 'dnsPolicy': {'ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'}, 'nodeSelector': LABELS,
    'terminationGracePeriodSeconds': int, 'automountServiceAccountToken': bool, 'securityContext': {'fsGroup': int},
    'containers': [CONTAINER],
    'volumes': [{'name': str, 'secret': {'secretName': str, 'defaultMode': int, 'optional': bool},
                 'configMap': {'name': str, 'defaultMode': int}, 'emptyDir': {'medium': {'', 'Memory'}, 'sizeLimit': str}}]}
SCHEMA = {('apps/v1', 'DaemonSet'): {
    'apiVersion': str, 'kind': str, 'metadata': METADATA,
    'spec': {'selector': {'matchLabels': LABELS}, 'minReadySeconds': int,
             'updateStrategy': {'type': {'RollingUpdate', 'OnDelete'}, 'rollingUpdate': {'maxUnavailable': (int, str)}},
             'template': {'metadata': METADATA, 'spec': POD}}}}


def faults(value, kind, where):
    """What of `value` is not of this kind."""
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            yield f'{where} is no object'
            return
        for name, inner in value.items():
            if name not in kind and str not in kind:
                yield f'{where}.{name}: there is no such field'
            else:
                yield from faults(inner, kind.get(name, kind.get(str)), f'{where}.{name}')
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield f'{where} is no list'
            return
        for i, inner in enumerate(value):
            yield from faults(inner, kind[0], f'{where}[{i}]')
    elif isinstance(kind, set):
        if value not in kind:
            yield f'{where}: {value} is none of {sorted(kind)}'
    elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield f'{where}: {value!r} is of another type'


def read(name):
    with open(os.path.join(ROOT, name), encoding='utf-8') as f:
        return f.read()


with open(MANIFEST, encoding='utf-8') as manifest:
    DOCUMENTS = list(yaml.safe_load_all(manifest))
DAEMONS = next(d for d in DOCUMENTS if d['kind'] == 'DaemonSet')
PODS = DAEMONS['spec']['template']['spec']
SERVER = PODS['containers'][0]
DEFAULTS = dict(re.findall(r'^SETTING\(\w+, "([\w-]+)", [\w"()|-]+, "([^"]*)"', read('apps/server/settings.def'), re.M))


def flags():
    """{setting: its value, or None for a bare one} of the command line."""
    found, words = {}, list(SERVER['args'])
    while words:
        word = words.pop(0)
        check(word.startswith('--'), f'{word} is no flag')
        found[word[2:]] = words.pop(0) if words and not words[0].startswith('--') else None
    return found


@case
def every_field_is_of_the_schema():
    for document in DOCUMENTS:
        check_equal([], list(faults(document, SCHEMA[document['apiVersion'], document['kind']], document['kind'])))
    check_equal(DAEMONS['spec']['selector']['matchLabels'], DAEMONS['spec']['template']['metadata']['labels'])


@case
def every_flag_is_a_setting():
    check_equal(set(), set(flags()) - set(DEFAULTS))


@case
def probes_ask_for_what_is_served_where_it_is_served():
    served = set(re.findall(r'strcmp\(r->path, "([^"]+)"\)', read('apps/server/watch.c')))
    ports = {p['name']: p['containerPort'] for p in SERVER['ports']}
    check('prometheus' in flags())
    for probe in ('readinessProbe', 'livenessProbe'):
        get = SERVER[probe]['httpGet']
        check(get['path'] in served, f'{probe}: {get["path"]} is not one of {served}')
        check_equal(int(flags().get('prometheus-port') or DEFAULTS['prometheus-port']), ports.get(get['port'], get['port']), probe)
    check_equal({int(DEFAULTS['listening-port'])}, {port for name, port in ports.items() if name.startswith('stun')})
    told = DAEMONS['spec']['template']['metadata']['annotations']['prometheus.io/port']
    check_equal(ports['metrics'], int(told))


@case
def the_kubelet_waits_longer_than_a_drain():
    check(PODS['terminationGracePeriodSeconds'] > int(flags()['postern-drain']))


@case
def what_is_named_is_there():
    volumes = {v['name'] for v in PODS['volumes']}
    mounts = {m['name']: m['mountPath'] for m in SERVER['volumeMounts']}
    check_equal(volumes, set(mounts))
    check_equal(mounts['settings'], os.path.dirname(flags()['config']))
    check_equal('/run/postern', mounts['run'])
    variables = set(re.findall(r'\$\((\w+)\)', ' '.join(SERVER['args'])))
    check_equal({e['name'] for e in SERVER['env']}, variables)


@case
def nothing_secret_is_on_the_command_line_and_nothing_runs_as_root():
    secret = set(re.findall(r'^SETTING\(\w+, "([\w-]+)", (?:SECRET|LIST\("(?:secret|login)"\))', read('apps/server/settings.def'), re.M))
    check({'static-auth-secret', 'user', 'redis-userdb'} <= secret)
    check_equal(set(), secret & set(flags()))
    context = SERVER['securityContext']
    check(context['runAsNonRoot'] and context['runAsUser'] > 0 and context['capabilities'] == {'drop': ['ALL']})


run_cases()
