/** All conflicts, by folder: who changed what when, and settling many at once. */
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { FolderConflicts } from '#proto/event_api'
import { ErrorNote } from '../../design/error-note.tsx'
import controls from '../../present/controls.module.css'
import { failureOf, type Failure } from '../../present/failure.ts'
import { toHex } from '../../present/format.ts'
import { Notice } from '../../present/notice.tsx'
import { useSettle, type Step } from './hooks.ts'
import { FolderGroup } from './inbox-group.tsx'
import css from './inbox.module.css'
import { OutcomeToasts } from './outcome-toasts.tsx'
import { useAllConflicts } from './rest.ts'
import { byFolder, headFor, nothing, selectedOf, type Bulk, type Selection, type Settling } from './store.ts'

interface Props {
  /** Of each folder that has any, the first ones. */
  readonly standing: readonly FolderConflicts[]
  /** This device's key, in hex: tells "mine" from "theirs". */
  readonly self: string
}

export function ConflictsScreen({ standing, self }: Props) {
  const { t } = useTranslation('conflicts')
  const { settling, settle } = useSettle()
  const isRunning = settling.at === 'running'
  const { conflicts, total, rest, more, all } = useAllConflicts(standing, isRunning)
  const [chosen, setChosen] = useState<Selection>(nothing)
  const groups = useMemo(() => byFolder(conflicts), [conflicts])
  const selected = useMemo(() => selectedOf(chosen, conflicts), [chosen, conflicts])
  const count = chosen.at === 'all' ? total : selected.size
  const [unread, setUnread] = useState<Failure>()
  const settleSelected = async (bulk: Bulk): Promise<void> => {
    setUnread(undefined)
    try {
      const wanted = chosen.at === 'all' ? await all() : conflicts.filter(({ id }) => selected.has(id))
      const steps = wanted.flatMap((conflict): Step[] => {
        if (bulk === 'both') return [{ conflict, resolution: { case: 'both', value: true } }]
        const hash = headFor(conflict, bulk, self)
        return hash ? [{ conflict, resolution: { case: 'take', value: toHex(hash) } }] : []
      })
      if (steps.length > 0) await settle(steps)
      setChosen(nothing)
    } catch (thrown) {
      setUnread(failureOf(thrown))
    }
  }
  const select = (ids: readonly string[], on: boolean): void => {
    const meant = new Set(ids)
    setChosen({ at: 'some', ids: new Set([...selected].filter((id) => !meant.has(id)).concat(on ? ids : [])) })
  }
  const why = unread ?? (rest.at === 'failed' ? rest.why : undefined)
  return (
    <div className={css['screen']}>
      <header className={css['head']}>
        <h1>{t('inbox.title')}</h1>
        {total > 0 && <p>{t('inbox.lead', { count: total })}</p>}
      </header>
      {total === 0 ? (
        <Notice title={t('inbox.none')}>{t('inbox.noneWhy')}</Notice>
      ) : (
        <BulkBar
          selected={count}
          settling={settling}
          onSettle={(bulk) => void settleSelected(bulk)}
          onClear={() => setChosen(nothing)}
        />
      )}
      {groups.map((group) => (
        <FolderGroup key={group.folder} {...group} selected={selected} self={self} onSelect={select} />
      ))}
      {total > conflicts.length && (
        <MoreBar
          shown={conflicts.length}
          total={total}
          isLoading={rest.at === 'loading'}
          isOff={isRunning}
          onSelectAll={chosen.at === 'all' ? undefined : () => setChosen({ at: 'all' })}
          onMore={more}
        />
      )}
      {why && <ErrorNote failure={why} />}
      <OutcomeToasts />
    </div>
  )
}

interface MoreProps {
  readonly shown: number
  readonly total: number
  readonly isLoading: boolean
  readonly isOff: boolean
  /** Undefined: all are selected. */
  readonly onSelectAll: (() => void) | undefined
  readonly onMore: () => void
}

/** Below a list that is longer than what is shown. */
function MoreBar({ shown, total, isLoading, isOff, onSelectAll, onMore }: MoreProps) {
  const { t } = useTranslation('conflicts')
  return (
    <div className={css['bulk']}>
      <span role="status">{t('inbox.shown', { shown, count: total })}</span>
      <span className={controls['grow']} />
      <button type="button" className={controls['button']} disabled={!onSelectAll || isOff} onClick={onSelectAll}>
        {t('inbox.selectAll', { count: total })}
      </button>
      <button type="button" className={controls['button']} disabled={isLoading || isOff} onClick={onMore}>
        {isLoading ? t('inbox.loading') : t('inbox.more')}
      </button>
    </div>
  )
}

interface BulkProps {
  readonly selected: number
  readonly settling: Settling
  readonly onSettle: (bulk: Bulk) => void
  readonly onClear: () => void
}

function BulkBar({ selected, settling, onSettle, onClear }: BulkProps) {
  const { t } = useTranslation('conflicts')
  const isRunning = settling.at === 'running'
  const off = selected === 0 || isRunning
  return (
    <div className={css['bulk']} role="toolbar" aria-label={t('bulk.label')}>
      <span role="status">
        {settling.at === 'running'
          ? t('bulk.running', { done: settling.done, count: settling.all })
          : selected === 0
            ? t('bulk.hint')
            : t('bulk.selected', { count: selected })}
      </span>
      <span className={controls['grow']} />
      {selected > 0 && (
        <button type="button" className={controls['quiet']} disabled={isRunning} onClick={onClear}>
          {t('bulk.clear')}
        </button>
      )}
      <button type="button" className={controls['button']} disabled={off} onClick={() => onSettle('mine')}>
        {t('bulk.mine')}
      </button>
      <button type="button" className={controls['button']} disabled={off} onClick={() => onSettle('theirs')}>
        {t('bulk.theirs')}
      </button>
      <button type="button" className={controls['primary']} disabled={off} onClick={() => onSettle('both')}>
        {t('bulk.both')}
      </button>
    </div>
  )
}
