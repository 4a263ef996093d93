/**
 * The conflicts of one folder. Only those in sight are in the page, in the order of paths: ten thousand scroll like ten.
 * Each says which of how many it is, for readers; Tab leads through all, for what has the focus comes into sight.
 */
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useLayoutEffect, useRef, useState, type RefObject } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import type { ConflictInfo } from '#proto/conflict_api'
import { formatTime, toHex } from '../../present/format.ts'
import css from './inbox.module.css'
import { tellOf, whatTells } from './words.ts'

/** What most rows take: a path, and two who changed it. */
const ROW_HEIGHT = 71
/** Rows beyond what is seen, on either side. */
const OVERSCAN = 6

interface GroupProps {
  readonly folder: string
  readonly conflicts: readonly ConflictInfo[]
  readonly selected: ReadonlySet<string>
  readonly self: string
  readonly onSelect: (ids: readonly string[], on: boolean) => void
}

export function FolderGroup({ folder, conflicts, selected, self, onSelect }: GroupProps) {
  const { t } = useTranslation('conflicts')
  const list = useRef<HTMLUListElement>(null)
  const virtual = useRowsInSight(list, conflicts)
  const ids = conflicts.map(({ id }) => id)
  const some = ids.filter((id) => selected.has(id)).length
  return (
    <section className={css['group']} aria-label={folder}>
      <h2>
        <label>
          <input
            type="checkbox"
            checked={some === ids.length}
            ref={(box) => {
              if (box) box.indeterminate = some > 0 && some < ids.length
            }}
            onChange={(event) => onSelect(ids, event.target.checked)}
            aria-label={t('inbox.selectFolder', { folder })}
          />
          {folder}
        </label>
        <span className={css['count']}>{t('inbox.count', { count: ids.length })}</span>
      </h2>
      <ul ref={list} style={{ blockSize: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start, key }) => {
          const conflict = conflicts[index]!
          return (
            <ConflictItem
              key={key}
              conflict={conflict}
              self={self}
              isSelected={selected.has(conflict.id)}
              onSelect={(on) => onSelect([conflict.id], on)}
              measured={virtual.measureElement}
              index={index}
              count={conflicts.length}
              start={start - virtual.options.scrollMargin}
            />
          )
        })}
      </ul>
    </section>
  )
}

/** The rows in sight, and some around them, of a list in what scrolls the page; and, wherever it is, the one with the focus. */
function useRowsInSight(list: RefObject<HTMLUListElement | null>, conflicts: readonly ConflictInfo[]) {
  const [above, setAbove] = useState(0)
  // Whatever is above it, and grows or shrinks, makes the page as a whole do so.
  const measure = useCallback(() => {
    const element = list.current!
    const scroller = element.closest('main')!
    const top = element.getBoundingClientRect().top - scroller.getBoundingClientRect().top
    setAbove(Math.round(top + scroller.scrollTop))
  }, [list])
  useLayoutEffect(measure)
  useLayoutEffect(() => {
    const resized = new ResizeObserver(measure)
    resized.observe(list.current!.parentElement!.parentElement!)
    return () => resized.disconnect()
  }, [list, measure])
  return useVirtualizer({
    count: conflicts.length,
    getScrollElement: () => list.current?.closest('main') ?? null,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => conflicts[index]!.id,
    overscan: OVERSCAN,
    scrollMargin: above,
    rangeExtractor: (range) => {
      const rows = defaultRangeExtractor(range)
      const focused = document.activeElement?.closest('[data-index]')
      const at = focused && list.current?.contains(focused) ? Number(focused.getAttribute('data-index')) : undefined
      if (at === undefined) return rows
      // With those beside it, which Tab goes on to: before the row is in sight again, however fast one types.
      const kept = [at - 1, at, at + 1].filter((index) => index >= 0 && index < range.count)
      return [...new Set([...rows, ...kept])].toSorted((one, other) => one - other)
    },
  })
}

interface ItemProps {
  readonly conflict: ConflictInfo
  readonly self: string
  readonly isSelected: boolean
  readonly onSelect: (on: boolean) => void
  /** Is given the element, whose height depends on how long names are. */
  readonly measured: (element: HTMLElement | null) => void
  readonly index: number
  /** In the folder, in sight or not. */
  readonly count: number
  /** From the top of the list, in px. */
  readonly start: number
}

function ConflictItem({ conflict, self, isSelected, onSelect, measured, index, count, start }: ItemProps) {
  const { t, i18n } = useTranslation('conflicts')
  const at = conflict.path.lastIndexOf('/') + 1
  return (
    <li
      ref={measured}
      className={css['item']}
      data-index={index}
      data-selected={isSelected}
      aria-setsize={count}
      aria-posinset={index + 1}
      style={{ insetBlockStart: start }}
    >
      <input
        type="checkbox"
        checked={isSelected}
        onChange={(event) => onSelect(event.target.checked)}
        aria-label={t('inbox.select', { path: conflict.path })}
      />
      <div className={css['what']}>
        <Link href={`/conflicts/${encodeURIComponent(conflict.id)}`} className={css['path']}>
          <span className={css['directory']} dir="ltr">
            {conflict.path.slice(0, at)}
          </span>
          <bdi>{conflict.path.slice(at)}</bdi>
        </Link>
        <span className={css['kind']}>{t(`kind.${conflict.kind}`, { defaultValue: conflict.kind })}</span>
      </div>
      <ul className={css['heads']}>
        {conflict.heads.map((head) => (
          <li key={toHex(head.hash)} data-mine={toHex(head.device) === self}>
            <bdi>{toHex(head.device) === self ? t('mine', { name: head.deviceName }) : head.deviceName}</bdi>
            <span>{formatTime(head.timeMs, i18n.language)}</span>
            <bdi>{whatTells(head) === 'target' ? `→ ${head.target}` : tellOf(head, t, i18n.language)}</bdi>
          </li>
        ))}
      </ul>
    </li>
  )
}
