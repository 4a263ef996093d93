/** What was changed in a folder, newest first, narrowed by device, path and days. */
import { useDeferredValue, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ActivityEntry } from '#proto/file_api'
import layout from '../../design/layout.module.css'
import controls from '../../present/controls.module.css'
import { formatBytes, formatTime, toHex } from '../../present/format.ts'
import css from './history-screen.module.css'
import type { KnownDevice } from './history-screen.tsx'
import { useActivity } from './hooks.ts'
import { noFilter, type Filter } from './store.ts'

interface Props {
  readonly folder: string
  readonly version: string
  readonly devices: readonly KnownDevice[]
  readonly nameOf: (device: Uint8Array) => string
}

export function ActivityFeed({ folder, version, devices, nameOf }: Props) {
  const { t } = useTranslation('history')
  const [filter, setFilter] = useState<Filter>(noFilter)
  const { pages, more } = useActivity(folder, useDeferredValue(filter), version)
  return (
    <section className={css['feed']} aria-label={t('feed.label')}>
      <h2>{t('feed.label')}</h2>
      <FilterBar filter={filter} devices={devices} onFilter={setFilter} />
      {pages.at === 'failed' && (
        <p className={controls['fault']} role="alert">
          {pages.why.sentence}
        </p>
      )}
      <ol className={css['entries']} tabIndex={0} aria-label={t('feed.label')} aria-busy={pages.at === 'loading'}>
        {pages.items.map((entry, at) => (
          <Entry key={`${toHex(entry.hash)} ${entry.path} ${at}`} entry={entry} by={nameOf(entry.device)} />
        ))}
      </ol>
      {pages.at === 'loaded' && pages.items.length === 0 && <p className={layout['soft']}>{t('feed.nothing')}</p>}
      {pages.at === 'loaded' && pages.next !== '' && (
        <button type="button" className={controls['button']} onClick={more}>
          {t('more')}
        </button>
      )}
    </section>
  )
}

interface FilterProps {
  readonly filter: Filter
  readonly devices: readonly KnownDevice[]
  readonly onFilter: (filter: Filter) => void
}

function FilterBar({ filter, devices, onFilter }: FilterProps) {
  const { t } = useTranslation('history')
  return (
    <form className={css['filter']} role="search" onSubmit={(event) => event.preventDefault()}>
      <label className={controls['label']}>
        <span>{t('filter.device')}</span>
        <select
          className={controls['field']}
          value={filter.device}
          onChange={(event) => onFilter({ ...filter, device: event.target.value })}
        >
          <option value="">{t('filter.anyDevice')}</option>
          {devices.map(({ device, name }) => (
            <option key={toHex(device)} value={toHex(device)}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className={controls['label']}>
        <span>{t('filter.path')}</span>
        <input
          type="search"
          className={controls['field']}
          value={filter.path}
          placeholder={t('filter.anyPath')}
          onChange={(event) => onFilter({ ...filter, path: event.target.value })}
        />
      </label>
      {(['from', 'to'] as const).map((end) => (
        <label key={end} className={controls['label']}>
          <span>{t(`filter.${end}`)}</span>
          <input
            type="date"
            className={controls['field']}
            value={filter[end]}
            onChange={(event) => onFilter({ ...filter, [end]: event.target.value })}
          />
        </label>
      ))}
    </form>
  )
}

function Entry({ entry, by }: { readonly entry: ActivityEntry; readonly by: string }) {
  const { t, i18n } = useTranslation('history')
  return (
    <li data-change={entry.change}>
      <span className={css['change']}>{t(`change.${entry.change}`, { defaultValue: entry.change })}</span>
      <div>
        <bdi>{entry.path}</bdi>
        {entry.fromPath !== '' && (
          <small>
            {t('feed.from')} <bdi>{entry.fromPath}</bdi>
          </small>
        )}
        <small>
          <bdi>{by}</bdi> · {formatTime(entry.timeMs, i18n.language)}
          {entry.size > 0n && ` · ${formatBytes(entry.size, i18n.language)}`}
        </small>
      </div>
    </li>
  )
}
