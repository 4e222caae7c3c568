/** What each receiver documents, as checks that know nothing of how we render. Answers what is wrong. */
type Json = Record<string, unknown>;

const isText = (value: unknown, max: number) =>
  typeof value === 'string' && value.length > 0 && value.length <= max;
const objects = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};

export function slackFaults(payload: unknown): string[] {
  const { text, blocks } = object(payload);
  const faults: string[] = [];
  const expectThat = (ok: boolean, what: string) => {
    if (!ok) faults.push(what);
  };
  expectThat(isText(text, 4_000), 'text');
  const all = objects(blocks);
  expectThat(all.length >= 1 && all.length <= 50, '1 to 50 blocks');
  for (const block of all) {
    const label = object(block.text).text;
    switch (block.type) {
      case 'header':
        expectThat(isText(label, 150), 'header text');
        break;
      case 'section':
        if (block.fields === undefined) expectThat(isText(label, 3_000), 'section text');
        else {
          const fields = objects(block.fields);
          expectThat(fields.length >= 1 && fields.length <= 10, '1 to 10 fields');
          for (const field of fields) expectThat(isText(field.text, 2_000), 'field text');
        }
        break;
      case 'context': {
        const elements = objects(block.elements);
        expectThat(elements.length >= 1 && elements.length <= 10, '1 to 10 elements');
        break;
      }
      case 'actions':
        for (const button of objects(block.elements)) {
          expectThat(isText(object(button.text).text, 75), 'button text');
          expectThat(isText(button.url, 3_000) && URL.canParse(String(button.url)), 'button url');
        }
        break;
      default:
        faults.push(`unknown block ${String(block.type)}`);
    }
  }
  const document = JSON.stringify(payload);
  expectThat(document.length <= 13_000, `13 000 characters, has ${document.length}`);
  expectThat(document.isWellFormed() && !/\\ud[89a-f]/.test(document), 'well-formed Unicode');
  expectThat(!/<[!@#]|<http/.test(document), 'no unescaped mention or link');
  return faults;
}

export function pagerDutyFaults(event: unknown): string[] {
  const { routing_key, event_action, dedup_key, payload, links, client_url } = object(event);
  const faults: string[] = [];
  const expectThat = (ok: boolean, what: string) => {
    if (!ok) faults.push(what);
  };
  expectThat(/^[A-Za-z0-9]{32}$/.test(String(routing_key)), 'routing_key');
  expectThat(['trigger', 'acknowledge', 'resolve'].includes(String(event_action)), 'event_action');
  expectThat(isText(dedup_key, 255), 'dedup_key');
  const { summary, source, severity, timestamp, component } = object(payload);
  expectThat(isText(summary, 1_024), 'summary');
  expectThat(isText(source, 255), 'source');
  expectThat(isText(component, 255), 'component');
  expectThat(['critical', 'error', 'warning', 'info'].includes(String(severity)), 'severity');
  expectThat(!Number.isNaN(Date.parse(String(timestamp))), 'timestamp');
  for (const { href, text } of objects(links)) {
    expectThat(URL.canParse(String(href)) && isText(text, 255), 'links');
  }
  expectThat(URL.canParse(String(client_url)), 'client_url');
  const bytes = Buffer.byteLength(JSON.stringify(event));
  expectThat(bytes <= 512 * 1024, `512 KB, has ${bytes}`);
  return faults;
}

export function cloudEventFaults(event: unknown): string[] {
  const { id, source, specversion, type, subject, time, datacontenttype, data } = object(event);
  const faults: string[] = [];
  const expectThat = (ok: boolean, what: string) => {
    if (!ok) faults.push(what);
  };
  expectThat(specversion === '1.0', 'specversion');
  expectThat(isText(id, 100), 'id');
  expectThat(isText(source, 2_000) && URL.canParse(String(source)), 'source');
  expectThat(/^dev\.wheelhouse\.incident\.[a-z]+$/.test(String(type)), 'type');
  expectThat(isText(subject, 300), 'subject');
  expectThat(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(String(time)), 'time');
  expectThat(datacontenttype === 'application/json', 'datacontenttype');
  expectThat(Object.keys(object(data)).length > 0, 'data');
  return faults;
}
