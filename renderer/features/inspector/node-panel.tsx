/** What is known of the selected node, or how it differs from the one it is compared with. */
import { diffLines } from 'diff'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import { formatTime, shortHex, toHex } from '../../present/format.ts'
import type { GraphNode } from './graph.ts'
import css from './inspector-screen.module.css'
import { prettySexpr } from './sexpr.ts'

interface Props {
  readonly node: GraphNode
  readonly anchor: GraphNode | undefined
  readonly isDrawn: (id: string) => boolean
  readonly onSelect: (id: string) => void
  readonly onAnchor: () => void
}

export function NodePanel({ node, anchor, isDrawn, onSelect, onAnchor }: Props) {
  const { t } = useTranslation('inspector')
  return (
    <aside className={css['panel']} aria-label={t('panel.label')}>
      {anchor !== undefined && anchor.id !== node.id ? (
        <Difference before={anchor} after={node} />
      ) : (
        <NodeFacts node={node} isDrawn={isDrawn} onSelect={onSelect} />
      )}
      <div className={controls['bar']}>
        <button type="button" className={controls['button']} aria-pressed={anchor !== undefined} onClick={onAnchor}>
          {t(anchor === undefined ? 'compare.start' : 'compare.stop')}
        </button>
        {anchor?.id === node.id && <span className={css['hint']}>{t('compare.hint')}</span>}
      </div>
    </aside>
  )
}

function NodeFacts({ node, isDrawn, onSelect }: Pick<Props, 'node' | 'isDrawn' | 'onSelect'>) {
  const { t, i18n } = useTranslation('inspector')
  const { entry } = node
  const sexpr = useMemo(() => prettySexpr(entry.sexpr), [entry.sexpr])
  return (
    <>
      <h2 dir="auto">{entry.summary}</h2>
      {entry.excluded && <p className={controls['fault']}>{t('excludedWhy')}</p>}
      <dl className={css['facts']}>
        <dt>{t('fact.author')}</dt>
        <dd>
          <bdi>{entry.authorName}</bdi> <code>{shortHex(entry.author)}</code>
        </dd>
        <dt>{t('fact.time')}</dt>
        <dd>{formatTime(entry.timeMs, i18n.language, true)}</dd>
        <dt>{t('fact.seq')}</dt>
        <dd>{entry.seq.toString()}</dd>
        <dt>{t('fact.hash')}</dt>
        <dd>
          <code>{node.id}</code>
        </dd>
        <dt>{t('fact.parents')}</dt>
        <dd>
          {entry.parentHashes.map((hash) => (
            <button
              key={toHex(hash)}
              type="button"
              className={`${controls['quiet']} ${controls['small']}`}
              disabled={!isDrawn(toHex(hash))}
              onClick={() => onSelect(toHex(hash))}
            >
              <code>{shortHex(hash)}</code>
            </button>
          ))}
        </dd>
      </dl>
      <h3>{t('fact.sexpr')}</h3>
      <pre className={css['sexpr']} dir="ltr" tabIndex={0} aria-label={t('fact.sexpr')}>
        {sexpr}
      </pre>
    </>
  )
}

function Difference({ before, after }: { readonly before: GraphNode; readonly after: GraphNode }) {
  const { t, i18n } = useTranslation('inspector')
  const parts = useMemo(
    () => diffLines(`${prettySexpr(before.entry.sexpr)}\n`, `${prettySexpr(after.entry.sexpr)}\n`),
    [before, after],
  )
  const title = ({ entry }: GraphNode): string =>
    `${entry.authorName}, ${formatTime(entry.timeMs, i18n.language, true)}`
  return (
    <>
      <h2>{t('compare.title')}</h2>
      <p className={css['removed']}>
        <bdi>{title(before)}</bdi>
      </p>
      <p className={css['added']}>
        <bdi>{title(after)}</bdi>
      </p>
      <pre className={css['sexpr']} dir="ltr" tabIndex={0} aria-label={t('compare.title')}>
        {parts.map(({ value, added, removed }, at) =>
          added ? <ins key={at}>{value}</ins> : removed ? <del key={at}>{value}</del> : <span key={at}>{value}</span>,
        )}
      </pre>
    </>
  )
}
