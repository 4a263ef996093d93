/** How much of the line Lattice may use, and when. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Settings } from '#proto/node_api'
import { Button } from '../../design/button.tsx'
import { Card } from '../../design/card.tsx'
import { ErrorNote } from '../../design/error-note.tsx'
import { SwitchField, TextField } from '../../design/field.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { bytesToLimit, limitToBytes, minuteToTime, timeToMinute } from './limits.ts'
import { QuietDays } from './quiet-days.tsx'
import { useSettings, type SettingsInHand } from './use-settings.ts'
import css from './settings.module.css'

interface PartProps {
  readonly settings: Settings
  readonly inHand: SettingsInHand
}

const useSave = ({ change }: SettingsInHand) => {
  const { t } = useTranslation('settings')
  return async (request: Parameters<SettingsInHand['change']>[0]): Promise<void> => {
    if (await change(request)) showToast('good', t('saved'))
  }
}

const Limits = ({ settings, inHand }: PartProps) => {
  const { t } = useTranslation('settings')
  const save = useSave(inHand)
  const [upload, setUpload] = useState(bytesToLimit(settings.uploadLimit))
  const [download, setDownload] = useState(bytesToLimit(settings.downloadLimit))
  const uploadLimit = limitToBytes(upload)
  const downloadLimit = limitToBytes(download)
  const wrong = t('network.limitWrong')
  return (
    <Card label={t('network.limits')}>
      <h2 className={layout['title']}>{t('network.limits')}</h2>
      <div className={layout['form']}>
        <TextField
          label={t('network.download')}
          note={t('network.limitNote')}
          value={download}
          onChange={setDownload}
          error={downloadLimit === undefined ? wrong : undefined}
        />
        <TextField
          label={t('network.upload')}
          note={t('network.limitNote')}
          value={upload}
          onChange={setUpload}
          error={uploadLimit === undefined ? wrong : undefined}
        />
        <div className={layout['actions']}>
          <CallButton
            action={inHand.action}
            isDisabled={uploadLimit === undefined || downloadLimit === undefined}
            onPress={() => void save({ uploadLimit, downloadLimit })}
          >
            {t('save')}
          </CallButton>
        </div>
        <SwitchField
          label={t('network.discovery')}
          note={t('network.discoveryNote')}
          isOn={settings.localDiscovery}
          onChange={(localDiscovery) => void save({ localDiscovery })}
        />
      </div>
    </Card>
  )
}

interface Span {
  readonly from: string
  readonly to: string
  readonly weekdays: readonly number[]
}

const toHours = (spans: readonly Span[]) =>
  spans.map(({ from, to, weekdays }) => ({
    fromMinute: timeToMinute(from) ?? 0,
    toMinute: timeToMinute(to) ?? 0,
    weekdays: [...weekdays],
  }))

/** The contract's. */
const SPANS_MAX = 32

const QuietSpan = ({
  span,
  onChange,
  onRemove,
}: {
  span: Span
  onChange: (span: Span) => void
  onRemove: () => void
}) => {
  const { t } = useTranslation('settings')
  return (
    <li className={css['span']}>
      <TextField
        label={t('network.from')}
        type="time"
        value={span.from}
        onChange={(from) => onChange({ ...span, from })}
      />
      <TextField label={t('network.to')} type="time" value={span.to} onChange={(to) => onChange({ ...span, to })} />
      <QuietDays days={span.weekdays} onChange={(weekdays) => onChange({ ...span, weekdays })} />
      <Button kind="quiet" size="small" onPress={onRemove}>
        {t('network.remove')}
      </Button>
    </li>
  )
}

const QuietHours = ({ settings, inHand }: PartProps) => {
  const { t } = useTranslation('settings')
  const save = useSave(inHand)
  const [spans, setSpans] = useState<readonly Span[]>(() =>
    settings.quietHours.map(({ fromMinute, toMinute, weekdays }) => ({
      from: minuteToTime(fromMinute),
      to: minuteToTime(toMinute),
      weekdays,
    })),
  )
  const areTimes = spans.every(({ from, to }) => timeToMinute(from) !== undefined && timeToMinute(to) !== undefined)
  return (
    <Card label={t('network.quiet')}>
      <h2 className={layout['title']}>{t('network.quiet')}</h2>
      <p className={layout['soft']}>{t('network.quietNote')}</p>
      <ul className={css['spans']}>
        {spans.map((span, at) => (
          <QuietSpan
            key={at}
            span={span}
            onChange={(changed) => setSpans(spans.with(at, changed))}
            onRemove={() => setSpans(spans.toSpliced(at, 1))}
          />
        ))}
      </ul>
      <div className={layout['actions']}>
        <Button
          isDisabled={spans.length >= SPANS_MAX}
          onPress={() => setSpans([...spans, { from: '22:00', to: '06:00', weekdays: [] }])}
        >
          {t('network.addSpan')}
        </Button>
        <CallButton
          action={inHand.action}
          isDisabled={!areTimes}
          onPress={() => void save({ quietHours: { hours: toHours(spans) } })}
        >
          {t('save')}
        </CallButton>
      </div>
    </Card>
  )
}

export const Network = () => {
  const inHand = useSettings()
  const { settings } = inHand
  if (settings.at === 'failed') return <ErrorNote failure={settings.failure} />
  if (settings.at === 'loading') return null
  return (
    <>
      <ActionError action={inHand.action} />
      <div className={css['columns']}>
        <Limits settings={settings.value} inHand={inHand} />
        <QuietHours settings={settings.value} inHand={inHand} />
      </div>
    </>
  )
}
