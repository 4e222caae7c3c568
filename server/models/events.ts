/** What happens to models that others act upon, such as retraining: one list, so that who listens needs to know no module's topics. */
import type { Bus } from '../platform/bus.ts';

const TOPIC = 'model-events';
export const modelEventTypes = [
  'drift.found',
  'drift.ended',
  'performance.fell',
  'performance.recovered',
] as const;
/** The id is the model's. */
export type ModelEvent = { type: (typeof modelEventTypes)[number]; modelId: string };

export const publishModelEvent = (bus: Bus, { type, modelId }: ModelEvent): void =>
  bus.publish({ topic: TOPIC, type, id: modelId });

/** Heard by every replica, at most once each; answers what ends it. */
export const onModelEvent = (bus: Bus, handler: (event: ModelEvent) => void): (() => void) =>
  bus.on(TOPIC, ({ type: name, id }) => {
    const type = modelEventTypes.find((one) => one === name);
    if (type && id) handler({ type, modelId: id });
  });
