/** The files of a folder: one directory as a table, the versions of a file, and the trash. */
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'wouter'
import { EntryKind, type FileRow } from '#proto/file_api'
import type { Folder } from '#proto/folder_api'
import controls from '../../present/controls.module.css'
import { toHex } from '../../present/format.ts'
import { FailedNotice, Notice } from '../../present/notice.tsx'
import { FileTable } from './file-table.tsx'
import css from './files-screen.module.css'
import { useListing } from './hooks.ts'
import { byName, crumbsOf, joinPath, orderBy, ordered, parentOf, placeOf, type Chosen } from './listing.ts'
import { TrashPanel } from './trash-panel.tsx'
import { VersionsPanel } from './versions-panel.tsx'

interface Props {
  /** A store id in hex, or a folder's name. */
  readonly folder: string
  /** Of the directory, relative to the folder; empty: the folder itself. */
  readonly path: string
  readonly folders: readonly Folder[]
  readonly nameOf: (device: Uint8Array) => string
}

const hrefOf = (folder: string, path: string): string =>
  ['/files', folder, ...crumbsOf(path).map(({ name }) => name)]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join('/')

export function FilesScreen({ folder, path, folders, nameOf }: Props) {
  const { t } = useTranslation('files')
  // Of the directory it was opened from: going elsewhere leaves it.
  const [trashAt, setTrashAt] = useState<string>()
  const isTrash = trashAt === path
  const known = folders.find(({ name, storeId }) => name === folder || toHex(storeId) === folder)
  return (
    <div className={css['screen']}>
      <header className={css['head']}>
        <nav aria-label={t('crumbs')}>
          <ol className={css['crumbs']}>
            <li>
              <Link href={hrefOf(folder, '')} onClick={() => setTrashAt(undefined)}>
                <h1>{known?.name ?? folder}</h1>
              </Link>
            </li>
            {crumbsOf(path).map((crumb) => (
              <li key={crumb.path}>
                <Link href={hrefOf(folder, crumb.path)} aria-current={crumb.path === path ? 'page' : undefined}>
                  <bdi>{crumb.name}</bdi>
                </Link>
              </li>
            ))}
          </ol>
        </nav>
        <span className={controls['grow']} />
        <Link href={`/history/${encodeURIComponent(folder)}`} className={controls['button']}>
          {t('history')}
        </Link>
        <button
          type="button"
          className={controls['button']}
          aria-pressed={isTrash}
          onClick={() => setTrashAt(isTrash ? undefined : path)}
        >
          {t('trash.title')}
        </button>
      </header>
      {isTrash ? (
        <TrashPanel folder={folder} nameOf={nameOf} />
      ) : (
        <Directory key={`${folder} ${path}`} folder={folder} path={path} known={known} nameOf={nameOf} />
      )}
    </div>
  )
}

interface DirectoryProps {
  readonly folder: string
  readonly path: string
  readonly known: Folder | undefined
  readonly nameOf: (device: Uint8Array) => string
}

function Directory({ folder, path, known, nameOf }: DirectoryProps) {
  const { t } = useTranslation('files')
  const [, navigate] = useLocation()
  const { listing, reload } = useListing(folder, path, known ? toHex(known.storeId) : '')
  const [order, setOrder] = useState(byName)
  const [chosen, setChosen] = useState<Chosen>({ at: 0, name: undefined })
  const [opened, setOpened] = useState<string>()
  const isLoading = listing.at === 'loading'
  const inOrder = isLoading ? byName : order // what is not whole yet stays in the order of names
  const rows = useMemo(() => ordered(listing.rows, inOrder, nameOf), [listing.rows, inOrder, nameOf])
  const active = useMemo(() => placeOf(rows, chosen), [rows, chosen])
  const activeRow = rows[active]
  const shown = useMemo(
    () => (opened === undefined ? undefined : rows.find(({ name }) => name === opened)),
    [rows, opened],
  )
  const open = (at: number): void => {
    const row = rows[at]
    if (row === undefined) return
    if (row.kind === EntryKind.DIRECTORY) navigate(hrefOf(folder, joinPath(path, row.name)))
    else setOpened(row.name)
  }
  if (listing.at === 'failed' && rows.length === 0)
    return <FailedNotice title={t('failed')} why={listing.why} onAgain={reload} />
  if (listing.at === 'whole' && rows.length === 0) return <Notice title={t('empty.title')}>{t('empty.why')}</Notice>
  return (
    <div className={css['parts']} data-open={shown !== undefined}>
      <FileTable
        label={t('table', { path: path || (known?.name ?? folder) })}
        rows={rows}
        total={listing.total}
        order={order}
        canOrder={!isLoading}
        active={active}
        nameOf={nameOf}
        onActive={(at) => setChosen({ at, name: rows[at]?.name })}
        onOpen={open}
        onUp={() => path !== '' && navigate(hrefOf(folder, parentOf(path)))}
        onOrder={(column) => setOrder(orderBy(order, column))}
      />
      {shown !== undefined && known !== undefined && (
        <VersionsPanel
          folder={folder}
          row={shown}
          path={`${known.path}/${joinPath(path, shown.name)}`}
          onClose={() => setOpened(undefined)}
        />
      )}
      <div className={css['foot']}>
        {listing.at === 'failed' && <span className={controls['fault']}>{listing.why.sentence}</span>}
        <span role="status">
          {isLoading ? t('loading', { count: rows.length }) : t('count', { count: listing.total })}
        </span>
        <span className={controls['grow']} />
        {activeRow && <ActiveRow row={activeRow} onOpen={() => open(active)} />}
      </div>
    </div>
  )
}

function ActiveRow({ row, onOpen }: { readonly row: FileRow; readonly onOpen: () => void }) {
  const { t } = useTranslation('files')
  return (
    <>
      {row.why !== '' && <span className={css['why']}>{row.why}</span>}
      {row.conflict !== '' && (
        <Link
          href={`/conflicts/${encodeURIComponent(row.conflict)}`}
          className={`${controls['primary']} ${controls['small']}`}
        >
          {t('openConflict')}
        </Link>
      )}
      <button type="button" className={`${controls['button']} ${controls['small']}`} onClick={onOpen}>
        {t(row.kind === EntryKind.DIRECTORY ? 'openDirectory' : 'showVersions')}
      </button>
    </>
  )
}
