/** Against Kubernetes' own client: its reader of quantities, its serialiser, its YAML. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  dumpYaml,
  loadAllYaml,
  loadYaml,
  type V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';
import { quantityToScalar } from '@kubernetes/client-node/dist/util.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manifestSchema, updateResourceSchema } from './contract.ts';
import { quantityOf, readSelector, valueList } from './external-metrics.ts';
import { manifestsOf } from './manifests.ts';

describe('quantities', () => {
  test.each([
    [0, '0'],
    [3, '3'],
    [1.5, '1500m'],
    [-0.25, '-250m'],
    [12.345, '12345m'],
    [1 / 3, '333333u'],
    [0.000_000_004, '4n'],
    [5 * 1024 ** 3, '5368709120'],
    [3e17, '3e17'],
  ])('%d is %s', (value, text) => expect(quantityOf(value)).toBe(text));
  test('are read by Kubernetes’ client as the number that was meant', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e12, max: 1e12, noNaN: true }), (value) => {
        const text = quantityOf(value);
        expect(text).toMatch(/^-?\d+[mun]?$/);
        const read = Number(quantityToScalar(text));
        expect(Math.abs(read - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value) + 1e-9);
      }),
    );
  });
});

describe('label selectors', () => {
  const labels = { host: 'db1', 'app.kubernetes.io/name': 'shop' };
  test.each([
    ['', true],
    ['host=db1', true],
    ['host==db1,app.kubernetes.io/name=shop', true],
    ['host!=db1', false],
    ['host=db2', false],
    ['zone!=eu', true],
    ['zone=', false],
    ['host in (db1, db2)', true],
    ['host notin (db1,db2),host', false],
    ['zone notin (eu)', true],
    ['host,!zone', true],
    ['!host', false],
    ['zone', false],
  ])('%s: %s', (text, matches) => expect(readSelector(text)?.(labels)).toBe(matches));
  test.each([
    'host=',
    'host in ()',
    'a=b=c',
    'host in db1',
    ',',
    '=x',
    'a in (b',
    'x'.repeat(3_000),
  ])('%s', (text) => {
    // The first two ask for the empty value, which is none of ours; the others are no selectors.
    const found = readSelector(text);
    if (text.startsWith('host=') || text.endsWith('()')) expect(found?.(labels)).toBe(false);
    else expect(found).toBeNull();
  });
  test('whatever comes is answered', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const found = readSelector(text);
        if (found) expect(typeof found(labels)).toBe('boolean');
      }),
    );
  });
});

test('a list is what the client of the autoscaler expects', () => {
  const reading = {
    name: 'orders',
    value: 1.5,
    at: '2026-11-20T12:00:00.250Z',
    labels: { host: 'a' },
  };
  expect(valueList([{ ...reading, windowSeconds: 300 }])).toEqual({
    kind: 'ExternalMetricValueList',
    apiVersion: 'external.metrics.k8s.io/v1beta1',
    metadata: {},
    items: [
      {
        metricName: 'orders',
        metricLabels: { host: 'a' },
        timestamp: '2026-11-20T12:00:00Z',
        window: 300,
        value: '1500m',
      },
    ],
  });
  expect(valueList([{ ...reading, windowSeconds: null }]).items[0]).not.toHaveProperty('window');
});

describe('manifests', () => {
  const sample = {
    metricName: 'orders-per-second',
    publicUrl: 'https://wheelhouse.example.com',
    namespace: 'shop',
    deployment: 'orders',
    minReplicas: 2,
    maxReplicas: 20,
    target: 12.5,
    ahead: true,
  };
  const folder = path.resolve(import.meta.dirname, '../../deploy/kubernetes');
  const file = (name: string) => readFileSync(path.join(folder, name), 'utf8');

  test('those in deploy/kubernetes are what is made', () => {
    expect(manifestsOf(sample)).toEqual({ hpa: file('hpa.yaml'), keda: file('keda.yaml') });
  });
  test('the autoscaler is one that Kubernetes’ client reads whole', () => {
    const { hpa } = manifestsOf(sample);
    const read = loadYaml<V2HorizontalPodAutoscaler>(hpa);
    // What the types of autoscaling/v2 do not know would be lost on the way.
    const lines = (text: string) =>
      text
        .split('\n')
        .map((line) => line.replace(/^[\s-]+|"|#.*$/g, ''))
        .filter(Boolean)
        .sort();
    expect(lines(dumpYaml(read))).toEqual(lines(hpa));
    expect(read.spec?.metrics?.map(({ external }) => external)).toEqual(
      ['orders-per-second', 'orders-per-second-ahead'].map((name) => ({
        metric: { name },
        target: { type: 'AverageValue', averageValue: '12500m' },
      })),
    );
    const alone = manifestsOf({ ...sample, ahead: false });
    expect(alone.hpa + alone.keda).not.toContain('-ahead');
  });
  test('KEDA asks the addresses that there are', () => {
    const [secret, auth, scaled] = loadAllYaml(manifestsOf(sample).keda);
    expect(auth.spec.secretTargetRef[0].name).toBe(secret.metadata.name);
    expect(
      scaled.spec.triggers.map((one: { metadata: { url: string } }) => one.metadata.url),
    ).toEqual(
      ['orders-per-second', 'orders-per-second-ahead'].map(
        (name) =>
          `https://wheelhouse.example.com/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/${name}`,
      ),
    );
    for (const { authenticationRef, metadata } of scaled.spec.triggers) {
      expect(authenticationRef.name).toBe(auth.metadata.name);
      expect(metadata).toMatchObject({ targetValue: '12.5', authMode: 'bearer' });
    }
  });
  test('the proxy leads the group, and nothing else, to the console with the key', () => {
    const parts = loadAllYaml(file('external-metrics.yaml'));
    const of = (kind: string) => parts.find((part) => part.kind === kind);
    const service = of('Service');
    expect(of('APIService').metadata.name).toBe('v1beta1.external.metrics.k8s.io');
    expect(of('APIService').spec.service).toEqual({
      name: service.metadata.name,
      namespace: service.metadata.namespace,
    });
    const [container] = of('Deployment').spec.template.spec.containers;
    expect(service.spec.ports[0].targetPort).toBe(container.ports[0].containerPort);
    const conf: string = of('ConfigMap').data['default.conf.template'];
    for (const name of conf.match(/\$\{\w+\}/g) ?? [])
      expect(Object.keys(of('Secret').stringData)).toContain(name.slice(2, -1));
    expect(conf).toContain('ssl_verify_client on;');
    expect(conf.match(/location \S+/g)).toEqual(['location /apis']);
  });
  test.each([
    { deployment: 'a: b' },
    { deployment: 'a\nkind: Secret' },
    { namespace: '../x' },
    { minReplicas: 5, maxReplicas: 4 },
    { target: 0 },
    { target: Number.POSITIVE_INFINITY },
  ])('%j is refused', (change) => {
    const given = { id: crypto.randomUUID(), deployment: 'orders', target: 1 };
    expect(manifestSchema.safeParse(given).success).toBe(true);
    expect(manifestSchema.safeParse({ ...given, ...change }).success).toBe(false);
  });
});

test.each(['Orders', 'a/b', '..', 'a.b', '-a', 'a-', 'queue-ahead', 'a'.repeat(63), ''])(
  'no name of a metric: %s',
  (metricName) => {
    const id = crypto.randomUUID();
    expect(updateResourceSchema.safeParse({ id, metricName: 'orders-2' }).success).toBe(true);
    expect(updateResourceSchema.safeParse({ id, metricName }).success).toBe(false);
  },
);
