/** One region of a comparison: what each side made of the same lines, and the buttons that decide it. */
import { diffWordsWithSpace } from 'diff'
import { memo, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import type { Choice, Region } from './merge.ts'
import type { Decision } from './store.ts'
import css from './text-comparison.module.css'

/** Equal lines shown before and after a change. */
const CONTEXT_LINES = 3
/** Lines of one region drawn at once; a person asks for more. */
const LINES_SHOWN = 300
/** Words are compared in regions up to here, in characters of both texts. */
const WORDS_COMPARED_MAX = 8000

interface Props {
  readonly at: number
  readonly region: Region
  readonly decision: Decision
  readonly isCurrent: boolean
  readonly hasBase: boolean
  readonly names: readonly [string, string]
  readonly onChoose: (at: number, choice: Choice) => void
}

export const RegionRow = memo(function RegionRow(props: Props) {
  const { region, isCurrent, hasBase } = props
  const row = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isCurrent) row.current?.scrollIntoView({ block: 'nearest' })
  }, [isCurrent])
  if (region.kind === 'same') return <SameLines lines={region.left} />
  return (
    <div ref={row} className={css['region']} data-kind={region.kind} data-current={isCurrent}>
      <Decide {...props} />
      <Side base={region.base} lines={region.left} isChanged={region.kind !== 'right'} hasBase={hasBase} />
      <Side base={region.base} lines={region.right} isChanged={region.kind !== 'left'} hasBase={hasBase} />
    </div>
  )
})

function Decide({ at, region, decision, hasBase, names, onChoose }: Props) {
  const { t } = useTranslation('conflicts')
  const choices: readonly (readonly [Choice, string])[] = [
    ['left', t('merge.takeLeft', { name: names[0] })],
    ['right', t('merge.takeRight', { name: names[1] })],
    ['both', t('merge.takeBoth')],
    ...(hasBase ? ([['base', t('merge.takeBase')]] as const) : []),
  ]
  const isOpen = region.kind === 'conflict' && decision.by === 'default'
  const state = isOpen ? 'open' : decision.by === 'hand' ? 'hand' : region.kind
  const said = t(`region.${state}`, { name: names[region.kind === 'right' ? 1 : 0] })
  return (
    <div className={css['decide']} role="toolbar" aria-label={said}>
      <span className={css['state']} data-open={isOpen}>
        {said}
      </span>
      <span className={controls['grow']} />
      {choices.map(([choice, label]) => (
        <button
          key={choice}
          type="button"
          className={`${controls['button']} ${controls['small']}`}
          aria-pressed={decision.by !== 'hand' && !isOpen && decision.choice === choice}
          onClick={() => onChoose(at, choice)}
        >
          {label}
        </button>
      ))}
    </div>
  )
}

function SameLines({ lines }: { readonly lines: readonly string[] }) {
  const { t } = useTranslation('conflicts')
  const [isOpen, setIsOpen] = useState(false)
  const hidden = lines.length - 2 * CONTEXT_LINES
  if (isOpen || hidden <= 1) return <Same lines={lines} />
  return (
    <>
      <Same lines={lines.slice(0, CONTEXT_LINES)} />
      <button type="button" className={css['fold']} onClick={() => setIsOpen(true)}>
        {t('merge.folded', { count: hidden })}
      </button>
      <Same lines={lines.slice(-CONTEXT_LINES)} />
    </>
  )
}

const Same = ({ lines }: { readonly lines: readonly string[] }) => (
  <div className={css['region']} data-kind="same">
    <pre dir="auto" className={css['side']}>
      <Lines lines={lines} sign=" " />
    </pre>
    <pre dir="auto" className={css['side']} aria-hidden>
      <Lines lines={lines} sign=" " />
    </pre>
  </div>
)

interface SideProps {
  readonly base: readonly string[]
  readonly lines: readonly string[]
  readonly isChanged: boolean
  readonly hasBase: boolean
}

/** The lines of a side as a change of the base: what went, then what came. */
function Side({ base, lines, isChanged, hasBase }: SideProps) {
  const { t } = useTranslation('conflicts')
  const words = useMemo(
    () => (isChanged && hasBase ? comparedWords(base, lines) : undefined),
    [base, lines, isChanged, hasBase],
  )
  return (
    <pre dir="auto" className={css['side']}>
      {isChanged ? (
        <>
          {base.length > 0 && (
            <del className={css['removed']}>
              <Lines lines={base} sign="−" marked={words?.removed} />
            </del>
          )}
          {lines.length > 0 && (
            <ins className={css['added']}>
              <Lines lines={lines} sign="+" marked={words?.added} />
            </ins>
          )}
          {lines.length === 0 && <span className={css['nothing']}>{t('region.nothing')}</span>}
        </>
      ) : (
        <Lines lines={lines} sign=" " />
      )}
    </pre>
  )
}

type Piece = readonly [text: string, isMarked: boolean]

/** Each line of both texts in pieces, those marked that the other one lacks. Undefined: too long, or nothing alike. */
function comparedWords(base: readonly string[], lines: readonly string[]) {
  const [before, after] = [base.join(''), lines.join('')]
  if (before === '' || after === '' || before.length + after.length > WORDS_COMPARED_MAX) return undefined
  const words = diffWordsWithSpace(before, after)
  const alike = words.reduce(
    (length, { added, removed, value }) => length + (added || removed ? 0 : value.trim().length),
    0,
  )
  if (alike * 3 < Math.min(before.length, after.length)) return undefined
  const piecesOf = (skip: 'added' | 'removed'): Piece[][] => {
    const out: Piece[][] = [[]]
    for (const word of words) {
      if (word[skip]) continue
      const isMarked = word.added || word.removed
      for (const part of word.value.split(/(?<=\n)/)) {
        out.at(-1)!.push([part, isMarked])
        if (part.endsWith('\n')) out.push([])
      }
    }
    return out
  }
  return { removed: piecesOf('added'), added: piecesOf('removed') }
}

interface LinesProps {
  readonly lines: readonly string[]
  readonly sign: string
  readonly marked?: readonly (readonly Piece[])[] | undefined
}

function Lines({ lines, sign, marked }: LinesProps) {
  const { t } = useTranslation('conflicts')
  const [shown, setShown] = useState(LINES_SHOWN)
  return (
    <>
      {lines.slice(0, shown).map((line, at) => (
        <span key={at} className={css['line']} data-sign={sign}>
          {marked?.[at]?.map(([text, isMarked], piece) => (isMarked ? <mark key={piece}>{text}</mark> : text)) ?? line}
          {line.endsWith('\n') ? '' : '\n'}
        </span>
      ))}
      {lines.length > shown && (
        <button type="button" className={css['fold']} onClick={() => setShown(shown + LINES_SHOWN)}>
          {t('merge.moreLines', { count: lines.length - shown })}
        </button>
      )}
    </>
  )
}
