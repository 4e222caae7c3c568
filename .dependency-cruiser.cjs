/**
 * The import rules of the house. `server/house.test.ts` proves that they see the tree and that each catches a violation.
 * A module is a folder `server/<name>`; `api`, `http`, `cli` and `platform` are not modules.
 */
const notModules = 'api|http|cli|platform';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other at run time are one file, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pages-see-contracts-only',
      comment:
        'Pages and components import contracts and the type of the API, nothing else of the server.',
      severity: 'error',
      from: { path: '^(app|components)/' },
      to: { path: '^server/', pathNot: '^server/([^/]+/contract\\.ts|api/(router|scopes)\\.ts)$' },
    },
    {
      name: 'pages-see-the-api-as-a-type',
      severity: 'error',
      from: { path: '^(app|components)/' },
      to: { path: '^server/api/router\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'components-do-not-import-pages',
      severity: 'error',
      from: { path: '^components/' },
      to: { path: '^app/' },
    },
    {
      name: 'server-does-not-import-pages',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: '^(app|components)/' },
    },
    {
      name: 'platform-imports-no-module',
      comment: 'The test kit builds the whole program and is the exception.',
      severity: 'error',
      from: { path: '^server/platform/', pathNot: '^server/platform/testing/|\\.test\\.ts$' },
      to: { path: '^server/', pathNot: '^server/platform/' },
    },
    {
      name: 'test-kit-only-in-tests',
      severity: 'error',
      from: { pathNot: '^server/platform/testing/|\\.(test|suite)\\.ts$|^(e2e|bench|scripts)/' },
      to: { path: '^server/platform/testing/' },
    },
    {
      name: 'modules-meet-at-their-face',
      comment: 'A module reaches another through its index.ts or contract.ts.',
      severity: 'error',
      from: { path: `^server/(?!(?:${notModules})/)([^/]+)/` },
      to: {
        path: `^server/(?!(?:${notModules})/)[^/]+/`,
        pathNot: '^server/$1/|^server/[^/]+/(index|contract)\\.ts$',
      },
    },
    {
      name: 'host-uses-the-face-of-modules',
      severity: 'error',
      from: { path: '^server/(http|api|cli)/|^server/[^/]+\\.ts$', pathNot: '\\.test\\.ts$' },
      to: { path: `^server/(?!(?:${notModules})/)[^/]+/`, pathNot: '/(index|contract)\\.ts$' },
    },
    {
      name: 'modules-do-not-know-the-host',
      comment: 'A module takes what it needs as arguments; only its router knows tRPC.',
      severity: 'error',
      from: { path: `^server/(?!(?:${notModules})/)[^/]+/`, pathNot: '\\.test\\.ts$' },
      to: {
        path: '^server/(http|cli)/|^server/(main|runtime|modules)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'routers-touch-no-storage',
      severity: 'error',
      from: { path: '^server/[^/]+/router\\.ts$' },
      to: {
        path: '^server/platform/(db|redis|postgres)/|^prisma/|^node_modules/(pg|ioredis|@prisma)/',
      },
    },
    {
      name: 'contracts-are-client-safe',
      comment: 'A contract holds shapes; what it imports is shipped to the browser.',
      severity: 'error',
      from: { path: '^server/([^/]+/contract|api/scopes)\\.ts$' },
      to: { pathNot: '/contract\\.ts$|^server/api/scopes\\.ts$|^node_modules/zod/' },
    },
    {
      name: 'no-dumping-grounds',
      severity: 'error',
      from: {},
      to: {
        path: '(^|/)(utils?|helpers?|common|misc|lib|shared|types)(/|\\.tsx?$)',
        pathNot: 'node_modules|^prisma/client/|^[^/]*$',
      },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: '\\.test\\.tsx?$' },
      to: { path: '\\.test\\.tsx?$' },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules|^prisma/client' },
    exclude: { path: '^\\.next/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.cjs', '.json'],
    },
  },
};
