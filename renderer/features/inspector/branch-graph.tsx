/** The drawing of the DAG: nodes one can walk with the arrow keys, edges between them, zoom and pan. */
import { useEffect, useRef, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import { formatTime, shortHex } from '../../present/format.ts'
import css from './branch-graph.module.css'
import { neighbour, NODE_HEIGHT, NODE_WIDTH, pathThrough, type GraphNode, type Point } from './graph.ts'
import { directionOf, useViewport } from './hooks.ts'
import type { Inspection } from './store.ts'

interface Props {
  readonly shown: Extract<Inspection, { at: 'shown' }>
  readonly onSelect: (id: string) => void
  readonly onAnchor: () => void
}

export function BranchGraphView({ shown, onSelect, onAnchor }: Props) {
  const { t } = useTranslation('inspector')
  const { graph, placed, selected, anchor } = shown
  const { frame, view, fit, zoom, pointer } = useViewport(placed, selected)
  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = directionOf(event)
    const next = direction && neighbour(graph, placed, selected, direction)
    const act =
      next !== undefined
        ? () => onSelect(next)
        : { '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), '0': fit, c: onAnchor }[event.key]
    if (direction !== undefined) event.preventDefault()
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    act()
  }
  return (
    <div className={css['graph']}>
      <div ref={frame} className={css['frame']} dir="ltr" onKeyDown={onKeyDown} {...pointer}>
        <div
          className={css['drawing']}
          role="group"
          aria-label={t('graph.label')}
          style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
        >
          <svg width={placed.width} height={placed.height} aria-hidden>
            {placed.lines.map(({ edge, points }) => (
              <path key={`${edge.from} ${edge.to}`} d={pathThrough(points)} data-elided={edge.isElided} />
            ))}
          </svg>
          {graph.nodes.map((node) => (
            <NodeBox
              key={node.id}
              node={node}
              centre={placed.centres.get(node.id)!}
              isSelected={node.id === selected}
              isAnchor={node.id === anchor}
              onSelect={onSelect}
            />
          ))}
        </div>
      </div>
      <div className={css['zoom']} role="toolbar" aria-label={t('graph.zoom')}>
        <button type="button" className={controls['button']} onClick={() => zoom(1.25)} aria-label={t('graph.in')}>
          +
        </button>
        <button type="button" className={controls['button']} onClick={() => zoom(0.8)} aria-label={t('graph.out')}>
          −
        </button>
        <button type="button" className={controls['button']} onClick={fit}>
          {t('graph.fit')}
        </button>
      </div>
    </div>
  )
}

interface NodeProps {
  readonly node: GraphNode
  readonly centre: Point
  readonly isSelected: boolean
  readonly isAnchor: boolean
  readonly onSelect: (id: string) => void
}

function NodeBox({ node, centre, isSelected, isAnchor, onSelect }: NodeProps) {
  const { t, i18n } = useTranslation('inspector')
  const box = useRef<HTMLButtonElement>(null)
  const { entry } = node
  // Focus follows the selection only while it is on a node: opening the view must not take it away.
  useEffect(() => {
    const nodes = box.current?.parentElement
    if (isSelected && nodes?.contains(document.activeElement)) box.current?.focus({ preventScroll: true })
  }, [isSelected])
  const marked = node.role === 'head' && node.branches.includes(0) ? 'winner' : node.role
  const badge = marked === 'step' ? '' : t(`role.${marked}`)
  const author = entry.authorName || shortHex(entry.author)
  return (
    <button
      ref={box}
      type="button"
      className={css['node']}
      tabIndex={isSelected ? 0 : -1}
      aria-pressed={isSelected}
      data-role={node.role}
      data-branch={node.branches[0] === undefined ? undefined : node.branches[0] % 4}
      data-anchor={isAnchor}
      style={{
        left: centre.x - NODE_WIDTH / 2,
        top: centre.y - NODE_HEIGHT / 2,
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
      }}
      onClick={() => onSelect(node.id)}
    >
      <span className={css['top']}>
        <bdi title={author}>{author}</bdi>
        {badge !== '' && <em>{badge}</em>}
        {entry.excluded && <em>{t('excluded')}</em>}
      </span>
      <span className={css['summary']} dir="auto">
        {entry.summary}
      </span>
      <span className={css['foot']}>
        <code>{shortHex(entry.hash)}</code>
        <time>{formatTime(entry.timeMs, i18n.language)}</time>
      </span>
    </button>
  )
}
