/** On which days of the week quiet hours begin; none chosen means every day, as in the contract. */
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import css from './settings.module.css'

/** 1 January 2023 was a Sunday, the day the contract counts from. */
const dayName = (day: number, language: string, weekday: 'short' | 'long'): string =>
  new Intl.DateTimeFormat(language, { weekday, timeZone: 'UTC' }).format(Date.UTC(2023, 0, 1 + day))

const week = [1, 2, 3, 4, 5, 6, 0]

export const QuietDays = ({
  days,
  onChange,
}: {
  days: readonly number[]
  onChange: (days: readonly number[]) => void
}) => {
  const { t, i18n } = useTranslation('settings')
  return (
    <ToggleButtonGroup
      className={css['days']}
      aria-label={t('network.days')}
      selectionMode="multiple"
      selectedKeys={days.map(String)}
      onSelectionChange={(keys) => onChange([...keys].map(Number).sort((a, b) => a - b))}
    >
      {week.map((day) => (
        <ToggleButton key={day} id={String(day)} className={css['day']}>
          <abbr title={dayName(day, i18n.language, 'long')}>{dayName(day, i18n.language, 'short')}</abbr>
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  )
}
