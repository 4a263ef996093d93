/** Short news at the edge of the window: something was done, or could not be. Calls that have no place of their own use it. */
import { create } from 'zustand'
import { useTranslation } from 'react-i18next'
import { Button } from './button.tsx'
import { Icon } from './icons.tsx'
import css from './toast.module.css'

export interface Toast {
  readonly id: number
  readonly tone: 'good' | 'bad'
  readonly text: string
}

/** Older ones make room. */
const TOASTS_MAX = 4
/** News that asks for nothing goes by itself; bad news stays until it is read. */
const GOOD_SHOWN_MS = 6_000

interface Toasts {
  readonly shown: readonly Toast[]
  readonly nextId: number
}

const useToasts = create<Toasts>(() => ({ shown: [], nextId: 1 }))

const dismiss = (id: number): void => {
  useToasts.setState(({ shown }) => ({ shown: shown.filter((toast) => toast.id !== id) }))
}

export const showToast = (tone: Toast['tone'], text: string): void => {
  const id = useToasts.getState().nextId
  useToasts.setState(({ shown }) => ({ shown: [...shown, { id, tone, text }].slice(-TOASTS_MAX), nextId: id + 1 }))
  if (tone === 'good') setTimeout(() => dismiss(id), GOOD_SHOWN_MS)
}

export const ToastRegion = () => {
  const { t } = useTranslation('design')
  const shown = useToasts((toasts) => toasts.shown)
  return (
    <div className={css['region']} role="status" aria-live="polite">
      {shown.map(({ id, tone, text }) => (
        <div key={id} className={[css['toast'], css[tone]].join(' ')}>
          <Icon name={tone === 'good' ? 'check' : 'warning'} size={18} />
          <span>{text}</span>
          <Button kind="quiet" size="small" aria-label={t('dismiss')} onPress={() => dismiss(id)}>
            <Icon name="close" size={14} />
          </Button>
        </div>
      ))}
    </div>
  )
}
