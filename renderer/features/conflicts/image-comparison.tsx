/** Two pictures: beside each other, one wiped over the other, or one seen through the other. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import css from './image-comparison.module.css'

interface Props {
  readonly left: string // blob: URLs
  readonly right: string
  readonly leftName: string
  readonly rightName: string
}

const modes = ['beside', 'swipe', 'fade'] as const
type Mode = (typeof modes)[number]

export function ImageComparison({ left, right, leftName, rightName }: Props) {
  const { t } = useTranslation('conflicts')
  const [mode, setMode] = useState<Mode>('beside')
  const [percent, setPercent] = useState(50)
  return (
    <section className={css['comparison']} aria-label={t('images.label')}>
      <div className={controls['bar']} role="toolbar" aria-label={t('images.label')}>
        {modes.map((each) => (
          <button
            key={each}
            type="button"
            className={controls['button']}
            aria-pressed={mode === each}
            onClick={() => setMode(each)}
          >
            {t(`images.${each}`)}
          </button>
        ))}
        {mode !== 'beside' && (
          <label className={`${controls['label']} ${controls['grow']}`}>
            <bdi>{leftName}</bdi>
            <input
              type="range"
              className={css['slider']}
              value={percent}
              onChange={(event) => setPercent(event.target.valueAsNumber)}
              aria-label={t('images.slider')}
            />
            <bdi>{rightName}</bdi>
          </label>
        )}
      </div>
      {mode === 'beside' ? (
        <div className={css['beside']}>
          <Picture url={left} name={leftName} />
          <Picture url={right} name={rightName} />
        </div>
      ) : (
        <div className={css['stack']} dir="ltr">
          <img src={left} alt={leftName} />
          <img
            src={right}
            alt={rightName}
            style={mode === 'fade' ? { opacity: percent / 100 } : { clipPath: `inset(0 0 0 ${percent}%)` }}
          />
          {mode === 'swipe' && <span className={css['edge']} style={{ left: `${percent}%` }} />}
        </div>
      )}
    </section>
  )
}

function Picture({ url, name }: { readonly url: string; readonly name: string }) {
  const { t } = useTranslation('conflicts')
  const [size, setSize] = useState<readonly [number, number] | 'broken'>()
  return (
    <figure className={css['picture']}>
      {size === 'broken' ? (
        <p role="alert">{t('images.broken')}</p>
      ) : (
        <img
          src={url}
          alt={name}
          onLoad={({ currentTarget: image }) => setSize([image.naturalWidth, image.naturalHeight])}
          onError={() => setSize('broken')}
        />
      )}
      <figcaption>
        <bdi>{name}</bdi>
        {Array.isArray(size) && <span>{t('images.size', { width: size[0], height: size[1] })}</span>}
      </figcaption>
    </figure>
  )
}
