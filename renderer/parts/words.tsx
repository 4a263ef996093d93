/** The four words that two people compare: the same on both screens, or somebody is in between. */
import { useTranslation } from 'react-i18next'
import css from './forms.module.css'

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
