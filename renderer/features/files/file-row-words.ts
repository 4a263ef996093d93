/** The words of rows in the language of the interface, looked up once and not for each row. */
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { EntryKind, FileState } from '#proto/file_api'
import { formatBytes, formatTime } from '../../present/format.ts'

export interface RowWords {
  readonly kinds: Readonly<Record<EntryKind, string>>
  readonly states: Readonly<Record<FileState, string>>
  readonly bytes: (bytes: bigint) => string
  readonly time: (ms: bigint) => string
}

export const useRowWords = (): RowWords => {
  const { t, i18n } = useTranslation('files')
  const { language } = i18n
  return useMemo(
    () => ({
      kinds: {
        [EntryKind.UNSPECIFIED]: t('kind.UNSPECIFIED'),
        [EntryKind.FILE]: t('kind.FILE'),
        [EntryKind.DIRECTORY]: t('kind.DIRECTORY'),
        [EntryKind.SYMLINK]: t('kind.SYMLINK'),
        [EntryKind.OTHER]: t('kind.OTHER'),
      },
      states: {
        [FileState.UNSPECIFIED]: t('state.UNSPECIFIED'),
        [FileState.SYNCED]: t('state.SYNCED'),
        [FileState.PENDING_OUT]: t('state.PENDING_OUT'),
        [FileState.PENDING_IN]: t('state.PENDING_IN'),
        [FileState.CONFLICTED]: t('state.CONFLICTED'),
        [FileState.IGNORED]: t('state.IGNORED'),
        [FileState.PROBLEM]: t('state.PROBLEM'),
      },
      bytes: (bytes) => formatBytes(bytes, language),
      time: (ms) => formatTime(ms, language),
    }),
    [t, language],
  )
}
