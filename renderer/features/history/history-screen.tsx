/** The past of a folder: its tree at any time, bringing it back, and who changed what. */
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import type { Folder } from '#proto/folder_api'
import controls from '../../present/controls.module.css'
import { toHex } from '../../present/format.ts'
import { FailedNotice, Notice } from '../../present/notice.tsx'
import { ActivityFeed } from './activity-feed.tsx'
import css from './history-screen.module.css'
import { useScrubber } from './hooks.ts'
import { PastTree } from './past-tree.tsx'
import { TimeScrubber } from './time-scrubber.tsx'
import { timeOfPart } from './timeline.ts'

/** A device whose changes the feed can be narrowed to. */
export interface KnownDevice {
  readonly device: Uint8Array
  readonly name: string
}

interface Props {
  /** A store id in hex, or a folder's name. */
  readonly folder: string
  readonly folders: readonly Folder[]
  readonly devices: readonly KnownDevice[]
  readonly nameOf: (device: Uint8Array) => string
  /** Where another folder is chosen. */
  readonly chooser?: ReactNode
}

export function HistoryScreen({ folder, folders, devices, nameOf, chooser }: Props) {
  const { t } = useTranslation('history')
  const known = folders.find(({ name, storeId }) => name === folder || toHex(storeId) === folder)
  const version = `${known?.changedMs} ${known?.files} ${known?.bytes}`
  const { scrubber, setPart, reload } = useScrubber(folder, version)
  const [path, setPath] = useState('')
  return (
    <div className={css['screen']}>
      <header className={controls['bar']}>
        <h1>{t('title', { folder: known?.name ?? folder })}</h1>
        <span className={controls['grow']} />
        {chooser}
        <Link href={`/files/${encodeURIComponent(folder)}`} className={controls['button']}>
          {t('files')}
        </Link>
      </header>
      {scrubber.at === 'loading' && <Notice title={t('loading')} />}
      {scrubber.at === 'empty' && <Notice title={t('empty.title')}>{t('empty.why')}</Notice>}
      {scrubber.at === 'failed' && <FailedNotice title={t('failed')} why={scrubber.why} onAgain={reload} />}
      {scrubber.at === 'ready' && (
        <>
          <TimeScrubber timeline={scrubber.timeline} part={scrubber.part} onPart={setPart} />
          <div className={css['parts']}>
            <PastTree
              folder={folder}
              root={known?.path ?? ''}
              path={path}
              atMs={timeOfPart(scrubber.timeline, scrubber.part)}
              isNow={scrubber.part === scrubber.timeline.changes.length - 1}
              nameOf={nameOf}
              onPath={setPath}
            />
            <ActivityFeed folder={folder} version={version} devices={devices} nameOf={nameOf} />
          </div>
        </>
      )}
    </div>
  )
}
