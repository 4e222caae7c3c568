/**
 * `kubectl rollout restart`: a strategic merge patch that sets `kubectl.kubernetes.io/restartedAt` on the pod
 * template. Credentials as kubectl finds them: KUBECONFIG, ~/.kube/config, or the pod's service account, which
 * needs `patch` on that deployment and nothing else. The client library is loaded on first use.
 */
import type { RemedyOutcome } from './port.ts';

export async function restartDeployment(
  { namespace, deployment }: { namespace: string; deployment: string },
  now: Date,
  signal: AbortSignal,
): Promise<RemedyOutcome> {
  const { AppsV1Api, KubeConfig, PatchStrategy, setHeaderOptions } = await import(
    '@kubernetes/client-node'
  );
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster) return { ok: false, detail: 'there is no Kubernetes configuration', output: null };
  const api = config.makeApiClient(AppsV1Api);
  const body = {
    spec: {
      template: {
        metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now.toISOString() } },
      },
    },
  };
  const patch = api.patchNamespacedDeployment(
    { name: deployment, namespace, body, fieldManager: 'wheelhouse' },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  );
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
  });
  try {
    await Promise.race([patch, aborted]);
    return { ok: true, detail: `rollout of ${namespace}/${deployment} restarted`, output: null };
  } catch (error) {
    if (signal.aborted) throw error;
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
    const message = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      detail: code
        ? `Kubernetes answered ${String(code)}`
        : `Kubernetes could not be asked: ${message.slice(0, 200)}`,
      output: message.slice(0, 4_000),
    };
  }
}
