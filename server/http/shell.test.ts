import { expect, test } from 'vitest';
import { inlineScriptHashes, withoutFramework } from './shell.ts';

const html = [
  '<head><script src="/theme.js"></script>',
  '<link rel="stylesheet" href="/_next/static/a.css"/>',
  '<link rel="preload" as="script" fetchPriority="low" href="/_next/static/a.js"/>',
  '<script src="/_next/static/a.js" async=""></script></head>',
  '<body><h1>Sign in</h1><script>self.__next_f=[]</script>',
  '<script>self.__next_f.push([1,"x"])</script>',
  '<script src="/_next/static/p.js" noModule=""></script>',
  '<script src="/auth.js" defer=""></script></body>',
].join('');

test('a page without the framework keeps its text, its styles and the scripts of the project', () => {
  expect(withoutFramework(html)).toBe(
    '<head><script src="/theme.js"></script><link rel="stylesheet" href="/_next/static/a.css"/></head>' +
      '<body><h1>Sign in</h1><script src="/auth.js" defer=""></script></body>',
  );
});
test('each inline script has its hash, and a page without one has none', () => {
  expect(inlineScriptHashes(html)).toHaveLength(2);
  expect(inlineScriptHashes('<script>a</script><script>a</script>')).toEqual([
    "'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='",
  ]);
  expect(inlineScriptHashes(withoutFramework(html))).toEqual([]);
});
