/** The folder's life as bars, and a slider over it: where it stands is the time that the tree below shows. */
import { useMemo, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import { formatTime } from '../../present/format.ts'
import css from './time-scrubber.module.css'
import { barsOf, changedPart, timeOfPart, type Timeline } from './timeline.ts'

interface Props {
  readonly timeline: Timeline
  readonly part: number
  readonly onPart: (part: number) => void
}

const HEIGHT = 72

export function TimeScrubber({ timeline, part, onPart }: Props) {
  const { t, i18n } = useTranslation('history')
  const bars = useMemo(() => barsOf(timeline), [timeline])
  const last = bars.length - 1
  const time = formatTime(timeOfPart(timeline, part), i18n.language)
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!event.altKey || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return
    event.preventDefault()
    onPart(changedPart(timeline, part, event.key === 'ArrowRight' ? 1 : -1))
  }
  return (
    <section className={css['scrubber']} aria-label={t('scrubber.label')}>
      <div className={controls['bar']}>
        <strong className={css['time']}>{part === last ? t('scrubber.now', { time }) : time}</strong>
        <span className={css['changes']}>{t('scrubber.changes', { count: timeline.changes[part] ?? 0 })}</span>
        <span className={controls['grow']} />
        <button
          type="button"
          className={controls['button']}
          disabled={changedPart(timeline, part, -1) === part}
          onClick={() => onPart(changedPart(timeline, part, -1))}
        >
          {t('scrubber.before')}
        </button>
        <button
          type="button"
          className={controls['button']}
          disabled={changedPart(timeline, part, 1) === part}
          onClick={() => onPart(changedPart(timeline, part, 1))}
        >
          {t('scrubber.after')}
        </button>
        <button type="button" className={controls['button']} disabled={part === last} onClick={() => onPart(last)}>
          {t('scrubber.toNow')}
        </button>
      </div>
      {/* Time runs from left to right in every language, as in charts. */}
      <div className={css['track']} dir="ltr">
        <Bars bars={bars} part={part} />
        <input
          type="range"
          min={0}
          max={last}
          value={part}
          aria-label={t('scrubber.slider')}
          aria-valuetext={time}
          onChange={(event) => onPart(event.target.valueAsNumber)}
          onKeyDown={onKeyDown}
        />
        <div className={css['ends']}>
          <span>{formatTime(timeline.fromMs, i18n.language)}</span>
          <span>{formatTime(timeline.toMs, i18n.language)}</span>
        </div>
      </div>
    </section>
  )
}

const Bars = ({ bars, part }: { readonly bars: readonly number[]; readonly part: number }) => (
  <svg viewBox={`0 0 ${bars.length} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden>
    {bars.map(
      (bar, at) =>
        bar > 0 && (
          <rect
            key={at}
            x={at + 0.1}
            width={0.8}
            y={HEIGHT - bar * (HEIGHT - 4)}
            height={bar * (HEIGHT - 4)}
            data-past={at <= part}
          />
        ),
    )}
  </svg>
)
