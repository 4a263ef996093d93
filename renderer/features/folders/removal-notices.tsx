/** That this device was removed from a space or a folder: said once for all folders that it concerns. */
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Folder, Removal } from '#proto/folder_api'
import { Notice } from '../../present/notice.tsx'
import { toHex } from '../../present/format.ts'
import { useFolders } from '../../state/node-store.ts'

/** Each once, the latest first. */
export const removalsOf = (folders: Iterable<Pick<Folder, 'removal'>>): readonly Removal[] => {
  const all = new Map<string, Removal>()
  for (const { removal } of folders) if (removal) all.set(toHex(removal.storeId), removal)
  return [...all.values()].sort((a, b) => Number(b.timeMs - a.timeMs))
}

export const RemovalNotices = () => {
  const { t, i18n } = useTranslation('folders')
  const folders = useFolders()
  const removals = useMemo(() => removalsOf(folders.values()), [folders])
  const day = new Intl.DateTimeFormat(i18n.language, { dateStyle: 'long' })
  return removals.map(({ storeId, name, by, byName, timeMs }) => (
    <Notice
      key={toHex(storeId)}
      title={t('removed.title', { name, by: byName || toHex(by).slice(0, 8), date: day.format(Number(timeMs)) })}
    >
      {t('removed.text')}
    </Notice>
  ))
}
