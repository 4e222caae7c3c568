import { MutationObserver } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import { queryClient } from './client.ts';

test('the answer of a mutation, which may be a secret, is forgotten with who asked', async () => {
  const observer = new MutationObserver(queryClient, { mutationFn: async () => ({ key: 'wh_x' }) });
  const leave = observer.subscribe(() => undefined);
  expect(await observer.mutate()).toEqual({ key: 'wh_x' });
  const held = () => queryClient.getMutationCache().getAll().length;
  expect(held()).toBe(1);
  leave();
  await expect.poll(held).toBe(0);
});
