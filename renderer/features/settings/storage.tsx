/** What takes up the disk: one bar, one line for each part of it. */
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { NodeService, type GetStorageUseResponse } from '#proto/node_api'
import { Card } from '../../design/card.tsx'
import { ErrorNote } from '../../design/error-note.tsx'
import layout from '../../design/layout.module.css'
import { formatBytes, toHex } from '../../present/format.ts'
import { useClient } from '../../present/use-client.ts'
import { useLoaded } from '../../present/use-loaded.ts'
import { useFolders } from '../../state/node-store.ts'
import css from './settings.module.css'

interface Part {
  readonly key: 'files' | 'trash' | 'chunks' | 'database'
  readonly name: string
  readonly bytes: bigint
}

const useParts = (use: GetStorageUseResponse): readonly Part[] => {
  const { t } = useTranslation('settings')
  const folders = useFolders()
  const nameOf = (id: Uint8Array): string => folders.get(toHex(id))?.name ?? toHex(id).slice(0, 8)
  const parts: readonly Part[] = [
    ...use.folders.map(({ storeId, fileBytes }) => ({
      key: 'files' as const,
      name: nameOf(storeId),
      bytes: fileBytes,
    })),
    {
      key: 'trash',
      name: t('storage.trash'),
      bytes: use.folders.reduce((sum, { trashBytes }) => sum + trashBytes, 0n),
    },
    { key: 'chunks', name: t('storage.chunks'), bytes: use.chunkBytes },
    { key: 'database', name: t('storage.database'), bytes: use.databaseBytes },
  ]
  return parts.filter(({ bytes }) => bytes > 0n)
}

const Picture = ({ use }: { readonly use: GetStorageUseResponse }) => {
  const { t, i18n } = useTranslation('settings')
  const parts = useParts(use)
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0n)
  const format = (bytes: bigint): string => formatBytes(bytes, i18n.language)
  return (
    <>
      <p className={css['total']}>{format(total)}</p>
      <p className={layout['soft']}>
        {t('storage.free', { free: format(use.diskFreeBytes), disk: format(use.diskBytes) })}
      </p>
      <div className={css['bar']} aria-hidden="true">
        {parts.map(({ key, name, bytes }) => (
          <span
            key={`${key} ${name}`}
            className={css[key]}
            style={{ flexGrow: Number(bytes) / Math.max(1, Number(total)) }}
          />
        ))}
      </div>
      <ul className={css['parts']}>
        {parts.map(({ key, name, bytes }) => (
          <li key={`${key} ${name}`}>
            <span className={[css['swatch'], css[key]].join(' ')} aria-hidden="true" />
            <span>{name}</span>
            <span className={css['amount']}>{format(bytes)}</span>
          </li>
        ))}
      </ul>
    </>
  )
}

export const Storage = () => {
  const { t } = useTranslation('settings')
  const client = useClient(NodeService)
  const load = useCallback((signal: AbortSignal) => client.getStorageUse({}, { signal }), [client])
  const [use] = useLoaded(load)
  return (
    <Card label={t('page.storage')}>
      {use.at === 'failed' && <ErrorNote failure={use.failure} />}
      {use.at === 'ready' && <Picture use={use.value} />}
    </Card>
  )
}
