/** One row of a directory. Drawn many times a second while a long one scrolls: it asks for nothing it is not given. */
import { memo } from 'react'
import { EntryKind, type FileRow } from '#proto/file_api'
import type { RowWords } from './file-row-words.ts'
import css from './file-table.module.css'
import { EntryIcon, StateTag } from './row-icons.tsx'

interface Props {
  readonly words: RowWords
  readonly id: string
  /** Undefined: it is known to be there and not loaded yet. */
  readonly row: FileRow | undefined
  readonly index: number
  /** From the top of all rows, in px. */
  readonly start: number
  readonly isActive: boolean
  readonly nameOf: (device: Uint8Array) => string
}

export const Row = memo(function Row({ words, id, row, index, start, isActive, nameOf }: Props) {
  if (row === undefined) return <div className={css['absent']} style={{ insetBlockStart: start }} aria-hidden />
  return (
    <div
      id={id}
      role="row"
      className={css['row']}
      data-index={index}
      aria-rowindex={index + 2}
      aria-selected={isActive}
      style={{ insetBlockStart: start }}
    >
      <span role="gridcell" className={css['name']}>
        <EntryIcon kind={row.kind} word={words.kinds[row.kind]} />
        <bdi title={row.name}>{row.name}</bdi>
      </span>
      <span role="gridcell" className={css['size']}>
        {row.kind === EntryKind.FILE ? words.bytes(row.size) : ''}
      </span>
      <span role="gridcell" className={css['changed']}>
        {words.time(row.changedMs || row.mtimeMs)}
      </span>
      <span role="gridcell" className={css['by']}>
        <bdi>{row.changedBy.length === 0 ? '' : nameOf(row.changedBy)}</bdi>
      </span>
      <span role="gridcell" className={css['state']}>
        <StateTag state={row.state} word={words.states[row.state]} why={row.why} />
      </span>
    </div>
  )
})
