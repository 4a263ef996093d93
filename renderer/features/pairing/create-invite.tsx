/** Making an invite, and the link it becomes. */
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { InviteService, type CreateInviteResponse } from '#proto/invite_api'
import { Button } from '../../design/button.tsx'
import { Card } from '../../design/card.tsx'
import { SelectField, SwitchField } from '../../design/field.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { roleKeys, roleOf } from '../../parts/roles.ts'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useFolders } from '../../state/node-store.ts'
import { InviteLink } from './invite-link.tsx'
import css from './pairing.module.css'

const HOUR_MS = 3_600_000
const lifetimes = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS, month: 30 * 24 * HOUR_MS } as const
const usesChoices = [1, 2, 5, 10, 50]
/** As the API names the space of this device. */
const SPACE = 'space'

type Choices = { target: string; role: string; lifetime: keyof typeof lifetimes; uses: number; approval: boolean }

const isLifetime = (id: string): id is keyof typeof lifetimes => id in lifetimes

const InviteForm = ({ initial, onMade }: { initial: Choices; onMade: (made: CreateInviteResponse) => void }) => {
  const { t } = useTranslation('pairing')
  const client = useClient(InviteService)
  const folders = useFolders()
  const action = useAction()
  const [choices, setChoices] = useState(initial)
  const set = (change: Partial<Choices>): void => setChoices({ ...choices, ...change })
  const make = async (): Promise<void> => {
    const { target, role, lifetime, uses, approval } = choices
    const expiresInMs = BigInt(lifetimes[lifetime])
    onMade(await client.createInvite({ target, role: roleOf(role), expiresInMs, uses, approval }))
  }
  const targets = [
    { id: SPACE, label: t('create.space'), note: t('create.spaceNote') },
    ...[...folders]
      .filter(([, { path }]) => path !== '')
      .map(([id, { name }]) => ({ id, label: name, note: t('create.folderNote') })),
  ]
  return (
    <Form
      className={layout['form']}
      onSubmit={(event) => {
        event.preventDefault()
        void action.run(make)
      }}
    >
      <SelectField
        label={t('create.target')}
        choices={targets}
        value={choices.target}
        onChange={(target) => set({ target })}
      />
      <SelectField
        label={t('create.role')}
        choices={roleKeys.map((id) => ({ id, label: t(`role.${id}`), note: t(`roleNote.${id}`) }))}
        value={choices.role}
        onChange={(role) => set({ role })}
      />
      <div className={css['pair']}>
        <SelectField
          label={t('create.expires')}
          choices={Object.keys(lifetimes).map((id) => ({ id, label: t(`lifetime.${id}`) }))}
          value={choices.lifetime}
          onChange={(id) => isLifetime(id) && set({ lifetime: id })}
        />
        <SelectField
          label={t('create.uses')}
          choices={usesChoices.map((count) => ({ id: String(count), label: t('uses', { count }) }))}
          value={String(choices.uses)}
          onChange={(id) => set({ uses: Number(id) })}
        />
      </div>
      <SwitchField
        label={t('create.approval')}
        note={t('create.approvalNote')}
        isOn={choices.approval}
        onChange={(approval) => set({ approval })}
      />
      <ActionError action={action} />
      <div className={layout['actions']}>
        <CallButton kind="primary" type="submit" action={action}>
          {t('create.submit')}
        </CallButton>
      </div>
    </Form>
  )
}

export const CreateInvite = ({ initialTarget = SPACE, onMade }: { initialTarget?: string; onMade: () => void }) => {
  const { t } = useTranslation('pairing')
  const [made, setMade] = useState<CreateInviteResponse>()
  const initial: Choices = { target: initialTarget, role: 'writer', lifetime: 'day', uses: 1, approval: true }
  return (
    <Card label={t('create.title')}>
      <h2 className={layout['title']}>{t(made === undefined ? 'create.title' : 'link.title')}</h2>
      {made === undefined ? (
        <InviteForm
          initial={initial}
          onMade={(invite) => {
            setMade(invite)
            onMade()
          }}
        />
      ) : (
        <>
          <InviteLink made={made} />
          <div className={layout['actions']}>
            <Button onPress={() => setMade(undefined)}>{t('link.another')}</Button>
          </div>
        </>
      )}
    </Card>
  )
}
