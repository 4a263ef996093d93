/** The four words that two people compare: the same on both screens, or somebody is in between. */
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import css from './forms.module.css'

/** Words may take the place of others just as a person presses: nobody says that they match before they can be read. */
const READ_MS = 1_000

/** False until what was just shown can have been read. */
export const useIsReadable = (): boolean => {
  const [isReadable, setIsReadable] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setIsReadable(true), READ_MS)
    return () => clearTimeout(timer)
  }, [])
  return isReadable
}

export const Words = ({ words }: { readonly words: readonly string[] }) => {
  const { t } = useTranslation('pairing')
  return (
    <ol className={css['words']} aria-label={t('words.label')}>
      {words.map((word, at) => (
        <li key={`${at} ${word}`} className={css['word']}>
          {word}
        </li>
      ))}
    </ol>
  )
}
