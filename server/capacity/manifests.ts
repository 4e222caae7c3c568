/**
 * What an operator gives to a cluster so that it scales by a resource: a HorizontalPodAutoscaler (autoscaling/v2) that reads the
 * External Metrics API, or a ScaledObject of KEDA that asks the same address with a key. Both by the present value and by
 * the one ahead, as an autoscaler takes the larger of what its metrics ask for. Pure.
 */
import type { ManifestInput } from './contract.ts';
import { AHEAD, quantityOf } from './external-metrics.ts';

export type Manifests = { hpa: string; keda: string };

/** Names are DNS labels and figures are numbers, so that nothing has to be escaped; see `manifestSchema`. */
export function manifestsOf(
  input: Omit<ManifestInput, 'id'> & { metricName: string; publicUrl: string },
): Manifests {
  const { metricName, deployment, namespace, minReplicas, maxReplicas } = input;
  const names = input.ahead ? [metricName, `${metricName}${AHEAD}`] : [metricName];
  const head = (name: string) => `metadata:
  name: ${name}
  namespace: ${namespace}
`;
  const hpa = `# Needs the group external.metrics.k8s.io to lead to this console: deploy/kubernetes/external-metrics.yaml.
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
${head(deployment)}spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: ${deployment}
  minReplicas: ${minReplicas}
  maxReplicas: ${maxReplicas}
  metrics:
${names
  .map(
    (name) => `    - type: External
      external:
        metric:
          name: ${name}
        target:
          type: AverageValue
          averageValue: "${quantityOf(input.target)}"
`,
  )
  .join('')}`;
  const keda = `# Needs KEDA and a key with the role viewer and the scope capacity.scaling.get.
apiVersion: v1
kind: Secret
${head('wheelhouse-metrics')}stringData:
  token: REPLACE_WITH_A_KEY
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
${head('wheelhouse-metrics')}spec:
  secretTargetRef:
    - parameter: token
      name: wheelhouse-metrics
      key: token
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
${head(deployment)}spec:
  scaleTargetRef:
    name: ${deployment}
  minReplicaCount: ${minReplicas}
  maxReplicaCount: ${maxReplicas}
  triggers:
${names
  .map(
    (name) => `    - type: metrics-api
      metadata:
        url: "${input.publicUrl}/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${name}"
        valueLocation: items.0.value
        targetValue: "${plain(input.target)}"
        authMode: bearer
      authenticationRef:
        name: wheelhouse-metrics
`,
  )
  .join('')}`;
  return { hpa, keda };
}

/** Without an exponent, as KEDA reads it. */
const plain = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(6).replace(/0+$/, '');
