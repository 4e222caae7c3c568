import type { Role } from '../../server/api/contract.ts';

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };

/** Whether `role` includes the rights of `needed`. For what is drawn; the server decides for itself. */
export function allows(role: Role, needed: Role): boolean {
  return rank[role] >= rank[needed];
}

/** In the order of rights, for lists to choose from. */
export const roleOptions: readonly { value: Role; label: string; can: string }[] = [
  {
    value: 'viewer',
    label: 'Viewer',
    can: 'Sees everything but people, the audit log and settings.',
  },
  { value: 'operator', label: 'Operator', can: 'Sees what a viewer sees, and acts on it.' },
  {
    value: 'admin',
    label: 'Admin',
    can: 'Does everything, including people, the audit log and settings.',
  },
];
