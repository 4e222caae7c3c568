import { describe, expect, test } from 'vitest';
import { check, fieldOf, newWindow, valuesOf } from './rule-form.ts';

const filled = { ...valuesOf(null), name: 'No deploys', subject: 'agent:bot', tool: 'deploy' };

describe('a rule from the form', () => {
  test('what is left empty is left out', () => {
    expect(check({ ...filled, scope: ' ' }).input).toEqual({
      name: 'No deploys',
      description: '',
      effect: 'deny',
      subject: 'agent:bot',
      tool: 'deploy',
      scope: '*',
      enabled: true,
      conditions: {},
    });
  });
  test('networks and environments may stand in lines or behind commas', () => {
    const { input } = check({
      ...filled,
      addresses: '10.0.0.0/8\n192.0.2.1',
      environments: 'production, staging',
      times: [newWindow()],
    });
    expect(input?.conditions.addresses).toEqual(['10.0.0.0/8', '192.0.2.1']);
    expect(input?.conditions.environments).toEqual(['production', 'staging']);
    expect(input?.conditions.times?.[0]?.days).toEqual([1, 2, 3, 4, 5]);
  });
  test('faults stand at their control', () => {
    const { input, faults } = check({
      ...filled,
      name: '',
      subject: 'bot',
      addresses: 'nowhere',
      times: [{ ...newWindow(), timeZone: 'Mars/Base' }],
    });
    expect(input).toBeNull();
    expect(Object.keys(faults).sort()).toEqual(['addresses', 'name', 'subject', 'times']);
    expect(fieldOf('conditions.times.0.timeZone')).toBe('times');
    expect(fieldOf('name')).toBe('name');
  });
  test('a rule goes into the form and comes out the same', () => {
    const rule = check({ ...filled, addresses: '10.0.0.0/8', times: [newWindow()] }).input;
    if (!rule) throw new Error('the form is wrong');
    const item = {
      ...rule,
      id: 'x',
      subjectName: null,
      version: 1,
      createdAt: '',
      createdBy: '',
      updatedAt: '',
      updatedBy: '',
    };
    expect(check(valuesOf(item)).input).toEqual(rule);
  });
});
