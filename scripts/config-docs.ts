/** Prints docs/operations/configuration.md from the schema, so that the page cannot say anything else. */
import { tmpdir } from 'node:os';
import { describeConfig, loadConfig } from '../server/config.ts';

export function configurationPage(): string {
  const secret = 'only here to keep the data folder untouched';
  const config = loadConfig({ WHEELHOUSE_SECRET: secret }, { cwd: tmpdir() });
  const settings = describeConfig(config);
  const groups = [...new Set(settings.map((item) => item.group))];
  const tables = groups.map((group) => {
    const rows = settings
      .filter((item) => item.group === group)
      .map(
        ({ name, defaultValue, description, accepts, secret: hidden }) =>
          `| \`${name}\` | ${defaultValue === null ? '' : `\`${defaultValue}\``} | ${description} | ${accepts}${hidden ? '; secret' : ''} |`,
      );
    return `## ${group}\n\n| variable | default | meaning | accepted |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Configuration

Variables of the environment, or of the JSON file that \`WHEELHOUSE_CONFIG\` names (the environment wins). They are read
once, at start; all mistakes are reported together. \`npm run -s cli -- config check\` also reaches what they name. The
Settings page shows what is in effect and where it came from.

${tables.join('\n')}`;
}

if (process.argv[1] === import.meta.filename) process.stdout.write(configurationPage());
