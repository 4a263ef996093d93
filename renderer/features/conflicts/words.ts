/** What tells one side of a conflict from the others at a glance: its size, or, where it has none, what it has. */
import type { TFunction } from 'i18next'
import type { ConflictHead } from '#proto/conflict_api'
import { formatBytes } from '../../present/format.ts'

type Facts = Pick<ConflictHead, 'deleted' | 'directory' | 'place' | 'size' | 'target'>

/** A key of the texts in `fact`. */
export const whatTells = ({ deleted, directory, place, target }: Facts): 'kind' | 'place' | 'size' | 'target' => {
  if (deleted) return 'size'
  if (place !== '') return 'place'
  if (target !== '') return 'target'
  return directory ? 'kind' : 'size'
}

export const tellOf = (head: Facts, t: TFunction<'conflicts'>, language: string): string => {
  if (head.deleted) return t('deleted')
  switch (whatTells(head)) {
    case 'place':
      return head.place
    case 'target':
      return head.target
    case 'kind':
      return t('directory')
    case 'size':
      return formatBytes(head.size, language)
  }
}
