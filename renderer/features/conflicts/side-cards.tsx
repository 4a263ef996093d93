/** The sides of a conflict as cards: who, which device, when, how large, what type; and taking one as it is. */
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import { formatTime, shortHex, toHex } from '../../present/format.ts'
import css from './conflict-screen.module.css'
import type { Conflict } from './store.ts'
import { tellOf, whatTells } from './words.ts'

interface Props {
  readonly state: Extract<Conflict, { at: 'open' }>
  readonly self: string
  readonly isBusy: boolean
  readonly onCompare: (place: 'left' | 'right', side: number) => void
  readonly onTake: (hash: Uint8Array) => void
}

export function SideCards({ state, self, isBusy, onCompare, onTake }: Props) {
  const { t } = useTranslation('conflicts')
  return (
    <ul className={css['sides']} aria-label={t('sides')}>
      {state.info.heads.map((head, at) => (
        <li key={toHex(head.hash)} className={css['side']} data-mine={toHex(head.device) === self}>
          <SideFacts state={state} at={at} isMine={toHex(head.device) === self} />
          <div className={controls['bar']}>
            <button
              type="button"
              className={controls['button']}
              disabled={isBusy}
              onClick={() => onTake(head.hash)}
              aria-label={t('named', { what: t(head.deleted ? 'takeDeletion' : 'take'), name: head.deviceName })}
            >
              {head.deleted ? t('takeDeletion') : t('take')}
            </button>
            {state.info.heads.length > 2 && (
              <>
                <span className={controls['grow']} />
                {(['left', 'right'] as const).map((place) => (
                  <button
                    key={place}
                    type="button"
                    className={`${controls['button']} ${controls['small']}`}
                    aria-pressed={state[place] === at}
                    onClick={() => onCompare(place, at)}
                  >
                    {t(`compare.${place}`)}
                  </button>
                ))}
              </>
            )}
          </div>
        </li>
      ))}
    </ul>
  )
}

function SideFacts({
  state,
  at,
  isMine,
}: {
  readonly state: Props['state']
  readonly at: number
  readonly isMine: boolean
}) {
  const { t, i18n } = useTranslation('conflicts')
  const head = state.info.heads[at]!
  const side = state.sides[at]
  return (
    <>
      <h2>
        <bdi>{isMine ? t('mine', { name: head.deviceName }) : head.deviceName}</bdi>
      </h2>
      <dl className={css['factList']}>
        <div>
          <dt>{t('fact.time')}</dt>
          <dd>{formatTime(head.timeMs, i18n.language, true)}</dd>
        </div>
        {side && side.writtenBy.length > 0 && toHex(side.writtenBy) !== toHex(head.device) && (
          <div>
            <dt>{t('fact.writtenBy')}</dt>
            <dd>
              <bdi>{side.writtenByName}</bdi>, {formatTime(side.writtenMs, i18n.language, true)}
            </dd>
          </div>
        )}
        <div>
          <dt>{t(`fact.${whatTells(head)}`)}</dt>
          <dd>
            <bdi>{tellOf(head, t, i18n.language)}</bdi>
          </dd>
        </div>
        {whatTells(head) === 'size' && (
          <div>
            <dt>{t('fact.type')}</dt>
            <dd>
              <bdi>{side?.type || '–'}</bdi>
            </dd>
          </div>
        )}
        <div>
          <dt>{t('fact.name')}</dt>
          <dd>
            <bdi>{head.name}</bdi>
          </dd>
        </div>
        <div>
          <dt>{t('fact.version')}</dt>
          <dd>
            <code title={toHex(head.hash)}>{shortHex(head.hash)}</code>
          </dd>
        </div>
      </dl>
    </>
  )
}
