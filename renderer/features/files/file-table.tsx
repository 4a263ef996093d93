/** The rows of a directory as a grid of which only what is seen is drawn: 100,000 rows scroll like ten. */
import { useVirtualizer } from '@tanstack/react-virtual'
import type { TFunction } from 'i18next'
import { memo, useEffect, useId, useRef, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { EntryKind, type FileRow } from '#proto/file_api'
import { formatBytes, formatTime } from '../../present/format.ts'
import css from './file-table.module.css'
import { rowAfterKey, type Column, type Order } from './listing.ts'
import { EntryIcon, StateTag } from './row-icons.tsx'

const ROW_HEIGHT = 38
/** Rows drawn at once, rounded up to this: a row that leaves lends its elements to one that comes. */
const SLOTS = 64
const columns: readonly Column[] = ['name', 'size', 'changed', 'by', 'state']

interface Props {
  readonly label: string
  readonly rows: readonly FileRow[]
  /** Rows that are known to be there, loaded or not. */
  readonly total: number
  readonly order: Order
  readonly canOrder: boolean
  readonly active: number
  readonly nameOf: (device: Uint8Array) => string
  readonly onActive: (row: number) => void
  readonly onOpen: (row: number) => void
  readonly onUp: () => void
  readonly onOrder: (column: Column) => void
}

export function FileTable(props: Props) {
  const { label, rows, total, active, nameOf, onActive, onOpen, onUp } = props
  const scroller = useRef<HTMLDivElement>(null)
  const id = useId()
  const { t, i18n } = useTranslation('files')
  const virtual = useVirtualizer({
    count: Math.max(total, rows.length),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
  })
  useEffect(() => {
    if (active >= 0) virtual.scrollToIndex(active, { align: 'auto' })
  }, [active, virtual])
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2)
    const to = rowAfterKey(event.key, active, rows.length, page)
    if (to !== undefined) onActive(to)
    else if (event.key === 'Enter' || event.key === ' ') onOpen(active)
    else if (event.key === 'Backspace' || (event.altKey && event.key === 'ArrowUp')) onUp()
    else return
    event.preventDefault()
  }
  const drawn = virtual.getVirtualItems()
  const slots = Math.ceil((drawn.length + 1) / SLOTS) * SLOTS
  return (
    <div
      ref={scroller}
      className={css['table']}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={total + 1}
      aria-colcount={columns.length}
      aria-activedescendant={rows[active] && `${id}-${active}`}
      onKeyDown={onKeyDown}
    >
      <Heads {...props} />
      <div role="rowgroup" className={css['body']} style={{ height: virtual.getTotalSize() }}>
        {drawn.map(({ index, start }) => {
          const row = rows[index]
          return row === undefined ? (
            <div
              key={index % slots}
              className={css['absent']}
              style={{ transform: `translateY(${start}px)` }}
              aria-hidden
            />
          ) : (
            <Row
              key={index % slots}
              t={t}
              language={i18n.language}
              id={`${id}-${index}`}
              row={row}
              index={index}
              start={start}
              isActive={index === active}
              by={row.changedBy.length === 0 ? '' : nameOf(row.changedBy)}
              onActive={onActive}
              onOpen={onOpen}
            />
          )
        })}
      </div>
    </div>
  )
}

function Heads({ order, canOrder, onOrder }: Props) {
  const { t } = useTranslation('files')
  return (
    <div role="rowgroup" className={css['heads']}>
      <div role="row" className={css['row']} aria-rowindex={1}>
        {columns.map((column) => (
          <span
            key={column}
            role="columnheader"
            className={css[column]}
            aria-sort={order.column !== column ? 'none' : order.isDescending ? 'descending' : 'ascending'}
          >
            <button type="button" tabIndex={-1} disabled={!canOrder} onClick={() => onOrder(column)}>
              {t(`column.${column}`)}
              {order.column === column && <span aria-hidden>{order.isDescending ? ' ↓' : ' ↑'}</span>}
            </button>
          </span>
        ))}
      </div>
    </div>
  )
}

interface RowProps {
  // Given rather than asked for in each row: a subscription per row is what scrolling would wait for.
  readonly t: TFunction<'files'>
  readonly language: string
  readonly id: string
  readonly row: FileRow
  readonly index: number
  readonly start: number
  readonly isActive: boolean
  readonly by: string
  readonly onActive: (row: number) => void
  readonly onOpen: (row: number) => void
}

const Row = memo(function Row({ t, language, id, row, index, start, isActive, by, onActive, onOpen }: RowProps) {
  return (
    <div
      id={id}
      role="row"
      className={css['row']}
      aria-rowindex={index + 2}
      aria-selected={isActive}
      style={{ transform: `translateY(${start}px)` }}
      onClick={() => onActive(index)}
      onDoubleClick={() => onOpen(index)}
    >
      <span role="gridcell" className={css['name']}>
        <EntryIcon t={t} kind={row.kind} />
        <bdi title={row.name}>{row.name}</bdi>
      </span>
      <span role="gridcell" className={css['size']}>
        {row.kind === EntryKind.FILE ? formatBytes(row.size, language) : ''}
      </span>
      <span role="gridcell" className={css['changed']}>
        {formatTime(row.changedMs || row.mtimeMs, language)}
      </span>
      <span role="gridcell" className={css['by']}>
        <bdi>{by}</bdi>
      </span>
      <span role="gridcell" className={css['state']}>
        <StateTag t={t} state={row.state} why={row.why} />
      </span>
    </div>
  )
})
