/** How far something is. Without a `value` it says only that work goes on. `label` is for those who do not see it. */
import { ProgressBar } from 'react-aria-components'
import css from './progress.module.css'

interface ProgressProps {
  readonly label: string
  /** 0 to 1. */
  readonly value?: number
}

export const Progress = ({ label, value }: ProgressProps) => (
  <ProgressBar
    className={css['bar']}
    aria-label={label}
    minValue={0}
    maxValue={1}
    value={value}
    isIndeterminate={value === undefined}
  >
    <div
      className={value === undefined ? css['running'] : css['fill']}
      style={value === undefined ? undefined : { inlineSize: `${Math.min(1, Math.max(0, value)) * 100}%` }}
    />
  </ProgressBar>
)
