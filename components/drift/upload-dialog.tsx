'use client';

import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { formatBytes } from '../format/bytes.ts';
import { count, formatNumber } from '../format/number.ts';
import { formatPercent } from '../format/percent.ts';
import { api, queryClient, trpc } from '../trpc/client.ts';
import { failureOf } from '../trpc/errors.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { Input, Select } from '../ui/input.tsx';
import { ScrollRegion } from '../ui/scroll-region.tsx';
import { Skeleton } from '../ui/skeleton.tsx';
import { submitOnCtrlEnter } from '../ui/submit.ts';
import { ColumnFields, typeWords } from './column-fields.tsx';
import { faultOf, type MappedFeature, mapFeatures, type Understood, wireOf } from './column-map.ts';
import { sendFile } from './send-file.ts';

const delimiterWords = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'bar' } as const;
const formatWords = { csv: 'CSV', json: 'a JSON list', jsonl: 'JSON lines' } as const;
const MAX_SHOWN = 300;

function Progress({ label, share }: { label: string; share: number }) {
  return (
    <div className="grid gap-1.5">
      <div className="flex justify-between text-13">
        <span>{label}</span>
        <span className="tabular-nums">{formatPercent(share)}</span>
      </div>
      <progress aria-label={label} value={share} max={1} className="h-2 w-full accent-accent" />
    </div>
  );
}

/** What was understood of the file. */
function Look(props: { preview: Understood; features: readonly MappedFeature[] }) {
  const { preview, features } = props;
  const { format, encoding, delimiter, decimal, rows, rowsExact, columns, problems } = preview;
  const featureOf = new Map(features.map(({ column, name }) => [column, name]));
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <p className="text-13">
        {formatWords[format]} in {encoding}
        {format === 'csv'
          ? `, a ${delimiterWords[delimiter]} between cells, decimal ${decimal === ',' ? 'comma' : 'point'}`
          : ''}
        ; {rowsExact ? '' : 'about '}
        {count(rows, 'row')}.
      </p>
      {problems.length > 0 ? (
        <ul className="list-disc pl-4 text-13 text-warn-text">
          {problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      ) : null}
      <ScrollRegion
        aria-label="Columns of the file, scrolls"
        className="max-h-64 overflow-auto rounded-control border"
      >
        <table className="w-full min-w-[440px] text-12">
          <thead className="sticky top-0 bg-raised text-muted">
            <tr className="h-8 text-left">
              {['Column', 'Holds', 'Missing', 'Such as', 'Feature'].map((head) => (
                <th key={head} scope="col" className="px-2 font-medium">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {columns.slice(0, MAX_SHOWN).map((column) => (
              <tr key={column.name} className="border-t align-top">
                <th scope="row" className="max-w-32 break-words px-2 py-1.5 text-left font-medium">
                  {column.name}
                </th>
                <td className="px-2 py-1.5">{typeWords[column.type]}</td>
                <td className="px-2 py-1.5 tabular-nums">{formatNumber(column.missing)}</td>
                <td className="max-w-40 truncate px-2 py-1.5 font-mono">
                  {column.examples.slice(0, 3).join(' · ')}
                </td>
                <td className="px-2 py-1.5">
                  {featureOf.get(column.name) ?? <span className="text-muted">not used</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
      {columns.length > MAX_SHOWN ? (
        <p className="text-12 text-muted">
          {count(columns.length - MAX_SHOWN, 'more column')} not shown.
        </p>
      ) : null}
    </div>
  );
}

type Hints = { delimiter?: Understood['delimiter']; decimal?: ',' | '.'; header?: boolean };
/** Says how the file is to be read, when the look at it was wrong. */
function Reading(props: { preview: Understood; onChange(hints: Hints): void }) {
  const { preview, onChange } = props;
  const signs = [',', ';', '\t', '|'] as const;
  return (
    <div className="mt-2 grid gap-3 sm:grid-cols-3">
      <Field label="Between cells">
        {(control) => (
          <Select
            {...control}
            value={preview.delimiter}
            onChange={({ target }) => {
              const delimiter = signs.find((sign) => sign === target.value);
              if (delimiter) onChange({ delimiter });
            }}
          >
            {signs.map((sign) => (
              <option key={sign} value={sign}>
                {delimiterWords[sign]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Decimal sign">
        {(control) => (
          <Select
            {...control}
            value={preview.decimal}
            onChange={({ target }) => onChange({ decimal: target.value === ',' ? ',' : '.' })}
          >
            <option value=".">point</option>
            <option value=",">comma</option>
          </Select>
        )}
      </Field>
      <Field label="First row">
        {(control) => (
          <Select
            {...control}
            value={preview.header ? 'names' : 'data'}
            onChange={({ target }) => onChange({ header: target.value === 'names' })}
          >
            <option value="names">names of columns</option>
            <option value="data">data</option>
          </Select>
        )}
      </Field>
    </div>
  );
}

function Confirming(props: { id: string; fileName: string; onBegun(): void; onCancel(): void }) {
  const { id, fileName, onBegun, onCancel } = props;
  const [hints, setHints] = useState<Hints>({});
  const preview = useQuery(
    trpc.drift.uploads.preview.queryOptions(
      { id, ...hints },
      { staleTime: Number.POSITIVE_INFINITY },
    ),
  );
  const [name, setName] = useState(fileName.replace(/\.[^.]*$/, '').slice(0, 100));
  const [time, setTime] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(new Map());
  const [tried, setTried] = useState(false);
  const confirm = useMutation({
    mutationFn: (given: { columns: Record<string, string>; timeColumn: string }) =>
      api.drift.uploads.confirm.mutate({
        id,
        name,
        ...hints,
        columns: given.columns,
        ...(given.timeColumn === '' ? {} : { timeColumn: given.timeColumn }),
      }),
    onSuccess: onBegun,
  });
  const { data } = preview;
  const failure = confirm.error ? failureOf(confirm.error) : null;
  if (preview.isError && !data) {
    return (
      <p role="alert" className="text-13 text-bad-text">
        {failureOf(preview.error).message}
      </p>
    );
  }
  if (!data) return <Skeleton className="h-40" />;
  if (!data.ok) {
    return (
      <>
        <p role="alert" className="mb-4 text-13 text-bad-text">
          {data.fault}
        </p>
        <div className="flex justify-end">
          <Button onClick={onCancel}>Choose another file</Button>
        </div>
      </>
    );
  }
  const features = mapFeatures(data, chosen);
  const guessed = data.timeColumn ?? '';
  // A file read anew may have lost the column.
  const kept = time === null || time === '' || data.columns.some((column) => column.name === time);
  const timeColumn = kept ? (time ?? guessed) : guessed;
  const whole = faultOf(features);
  const atField = (path: string) => failure?.fields.find((one) => one.path === path)?.message;
  const told = new Set(['name', 'timeColumn', ...features.map(({ name }) => `columns.${name}`)]);
  const said =
    (tried ? whole : null) ??
    (failure && !failure.fields.some(({ path }) => told.has(path))
      ? (failure.fields[0]?.message ?? failure.message)
      : null);
  return (
    <form
      className="grid grid-cols-[minmax(0,1fr)] gap-4"
      onKeyDown={submitOnCtrlEnter}
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (whole !== null || features.some(({ fault }) => fault !== null)) return;
        confirm.mutate({ columns: wireOf(features), timeColumn });
      }}
    >
      <Look preview={data} features={features} />
      {data.format === 'csv' ? (
        <details>
          <summary className="cursor-pointer text-13 text-muted">It is read wrongly</summary>
          <Reading preview={data} onChange={(more) => setHints({ ...hints, ...more })} />
        </details>
      ) : null}
      <ColumnFields
        preview={data}
        features={features}
        faultOf={(feature) => atField(`columns.${feature}`)}
        onChoose={(feature, column) => {
          confirm.reset();
          setChosen(new Map(chosen).set(feature, column));
        }}
      />
      <Field label="Name of the reference" error={atField('name')}>
        {(control) => (
          <Input
            {...control}
            value={name}
            autoComplete="off"
            onChange={({ target }) => setName(target.value)}
          />
        )}
      </Field>
      <Field
        label="Column of times"
        help="With times a monitor can compare with the same season."
        error={atField('timeColumn')}
      >
        {(control) => (
          <Select {...control} value={timeColumn} onChange={({ target }) => setTime(target.value)}>
            <option value="">None</option>
            {data.columns.map(({ name: column }) => (
              <option key={column} value={column}>
                {column}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {said ? (
        <p role="alert" className="text-13 text-bad-text">
          {said}
        </p>
      ) : null}
      <div className="sticky bottom-[-16px] -mx-5 -mb-4 flex flex-wrap justify-end gap-2 border-t bg-surface px-5 py-3">
        <Button onClick={onCancel}>Cancel upload</Button>
        <Button type="submit" look="primary" busy={confirm.isPending}>
          Make reference
        </Button>
      </div>
    </form>
  );
}

function Profiling(props: {
  id: string;
  onMade(referenceId: string): void;
  onCancel(): void;
  onAgain(): void;
}) {
  const { id, onMade, onCancel, onAgain } = props;
  const { data } = useQuery(
    trpc.drift.uploads.get.queryOptions(
      { id },
      { refetchInterval: ({ state }) => (state.data?.state === 'done' ? false : 700) },
    ),
  );
  if (data?.state === 'failed' || data?.state === 'cancelled') {
    return (
      <>
        <p role="alert" className="mb-4 text-13 text-bad-text">
          {data.detail ?? 'The upload was cancelled.'}
        </p>
        <div className="flex justify-end">
          <Button onClick={onAgain}>Choose another file</Button>
        </div>
      </>
    );
  }
  if (data?.state === 'done') {
    return (
      <>
        <p className="mb-2 text-13">
          {count(data.rows, 'row')} are profiled; the reference is made.
        </p>
        {data.detail ? <p className="mb-2 text-13 text-warn-text">{data.detail}</p> : null}
        <div className="flex justify-end">
          <Button look="primary" onClick={() => onMade(data.referenceId ?? '')}>
            Done
          </Button>
        </div>
      </>
    );
  }
  return (
    <div className="grid gap-4">
      <Progress label="Profiling" share={data?.progress ?? 0} />
      <p className="text-13 text-muted tabular-nums">{count(data?.rows ?? 0, 'row')} so far.</p>
      <div className="flex justify-end">
        <Button onClick={onCancel}>Cancel upload</Button>
      </div>
    </div>
  );
}

/** A file becomes a reference: chosen, sent, looked at, confirmed, profiled. */
export default function UploadDialog(props: {
  model: { id: string; name: string };
  onClose(): void;
  onMade(referenceId: string): void;
}) {
  const { model, onClose, onMade } = props;
  const [upload, setUpload] = useState<{ id: string; file: File } | null>(null);
  const [stage, setStage] = useState<'choose' | 'sending' | 'confirm' | 'profiling'>('choose');
  const [sent, setSent] = useState(0);
  const [fault, setFault] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const begin = async (file: File) => {
    setFault(null);
    const abort = new AbortController();
    stop.current = abort;
    try {
      const { id } = await api.drift.uploads.create.mutate({
        modelId: model.id,
        fileName: file.name,
        sizeBytes: file.size,
      });
      setUpload({ id, file });
      setSent(0);
      setStage('sending');
      await sendFile(id, file, { signal: abort.signal, onSent: setSent });
      setStage('confirm');
    } catch (error) {
      if (abort.signal.aborted) return;
      const told = error instanceof Error && 'data' in error ? failureOf(error).message : null;
      setFault(told ?? (error instanceof Error ? error.message : failureOf(error).message));
      setStage('choose');
    }
  };
  const reset = () => {
    setUpload(null);
    setStage('choose');
  };
  const cancel = () => {
    stop.current?.abort();
    if (upload) void api.drift.uploads.cancel.mutate({ id: upload.id }).catch(() => undefined);
    reset();
  };
  const leave = () => {
    if (stage === 'sending' || stage === 'confirm') cancel();
    onClose();
  };
  const made = async (referenceId: string) => {
    await queryClient.invalidateQueries({ queryKey: trpc.drift.references.pathKey() });
    onMade(referenceId);
  };
  return (
    <Dialog
      open
      as="sheet"
      title="Upload a reference"
      description={`What the inputs of ${model.name} looked like when it was well, as CSV, JSON or JSON lines.`}
      onOpenChange={leave}
    >
      {stage === 'choose' ? (
        <div className="grid gap-3">
          <Field
            label="File"
            help="It is sent in parts and looked at; nothing is kept before you confirm."
            error={fault ?? undefined}
          >
            {(control) => (
              <input
                {...control}
                ref={input}
                type="file"
                accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson"
                className="w-full rounded-control border border-line-control bg-surface p-2 text-13"
                onChange={({ target }) => {
                  const [file] = target.files ?? [];
                  if (file) void begin(file);
                }}
              />
            )}
          </Field>
        </div>
      ) : stage === 'sending' && upload ? (
        <div className="grid gap-4">
          <Progress label={`Sending ${upload.file.name}`} share={sent / upload.file.size} />
          <p className="text-13 text-muted tabular-nums">
            {formatBytes(sent)} of {formatBytes(upload.file.size)}
          </p>
          <div className="flex justify-end">
            <Button onClick={cancel}>Cancel upload</Button>
          </div>
        </div>
      ) : stage === 'confirm' && upload ? (
        <Confirming
          id={upload.id}
          fileName={upload.file.name}
          onBegun={() => setStage('profiling')}
          onCancel={cancel}
        />
      ) : upload ? (
        <Profiling
          id={upload.id}
          onMade={(referenceId) => void made(referenceId)}
          onCancel={cancel}
          onAgain={reset}
        />
      ) : null}
    </Dialog>
  );
}
