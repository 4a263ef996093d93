/** An invite that was just made: the link to send, and the same as a picture to scan. */
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { encode } from 'uqr'
import type { CreateInviteResponse } from '#proto/invite_api'
import { Button } from '../../design/button.tsx'
import { Icon } from '../../design/icons.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { formatTime } from '../../present/format.ts'
import css from './pairing.module.css'

/** Dark modules of the code as one SVG path; each is one unit square. */
const qrPath = (matrix: readonly (readonly boolean[])[]): string =>
  matrix.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('')

const QrCode = ({ text }: { readonly text: string }) => {
  const { t } = useTranslation('pairing')
  const { data, size } = useMemo(() => encode(text, { ecc: 'L', border: 3 }), [text])
  return (
    <svg viewBox={`0 0 ${size} ${size}`} className={css['qr']} role="img" aria-label={t('link.qr')}>
      <path d={qrPath(data)} />
    </svg>
  )
}

export const InviteLink = ({ made: { link, invite } }: { readonly made: CreateInviteResponse }) => {
  const { t, i18n } = useTranslation('pairing')
  const copy = (): void => {
    navigator.clipboard.writeText(link).then(
      () => showToast('good', t('link.copied')),
      () => showToast('bad', t('link.notCopied')),
    )
  }
  return (
    <div className={layout['form']}>
      <p>{t('link.intro')}</p>
      <QrCode text={link} />
      <div className={css['link']}>
        <code dir="ltr">{link}</code>
        <Button kind="primary" size="small" onPress={copy}>
          <Icon name="copy" size={16} />
          {t('link.copy')}
        </Button>
      </div>
      {invite !== undefined && (
        <p className={layout['soft']}>
          {t('link.until', { time: formatTime(invite.expiresMs, i18n.language), count: invite.uses })}
        </p>
      )}
    </div>
  )
}
