/** Two texts against what they were made from, region by region, and the editable result below. */
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import { resultOf, startsOf, textOf, type Choice, type Region } from './merge.ts'
import { RegionRow } from './region-row.tsx'
import { createResultEditor, type RegionLook, type ResultEditor } from './result-editor.ts'
import { lineSeparatorOf } from './sides.ts'
import { decide, nextRegion, openConflicts, undecided, type Decision } from './store.ts'
import css from './text-comparison.module.css'

interface Props {
  readonly regions: readonly Region[]
  readonly hasBase: boolean
  readonly leftName: string
  readonly rightName: string
  readonly isBusy: boolean
  readonly onSave: (text: string) => void
}

const lookOf = (region: Region, decision: Decision, isCurrent: boolean): RegionLook => ({
  tone:
    region.kind === 'same'
      ? 'none'
      : region.kind !== 'conflict'
        ? 'taken'
        : decision.by === 'default'
          ? 'open'
          : 'decided',
  isCurrent,
})

/** The editor, and the decisions that it and the buttons make together. */
function useMerge(regions: readonly Region[], label: string) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<ResultEditor>(undefined)
  const [decisions, setDecisions] = useState(() => undecided(regions))
  const [current, setCurrent] = useState<number | undefined>(() => nextRegion(regions, undefined, 1))
  useEffect(() => {
    const choices = undecided(regions).map(({ choice }) => choice)
    const everything = regions.map(({ base, left, right }) => [...base, ...left, ...right].join('')).join('')
    const made = createResultEditor({
      host: host.current!,
      text: resultOf(regions, choices),
      starts: startsOf(regions, choices),
      separator: lineSeparatorOf(everything),
      label,
      onTyped: (typed) =>
        setDecisions((all) => typed.reduce((now, at) => decide(now, at, 'hand', now[at]?.choice ?? 'base'), all)),
    })
    editor.current = made
    setDecisions(undecided(regions))
    return () => made.destroy()
  }, [regions, label])
  useEffect(() => {
    editor.current?.setLooks(regions.map((region, at) => lookOf(region, decisions[at]!, at === current)))
  }, [regions, decisions, current])
  const go = useCallback(
    (step: 1 | -1) => {
      const next = nextRegion(regions, current, step)
      setCurrent(next)
      if (next !== undefined) editor.current?.showRegion(next)
    },
    [regions, current],
  )
  const choose = useCallback(
    (at: number, choice: Choice) => {
      editor.current?.setRegion(at, textOf(regions[at]!, choice))
      editor.current?.showRegion(at)
      setDecisions((all) => decide(all, at, 'person', choice))
      setCurrent(at)
    },
    [regions],
  )
  return { host, editor, decisions, current, go, choose }
}

export function TextComparison({ regions, hasBase, leftName, rightName, isBusy, onSave }: Props) {
  const { t } = useTranslation('conflicts')
  const { host, editor, decisions, current, go, choose } = useMerge(regions, t('merge.result'))
  const open = openConflicts(regions, decisions)
  const conflicts = useMemo(() => regions.filter(({ kind }) => kind === 'conflict').length, [regions])
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'F7' ? (event.shiftKey ? -1 : 1) : undefined
    if (step !== undefined) {
      event.preventDefault()
      go(step)
    } else if (event.altKey && current !== undefined && /^[1-3]$/.test(event.key)) {
      event.preventDefault()
      choose(current, (['left', 'right', 'both'] as const)[Number(event.key) - 1]!)
    }
  }
  return (
    <div className={css['merge']} onKeyDown={onKeyDown} role="group" aria-label={t('merge.label')}>
      <div className={controls['bar']} role="toolbar" aria-label={t('merge.label')}>
        <span role="status" className={css['count']} data-open={open.length > 0}>
          {conflicts === 0
            ? t('merge.noConflicts')
            : t('merge.decided', { done: conflicts - open.length, all: conflicts })}
        </span>
        <span className={controls['grow']} />
        <button type="button" className={controls['button']} onClick={() => go(-1)} title="Shift+F7">
          {t('merge.previous')}
        </button>
        <button type="button" className={controls['button']} onClick={() => go(1)} title="F7">
          {t('merge.next')}
        </button>
      </div>
      {!hasBase && <p className={css['hint']}>{t('merge.noBase')}</p>}
      <div className={css['panes']} tabIndex={0} role="region" aria-label={t('merge.changes')}>
        <div className={css['names']}>
          <bdi>{leftName}</bdi>
          <bdi>{rightName}</bdi>
        </div>
        {regions.map((region, at) => (
          <RegionRow
            key={at}
            at={at}
            region={region}
            decision={decisions[at]!}
            isCurrent={at === current}
            hasBase={hasBase}
            names={[leftName, rightName]}
            onChoose={choose}
          />
        ))}
      </div>
      <h3 className={css['resultTitle']}>{t('merge.result')}</h3>
      <div ref={host} className={css['result']} />
      <div className={controls['bar']}>
        <span className={css['keys']}>{t('merge.keys')}</span>
        <span className={controls['grow']} />
        {open.length > 0 && <span className={css['hint']}>{t('merge.stillOpen', { count: open.length })}</span>}
        <button
          type="button"
          className={controls['primary']}
          disabled={isBusy || open.length > 0}
          onClick={() => onSave(editor.current?.text() ?? '')}
        >
          {t('merge.save')}
        </button>
      </div>
    </div>
  )
}
