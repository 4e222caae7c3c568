/**
 * Users: accounts, invitations, roles and signing in.
 *
 * Passwords are argon2id (RFC 9106; 19 MiB, 2 passes, 1 lane, the OWASP minimum), hashed off the event loop,
 * at most two at a time behind a bounded queue. Failed attempts lock the account and the address with doubling
 * waits; an unknown address costs as much time as a wrong password. The first admin comes from a one-time link
 * that works only while there is no account. The last active admin can be neither demoted nor disabled.
 */

export { usersJobs } from './jobs.ts';
export { createPasswords, type Passwords } from './passwords.ts';
export { usersRouter } from './router.ts';
export { createUsers, type Users } from './service.ts';
export { createSignIn, type SignIn } from './sign-in.ts';
export { accountPolicy } from './throttle.ts';
