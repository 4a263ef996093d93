/** The rows of a directory as a grid of which only what is seen is drawn: 100,000 rows scroll like ten. */
import { useVirtualizer, type Range } from '@tanstack/react-virtual'
import { useCallback, useId, useLayoutEffect, useRef, type RefObject, type KeyboardEvent, type MouseEvent } from 'react'
import { useTranslation } from 'react-i18next'
import type { FileRow } from '#proto/file_api'
import css from './file-table.module.css'
import { useRowWords } from './file-row-words.ts'
import { Row } from './file-row.tsx'
import { inOrderOfElements, movedBy, rowAfterKey, rowsDrawn, type Column, type Order } from './listing.ts'

const ROW_HEIGHT = 38
/** Rows drawn beyond what is seen, on either side: what the next frame of slow scrolling brings. */
const OVERSCAN = 4
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
  const { label, rows, total, order, active, nameOf, onActive, onOpen, onUp } = props
  const scroller = useRef<HTMLDivElement>(null)
  const id = useId()
  const words = useRowWords()
  const drawnMax = useRef(0)
  const virtual = useVirtualizer({
    count: Math.max(total, rows.length),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    // The heads cover the top of what scrolls, and the rows begin below them.
    scrollPaddingEnd: ROW_HEIGHT,
    rangeExtractor: useCallback((range: Range) => {
      const drawn = rowsDrawn(range, drawnMax.current)
      drawnMax.current = drawn.length
      return drawn
    }, []),
  })
  useRowsInPlace(scroller, rows, order)
  const goTo = (row: number): void => {
    onActive(row)
    virtual.scrollToIndex(row, { align: 'auto' })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = rowAfterKey(event.key, active, rows.length, pageOf(scroller.current))
    if (to !== undefined) goTo(to)
    else if (event.key === 'Enter' || event.key === ' ') onOpen(active)
    else if (event.key === 'Backspace' || (event.altKey && event.key === 'ArrowUp')) onUp()
    else return
    event.preventDefault()
  }
  const drawn = virtual.getVirtualItems()
  // While rows come and go their elements stay where they are in the page; at rest they are put in the order of rows.
  const atRest = useRef(0)
  if (!virtual.isScrolling) atRest.current = drawn[0]?.index ?? 0
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
      <div
        role="rowgroup"
        className={css['body']}
        style={{ height: virtual.getTotalSize() }}
        onClick={(event) => onRow(event, goTo)}
        onDoubleClick={(event) => onRow(event, onOpen)}
      >
        {inOrderOfElements(drawn, atRest.current).map(({ index, start }) => (
          // As many rows are drawn as there are keys: a row that comes always takes the elements of one that leaves.
          <Row
            key={index % drawn.length}
            words={words}
            id={`${id}-${index}`}
            row={rows[index]}
            index={index}
            start={start}
            isActive={index === active}
            nameOf={nameOf}
          />
        ))}
      </div>
    </div>
  )
}

/** How many rows a page of keys goes, a row of the one before staying in sight. */
const pageOf = (scroller: HTMLElement | null): number =>
  Math.max(1, Math.floor((scroller?.clientHeight ?? 0) / ROW_HEIGHT) - 2)

/** Rows that come and go above move nothing out of sight; another order begins where one was. */
function useRowsInPlace(scroller: RefObject<HTMLElement | null>, rows: readonly FileRow[], order: Order): void {
  const drawnLast = useRef({ rows, order })
  useLayoutEffect(() => {
    const last = drawnLast.current
    drawnLast.current = { rows, order }
    const element = scroller.current
    if (element === null || last.order !== order) return
    const by = movedBy(last.rows, rows, Math.floor(element.scrollTop / ROW_HEIGHT))
    if (by !== 0) element.scrollTop += by * ROW_HEIGHT
  }, [scroller, rows, order])
}

/** One listener for all rows: none is made for those that come. */
const onRow = ({ target }: MouseEvent, act: (row: number) => void): void => {
  const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null
  if (row !== null) act(Number(row.dataset['index']))
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
