/** Pictures of entries and their states. A state always has its word beside it: colour and shape alone say too little. */
import { EntryKind, FileState } from '#proto/file_api'
import css from './file-table.module.css'

const entryPaths: Record<EntryKind, string> = {
  [EntryKind.UNSPECIFIED]: 'M4 2h6l3 3v9H4z',
  [EntryKind.FILE]: 'M4 2h6l3 3v9H4zM10 2v3h3',
  [EntryKind.DIRECTORY]: 'M2 4h4l2 2h6v7H2z',
  [EntryKind.SYMLINK]: 'M5 11l6-6M7 5h4v4',
  [EntryKind.OTHER]: 'M8 3v6M8 12v1',
}

interface EntryProps {
  readonly kind: EntryKind
  readonly word: string
}

export const EntryIcon = ({ kind, word }: EntryProps) => {
  return (
    <svg className={css['icon']} data-kind={kind} viewBox="0 0 16 16" role="img" aria-label={word}>
      <path d={entryPaths[kind]} />
    </svg>
  )
}

const statePaths: Record<FileState, string> = {
  [FileState.UNSPECIFIED]: '',
  [FileState.SYNCED]: 'M3 8.5l3.5 3.5L13 5',
  [FileState.PENDING_OUT]: 'M8 13V3M4 7l4-4 4 4',
  [FileState.PENDING_IN]: 'M8 3v10M4 9l4 4 4-4',
  [FileState.CONFLICTED]: 'M3 3l5 5v5M13 3L8 8',
  [FileState.IGNORED]: 'M8 2.5a5.5 5.5 0 1 0 .01 0M4.2 4.2l7.6 7.6',
  [FileState.PROBLEM]: 'M8 2l6.5 11.5h-13zM8 6.5v3.5M8 12v.2',
}

interface StateProps {
  readonly state: FileState
  readonly word: string
  readonly why: string
}

export const StateTag = ({ state, word, why }: StateProps) => {
  return (
    <span className={css['tag']} data-state={state} title={why === '' ? undefined : why}>
      <svg viewBox="0 0 16 16" aria-hidden>
        <path d={statePaths[state]} />
      </svg>
      <span>{word}</span>
      {why !== '' && <small>{why}</small>}
    </span>
  )
}
