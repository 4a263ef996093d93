/** How the node is: its own checks, what it logged, and a report to hand to those who help. */
import { useCallback, useEffect, useState } from 'react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { LogLevel, NodeService, Verdict, type Check, type LogLine } from '#proto/node_api'
import { Button } from '../../design/button.tsx'
import { Card, type Tone } from '../../design/card.tsx'
import { ErrorNote } from '../../design/error-note.tsx'
import { Tag } from '../../design/tag.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { failureOf, wasAborted, type Failure } from '../../present/failure.ts'
import { formatTime } from '../../present/format.ts'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useLoaded } from '../../present/use-loaded.ts'
import { useNode } from '../../state/node-store.ts'
import css from './settings.module.css'

const verdicts: Readonly<Record<Verdict, { readonly key: string; readonly tone: Tone }>> = {
  [Verdict.UNSPECIFIED]: { key: 'unknown', tone: 'neutral' },
  [Verdict.OK]: { key: 'ok', tone: 'good' },
  [Verdict.WARNING]: { key: 'warning', tone: 'warn' },
  [Verdict.FAILED]: { key: 'failed', tone: 'bad' },
}

/** 'folder Notes' names the check and the folder; a check we do not know goes by its own name. */
const checkName = (name: string, t: TFunction<'settings'>): string => {
  const [kind = '', ...about] = name.split(' ')
  return [t(`check.${kind}`, { defaultValue: kind }), ...about].join(' ')
}

const CheckRow = ({ check }: { readonly check: Check }) => {
  const { t } = useTranslation('settings')
  const { key, tone } = verdicts[check.verdict]
  return (
    <li className={css['check']}>
      <Tag tone={tone}>{t(`verdict.${key}`)}</Tag>
      <strong>{checkName(check.name, t)}</strong>
      <span className={layout['soft']}>{check.message}</span>
    </li>
  )
}

const Checks = () => {
  const { t } = useTranslation('settings')
  const client = useClient(NodeService)
  const load = useCallback(async (signal: AbortSignal) => (await client.diagnose({}, { signal })).checks, [client])
  const [checks, again] = useLoaded(load)
  return (
    <Card label={t('diagnostics.checks')}>
      <div className={layout['head']}>
        <h2>{t('diagnostics.checks')}</h2>
        <Button size="small" onPress={again}>
          {t('diagnostics.again')}
        </Button>
      </div>
      {checks.at === 'failed' && <ErrorNote failure={checks.failure} />}
      <ul className={css['checks']}>
        {checks.at === 'ready' &&
          checks.value.map((check, at) => <CheckRow key={`${check.name} ${at}`} check={check} />)}
      </ul>
    </Card>
  )
}

const LINES_MAX = 500

type Logs = { readonly lines: readonly LogLine[]; readonly failure?: Failure }

const useLogs = (): Logs => {
  const client = useClient(NodeService)
  const [logs, setLogs] = useState<Logs>({ lines: [] })
  useEffect(() => {
    const gone = new AbortController()
    const read = async (): Promise<void> => {
      try {
        for await (const { lines } of client.readLogs({ follow: true }, { signal: gone.signal }))
          setLogs((before) => ({ lines: [...before.lines, ...lines].slice(-LINES_MAX) }))
      } catch (thrown) {
        if (!wasAborted(thrown, gone.signal)) setLogs((before) => ({ ...before, failure: failureOf(thrown) }))
      }
    }
    setLogs({ lines: [] })
    void read()
    return () => gone.abort()
  }, [client])
  return logs
}

const levels: Readonly<Record<LogLevel, string>> = {
  [LogLevel.UNSPECIFIED]: 'info',
  [LogLevel.INFO]: 'info',
  [LogLevel.WARNING]: 'warning',
  [LogLevel.ERROR]: 'error',
}

const LogCard = () => {
  const { t, i18n } = useTranslation('settings')
  const { lines, failure } = useLogs()
  return (
    <Card label={t('diagnostics.logs')}>
      <h2 className={layout['title']}>{t('diagnostics.logs')}</h2>
      {failure !== undefined && <ErrorNote failure={failure} />}
      {failure === undefined && lines.length === 0 && <p className={layout['soft']}>{t('diagnostics.noLogs')}</p>}
      {lines.length > 0 && (
        <ol className={css['logs']} dir="ltr" tabIndex={0} aria-label={t('diagnostics.logs')}>
          {lines.map(({ timeMs, level, text }, at) => (
            <li key={at} className={css[levels[level]]}>
              <time>{formatTime(timeMs, i18n.language, true)}</time> {text}
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}

/** Hands a file to the browser, which asks the person where to put it or does as it is set up to do. */
const download = (bytes: Uint8Array, name: string): void => {
  const url = URL.createObjectURL(new Blob([bytes.slice()], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

const ExportCard = () => {
  const { t } = useTranslation('settings')
  const client = useClient(NodeService)
  const action = useAction()
  const version = useNode(({ facts }) => facts?.status.version ?? '')
  const home = useNode(({ facts }) => facts?.status.home ?? '')
  const save = async (): Promise<void> => {
    const { file, name } = await client.exportDiagnostics({})
    download(file, name)
  }
  return (
    <Card label={t('diagnostics.report')}>
      <h2 className={layout['title']}>{t('diagnostics.report')}</h2>
      <p className={layout['soft']}>{t('diagnostics.reportNote')}</p>
      <dl className={css['facts']}>
        <dt>{t('diagnostics.version')}</dt>
        <dd>{version}</dd>
        <dt>{t('diagnostics.home')}</dt>
        <dd dir="ltr">{home}</dd>
      </dl>
      <ActionError action={action} />
      <div className={layout['actions']}>
        <CallButton action={action} onPress={() => void action.run(save)}>
          {t('diagnostics.export')}
        </CallButton>
      </div>
    </Card>
  )
}

export const Diagnostics = () => (
  <>
    <Checks />
    <LogCard />
    <ExportCard />
  </>
)
