/** What was deleted from a folder, newest first; many can be restored at once. */
import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { TrashedFile } from '#proto/file_api'
import controls from '../../present/controls.module.css'
import { formatBytes, formatTime } from '../../present/format.ts'
import { FailedNotice, Notice } from '../../present/notice.tsx'
import css from './files-screen.module.css'
import { useTrash } from './hooks.ts'
import { RestoreOutcome } from './restore-outcome.tsx'

interface Props {
  readonly folder: string
  readonly nameOf: (device: Uint8Array) => string
}

const ROW_HEIGHT = 44

export function TrashPanel({ folder, nameOf }: Props) {
  const { t } = useTranslation('files')
  const { trash, restoring, restore, reload } = useTrash(folder)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  if (trash.at === 'loading') return <Notice title={t('trash.loading')} />
  if (trash.at === 'failed') return <FailedNotice title={t('trash.failed')} why={trash.why} onAgain={reload} />
  const ids = trash.items.flatMap(({ id }) => (chosen.has(id) ? [id] : []))
  const toggle = (id: string, on: boolean): void =>
    setChosen((before) => new Set(on ? [...before, id] : [...before].filter((each) => each !== id)))
  return (
    <section className={css['trash']} aria-label={t('trash.title')}>
      <div className={controls['bar']}>
        <label className={controls['label']}>
          <input
            type="checkbox"
            disabled={trash.items.length === 0}
            checked={ids.length > 0 && ids.length === trash.items.length}
            onChange={(event) => setChosen(new Set(event.target.checked ? trash.items.map(({ id }) => id) : []))}
          />
          {t('trash.all', { count: trash.items.length })}
        </label>
        <span className={controls['grow']} />
        <button
          type="button"
          className={controls['primary']}
          disabled={ids.length === 0 || restoring.at === 'running'}
          onClick={() => void restore(ids).then(() => setChosen(new Set()))}
        >
          {t('trash.restore', { count: ids.length })}
        </button>
      </div>
      <RestoreOutcome restoring={restoring} />
      {trash.items.length === 0 ? (
        <Notice title={t('trash.empty')} />
      ) : (
        <TrashRows items={trash.items} chosen={chosen} nameOf={nameOf} onToggle={toggle} />
      )}
    </section>
  )
}

interface RowsProps {
  readonly items: readonly TrashedFile[]
  readonly chosen: ReadonlySet<string>
  readonly nameOf: (device: Uint8Array) => string
  readonly onToggle: (id: string, on: boolean) => void
}

function TrashRows({ items, chosen, nameOf, onToggle }: RowsProps) {
  const { t, i18n } = useTranslation('files')
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
  })
  return (
    <div ref={scroller} className={css['trashRows']} tabIndex={0} role="region" aria-label={t('trash.title')}>
      <ul style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const file = items[index]!
          return (
            <li key={file.id} style={{ transform: `translateY(${start}px)` }}>
              <label>
                <input
                  type="checkbox"
                  checked={chosen.has(file.id)}
                  onChange={(event) => onToggle(file.id, event.target.checked)}
                />
                <bdi>{file.path}</bdi>
              </label>
              <span>{formatBytes(file.size, i18n.language)}</span>
              <span>
                {t('trash.deleted', {
                  time: formatTime(file.deletedMs, i18n.language),
                  device: nameOf(file.deletedBy),
                })}
              </span>
            </li>
          )
        })}
      </ul>
    </div>
  )
}
