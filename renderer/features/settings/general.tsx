/** The device's name, how the app looks and speaks, and what the desktop shell adds. */
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DesktopService, KeyStorage, type Desktop } from '#proto/desktop_api'
import type { Settings } from '#proto/node_api'
import { useIsDesktop } from '../../connection/desktop.ts'
import { Card } from '../../design/card.tsx'
import { ErrorNote } from '../../design/error-note.tsx'
import { SelectField, SwitchField, TextField } from '../../design/field.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { languages } from '../../i18n/choice.ts'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useLoaded } from '../../present/use-loaded.ts'
import { choosePreferences, usePreferences, type ThemeChoice } from '../../state/preferences.ts'
import { keepInDesktop } from './desktop-preferences.ts'
import { useSettings, type SettingsInHand } from './use-settings.ts'
import css from './settings.module.css'

const DeviceName = ({ settings, inHand }: { readonly settings: Settings; readonly inHand: SettingsInHand }) => {
  const { t } = useTranslation('settings')
  const [name, setName] = useState(settings.deviceName)
  const save = async (): Promise<void> => {
    if (await inHand.change({ deviceName: name.trim() })) showToast('good', t('saved'))
  }
  return (
    <>
      <TextField
        label={t('general.name')}
        note={t('general.nameNote')}
        value={name}
        onChange={setName}
        maxLength={64}
      />
      <div className={layout['actions']}>
        <CallButton
          action={inHand.action}
          isDisabled={name.trim() === '' || name.trim() === settings.deviceName}
          onPress={() => void save()}
        >
          {t('save')}
        </CallButton>
      </div>
    </>
  )
}

const isTheme = (id: string): id is ThemeChoice => ['system', 'light', 'dark'].includes(id)
const AS_SYSTEM = 'system'

const Appearance = () => {
  const { t } = useTranslation('settings')
  const isDesktop = useIsDesktop()
  const desktop = useClient(DesktopService)
  const action = useAction()
  const { theme, language } = usePreferences()
  const choose = (choice: Parameters<typeof choosePreferences>[0]): void =>
    void action.run(async () => {
      await choosePreferences(choice)
      if (isDesktop) await keepInDesktop(desktop, choice)
    })
  return (
    <Card label={t('general.appearance')}>
      <h2 className={layout['title']}>{t('general.appearance')}</h2>
      <div className={layout['form']}>
        <SelectField
          label={t('general.theme')}
          choices={['system', 'light', 'dark'].map((id) => ({ id, label: t(`theme.${id}`) }))}
          value={theme}
          onChange={(id) => isTheme(id) && choose({ theme: id })}
        />
        <SelectField
          label={t('general.language')}
          choices={[
            { id: AS_SYSTEM, label: t('general.asSystem') },
            ...Object.entries(languages).map(([id, label]) => ({ id, label })),
          ]}
          value={language in languages ? language : AS_SYSTEM}
          onChange={(id) => choose({ language: id === AS_SYSTEM ? '' : id })}
        />
        <ActionError action={action} />
      </div>
    </Card>
  )
}

const Shell = ({ desktop }: { readonly desktop: Desktop }) => {
  const { t } = useTranslation('settings')
  const client = useClient(DesktopService)
  const action = useAction()
  const [autostart, setAutostart] = useState(desktop.autostart)
  const change = async (on: boolean): Promise<void> => {
    if (await action.run(() => client.changeDesktop({ autostart: on }))) setAutostart(on)
  }
  return (
    <div className={layout['form']}>
      <SwitchField
        label={t('general.autostart')}
        note={t('general.autostartNote')}
        isOn={autostart}
        onChange={(on) => void change(on)}
      />
      <p className={layout['soft']}>
        {t(desktop.keyStorage === KeyStorage.KEYCHAIN ? 'general.keyKeychain' : 'general.keyFile')}
      </p>
      <ActionError action={action} />
    </div>
  )
}

const DesktopCard = () => {
  const { t } = useTranslation('settings')
  const client = useClient(DesktopService)
  const load = useCallback(async (signal: AbortSignal) => (await client.getDesktop({}, { signal })).desktop, [client])
  const [desktop] = useLoaded(load)
  return (
    <Card label={t('general.desktop')}>
      <h2 className={layout['title']}>{t('general.desktop')}</h2>
      {desktop.at === 'failed' && <ErrorNote failure={desktop.failure} />}
      {desktop.at === 'ready' && desktop.value !== undefined && <Shell desktop={desktop.value} />}
    </Card>
  )
}

export const General = () => {
  const { t } = useTranslation('settings')
  const isDesktop = useIsDesktop()
  const inHand = useSettings()
  const { settings } = inHand
  return (
    <div className={css['columns']}>
      <Card label={t('general.device')}>
        <h2 className={layout['title']}>{t('general.device')}</h2>
        <div className={layout['form']}>
          {settings.at === 'failed' && <ErrorNote failure={settings.failure} />}
          {settings.at === 'ready' && (
            <DeviceName key={settings.value.deviceName} settings={settings.value} inHand={inHand} />
          )}
          <ActionError action={inHand.action} />
        </div>
      </Card>
      <Appearance />
      {isDesktop && <DesktopCard />}
    </div>
  )
}
